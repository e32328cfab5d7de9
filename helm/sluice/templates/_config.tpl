{{/* "true" when no configuration is given: the gateway then brings a service to try it with. */}}
{{- define "sluice.isDemo" -}}
{{- if not .Values.config -}}true{{- end -}}
{{- end }}

{{/* "true" when a limit is shared between the gateways themselves, or the configuration speaks of peers. */}}
{{- define "sluice.usesPeers" -}}
{{- $uses := hasKey .Values.config "peers" -}}
{{- range $name, $limit := .Values.config.limits -}}
{{- if has $limit.sharing (list "mesh" "gossip" "leader" "random-leaders") -}}{{- $uses = true -}}{{- end -}}
{{- end -}}
{{- if $uses -}}true{{- end -}}
{{- end }}

{{/* The configuration file: what is given, and what only the chart knows. Refuses what the chart would have to overwrite. */}}
{{- define "sluice.config" -}}
{{- $root := . -}}
{{- $config := deepCopy .Values.config -}}
{{- $credentials := list -}}
{{- range include "sluice.credentials" . | fromJsonArray -}}{{- $credentials = append $credentials .name -}}{{- end -}}

{{- if hasKey $config "listen" -}}
{{- fail "config.listen: the chart sets it; remove it (ports.http is the port)" -}}
{{- end -}}
{{- range $key, $_ := $config.admin -}}
{{- fail (printf "config.admin.%s: the chart sets it; remove it (%s)" $key (ternary "secrets.adminToken is the token" "ports.admin is the port" (eq $key "token"))) -}}
{{- end -}}
{{- $_ := set $config "listen" (printf "%s:%d" (include "sluice.everywhere" .) (int .Values.ports.http)) -}}
{{- $_ := set $config "admin" (dict "listen" (printf "%s:%d" (include "sluice.everywhere" .) (int .Values.ports.admin)) "token" "${SLUICE_ADMIN_TOKEN}") -}}

{{- include "sluice.addRedis" (dict "root" . "config" $config "credentials" $credentials) -}}
{{- if has "etcdPassword" $credentials -}}
{{- if not $config.etcd -}}{{- fail "secrets: there is a password of etcd, but config.etcd is missing" -}}{{- end -}}
{{- if not $config.etcd.password -}}{{- $_ := set $config.etcd "password" "${SLUICE_ETCD_PASSWORD}" -}}{{- end -}}
{{- end -}}
{{- if include "sluice.usesPeers" . -}}
{{- include "sluice.addPeers" (dict "root" . "config" $config) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end }}

{{- define "sluice.addRedis" -}}
{{- $config := .config -}}
{{- $given := $config.redis | default dict -}}
{{- $servers := list -}}
{{- range list "url" "cluster" "sentinel" -}}{{- if hasKey $given . -}}{{- $servers = append $servers . -}}{{- end -}}{{- end -}}
{{- if .root.Values.redis.enabled -}}
{{- if $servers -}}{{- fail (printf "config.redis.%s: redis.enabled brings a Redis of its own; remove one of the two" (first $servers)) -}}{{- end -}}
{{- if has "redisUrl" .credentials -}}{{- fail "secrets.redisUrl: redis.enabled brings a Redis of its own; remove one of the two" -}}{{- end -}}
{{- $_ := set $given "url" (printf "redis://%s-redis:6379" (include "sluice.fullname" .root)) -}}
{{- else if has "redisUrl" .credentials -}}
{{- if without $servers "url" -}}{{- fail (printf "config.redis.%s: secrets has Redis' URL; remove one of the two" (first (without $servers "url"))) -}}{{- end -}}
{{- if not $given.url -}}{{- $_ := set $given "url" "${SLUICE_REDIS_URL}" -}}{{- end -}}
{{- else if and (hasKey $config "redis") (not $servers) -}}
{{- fail "config.redis: has none of url, cluster and sentinel (or set secrets.redisUrl, or redis.enabled to try it)" -}}
{{- end -}}
{{- if has "redisPassword" .credentials -}}
{{- if not $given -}}{{- fail "secrets: there is a password of Redis, but config.redis is missing" -}}{{- end -}}
{{- if not $given.password -}}{{- $_ := set $given "password" "${SLUICE_REDIS_PASSWORD}" -}}{{- end -}}
{{- end -}}
{{- if has "sentinelPassword" .credentials -}}
{{- if not $given.sentinel -}}{{- fail "secrets: there is a password of sentinels, but config.redis.sentinel is missing" -}}{{- end -}}
{{- if not $given.sentinel.password -}}{{- $_ := set $given.sentinel "password" "${SLUICE_SENTINEL_PASSWORD}" -}}{{- end -}}
{{- end -}}
{{- if $given -}}
{{- $scaling := .root.Values.autoscaling -}}
{{- if not (hasKey $given "instances") -}}{{- $_ := set $given "instances" (int (ternary $scaling.maxReplicas .root.Values.replicaCount $scaling.enabled)) -}}{{- end -}}
{{- $_ := set $config "redis" $given -}}
{{- end -}}
{{- end }}

{{- define "sluice.addPeers" -}}
{{- $root := .root -}}
{{- $peers := .config.peers | default dict -}}
{{- range list "listen" "advertise" "secret" -}}
{{- if hasKey $peers . -}}
{{- fail (printf "config.peers.%s: the chart sets it; remove it (%s)" . (ternary "secrets.peerSecret is the secret" "ports.peers is the port" (eq . "secret"))) -}}
{{- end -}}
{{- end -}}
{{- $port := int $root.Values.ports.peers -}}
{{- $_ := set $peers "listen" (printf "%s:%d" (include "sluice.everywhere" $root) $port) -}}
{{- $ip := ternary "[${SLUICE_POD_IP}]" "${SLUICE_POD_IP}" (eq $root.Values.ipFamily "IPv6") -}}
{{- $_ := set $peers "advertise" (printf "%s:%d" $ip $port) -}}
{{- $_ := set $peers "secret" "${SLUICE_PEER_SECRET}" -}}
{{- if not $peers.discovery -}}{{- $_ := set $peers "discovery" (dict "dns" (include "sluice.peersHost" $root)) -}}{{- end -}}
{{- $_ := set .config "peers" $peers -}}
{{- end }}

{{/* Whole seconds of the time in config that has this key, rounded up. */}}
{{- define "sluice.configSeconds" -}}
{{- $root := .root -}}
{{- $text := ternary (get $root.Values.config .key) .default (hasKey $root.Values.config .key) | toString -}}
{{- if eq $text "0" -}}0
{{- else if regexMatch "^\\d+(ms|s|m|h|d)$" $text -}}
{{- $number := regexFind "^\\d+" $text | int64 -}}
{{- $unit := regexFind "[a-z]+$" $text -}}
{{- if eq $unit "ms" -}}{{- div (add $number 999) 1000 -}}
{{- else -}}{{- mul $number (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit) -}}{{- end -}}
{{- else if $root.Values.terminationGracePeriodSeconds -}}0
{{- else -}}
{{- fail (printf "config.%s: %s is not known here; set terminationGracePeriodSeconds" .key $text) -}}
{{- end -}}
{{- end }}

{{- define "sluice.graceSeconds" -}}
{{- $delay := include "sluice.configSeconds" (dict "root" . "key" "shutdownDelay" "default" "0") | int64 -}}
{{- $timeout := include "sluice.configSeconds" (dict "root" . "key" "shutdownTimeout" "default" "25s") | int64 -}}
{{- $least := add .Values.preStopSeconds $delay $timeout -}}
{{- $given := .Values.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $given -}}
{{- add $least 5 -}}
{{- else if lt (int64 $given) (int64 $least) -}}
{{- fail (printf "terminationGracePeriodSeconds: %d is less than preStopSeconds, config.shutdownDelay and config.shutdownTimeout together (%d): requests would be cut off" (int64 $given) (int64 $least)) -}}
{{- else -}}
{{- int64 $given -}}
{{- end -}}
{{- end }}
