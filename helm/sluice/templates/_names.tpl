{{- define "sluice.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{/* Short enough for the suffixes that are added to it: names of services have at most 63 characters. */}}
{{- define "sluice.fullname" -}}
{{- $name := include "sluice.name" . -}}
{{- $default := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $default | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "sluice.selector" -}}
app.kubernetes.io/name: {{ include "sluice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Selects the gateways and nothing else of the release. */}}
{{- define "sluice.gatewaySelector" -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/component: gateway
{{- end }}

{{/* Labels of an object, of the component that is given: dict "root" $ "component" "gateway". */}}
{{- define "sluice.labels" -}}
{{- $root := .root -}}
{{- $own := dict
      "helm.sh/chart" (printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_"))
      "app.kubernetes.io/name" (include "sluice.name" $root)
      "app.kubernetes.io/instance" $root.Release.Name
      "app.kubernetes.io/version" $root.Chart.AppVersion
      "app.kubernetes.io/component" .component
      "app.kubernetes.io/part-of" "sluice"
      "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- toYaml (merge $own $root.Values.commonLabels) -}}
{{- end }}

{{- define "sluice.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "sluice.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{- define "sluice.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The address that takes connections on every interface, before its colon and port. */}}
{{- define "sluice.everywhere" -}}
{{- ternary "[::]" "0.0.0.0" (eq .Values.ipFamily "IPv6") -}}
{{- end }}

{{/* Name of the headless service by which gateways find each other. */}}
{{- define "sluice.peersHost" -}}
{{- printf "%s-peers.%s.svc" (include "sluice.fullname" .) .Release.Namespace -}}
{{- with .Values.clusterDomain -}}.{{ . }}{{- end -}}
{{- end }}
