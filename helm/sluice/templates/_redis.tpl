{{- define "sluice.redisSelector" -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/component: redis
{{- end }}
