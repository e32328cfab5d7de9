{{/*
What is secret, and where each comes from. JSON, a list of { name, env, key, secret, value }: `secret` is the Secret that
holds it under `key`; `value` is what the chart's own Secret gets: given, found in the cluster from before, or random.
*/}}
{{- define "sluice.credentials" -}}
{{- $root := . -}}
{{- $secrets := .Values.secrets -}}
{{- $own := printf "%s-secrets" (include "sluice.fullname" .) -}}
{{- $before := (lookup "v1" "Secret" .Release.Namespace $own).data | default dict -}}
{{- $made := dict
      "adminToken" "true"
      "peerSecret" (include "sluice.usesPeers" .)
      "redisPassword" (ternary "true" "" .Values.redis.enabled) -}}
{{- $result := list -}}
{{- range $name, $about := dict
      "adminToken" (list "SLUICE_ADMIN_TOKEN" "admin-token")
      "peerSecret" (list "SLUICE_PEER_SECRET" "peer-secret")
      "redisUrl" (list "SLUICE_REDIS_URL" "redis-url")
      "redisPassword" (list "SLUICE_REDIS_PASSWORD" "redis-password")
      "sentinelPassword" (list "SLUICE_SENTINEL_PASSWORD" "sentinel-password")
      "etcdPassword" (list "SLUICE_ETCD_PASSWORD" "etcd-password") -}}
{{- $given := get $secrets $name -}}
{{- $key := last $about -}}
{{- $entry := dict "name" $name "env" (first $about) -}}
{{- if $secrets.existingSecret -}}
{{- if $given -}}
{{- fail (printf "secrets.%s: goes into secrets.existingSecret, under the key that secrets.keys.%s names; set one of the two" $name $name) -}}
{{- end -}}
{{- $theirs := get $secrets.keys $name -}}
{{- if and (not $theirs) (get $made $name) -}}
{{- fail (printf "secrets.keys.%s: empty, but secrets.existingSecret must hold it" $name) -}}
{{- end -}}
{{- if and $theirs (or (ne $name "peerSecret") (get $made $name)) -}}
{{- $result = append $result (merge $entry (dict "secret" $secrets.existingSecret "key" $theirs "value" "")) -}}
{{- end -}}
{{- else if or $given (get $made $name) -}}
{{- $value := $given | default (get $before $key | b64dec) | default (randAlphaNum 40) -}}
{{- $result = append $result (merge $entry (dict "secret" $own "key" $key "value" $value)) -}}
{{- end -}}
{{- end -}}
{{- toJson $result -}}
{{- end }}

{{/* "true" when there is a credential of that name: dict "root" $ "name" "redisUrl". */}}
{{- define "sluice.hasCredential" -}}
{{- range include "sluice.credentials" .root | fromJsonArray -}}
{{- if eq .name $.name -}}true{{- end -}}
{{- end -}}
{{- end }}
