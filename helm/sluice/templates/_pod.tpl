{{- define "sluice.env" -}}
{{- range include "sluice.credentials" . | fromJsonArray }}
- name: {{ .env }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end }}
{{- if and (include "sluice.isDemo" .) .Values.redis.enabled }}
- name: SLUICE_REDIS_URL
  value: redis://:$(SLUICE_REDIS_PASSWORD)@{{ include "sluice.fullname" . }}-redis:6379
{{- end }}
{{- if include "sluice.usesPeers" . }}
- name: SLUICE_POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Over nodes and zones, of one version among itself: a rollout would otherwise count pods that are about to go. */}}
{{- define "sluice.spread" -}}
{{- $selector := dict "matchLabels" (include "sluice.gatewaySelector" . | fromYaml) -}}
{{- $given := .Values.topologySpreadConstraints -}}
{{- if kindIs "invalid" $given -}}
{{- $given = list -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" -}}
{{- $given = append $given (dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway" "matchLabelKeys" (list "pod-template-hash")) -}}
{{- end -}}
{{- end -}}
{{- $result := list -}}
{{- range $given -}}
{{- $result = append $result (merge (deepCopy .) (dict "labelSelector" $selector)) -}}
{{- end -}}
{{- toYaml $result -}}
{{- end }}
