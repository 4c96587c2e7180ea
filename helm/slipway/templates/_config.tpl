{{/* LiteLLM's config: what follows from other values, and over it what the user gives. */}}
{{- define "slipway.config" -}}
{{- $settings := dict "callbacks" (list "prometheus") -}}
{{- $general := dict -}}
{{- with .Values.redis -}}
{{- if .host -}}
{{- $redis := dict "host" "os.environ/REDIS_HOST" "port" "os.environ/REDIS_PORT" -}}
{{- if .tls }}{{ $_ := set $redis "ssl" true }}{{ end -}}
{{- if .username }}{{ $_ := set $redis "username" "os.environ/REDIS_USERNAME" }}{{ end -}}
{{- if .password.existingSecret }}{{ $_ := set $redis "password" "os.environ/REDIS_PASSWORD" }}{{ end -}}
{{- $_ := set $general "coordination_redis" $redis -}}
{{- if .spendBuffer }}{{ $_ := set $general "use_redis_transaction_buffer" true }}{{ end -}}
{{- if .cache -}}
{{- $_ := set $settings "cache" true -}}
{{- $_ := set $settings "cache_params" (merge (dict "type" "redis") $redis) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $own := dict "litellm_settings" $settings -}}
{{- if $general }}{{ $_ := set $own "general_settings" $general }}{{ end -}}
{{- toYaml (mustMergeOverwrite $own (deepCopy .Values.config)) -}}
{{- end -}}

{{/* A line for each secret that stands in a config itself: its path. Files and references are none. */}}
{{- define "slipway.bareSecrets" -}}
{{- $path := .path -}}
{{- range $key, $value := .node -}}
{{- $here := printf "%s.%v" $path $key -}}
{{- if or (kindIs "map" $value) (kindIs "slice" $value) }}{{ include "slipway.bareSecrets" (dict "path" $here "node" $value) }}
{{- else if and (kindIs "string" $value) (not (regexMatch "^(os[.]environ/|oidc/|/)" $value)) -}}
{{- $named := and (ge (len $value) 12) (regexMatch "(?i)(key|secret|password|token|credentials)$" (toString $key)) -}}
{{- if or $named (regexMatch "^(Bearer )?(sk|gsk|xai|AIza)[-_A-Za-z0-9]{16,}$" $value) (regexMatch "://[^/@]*:[^/@]+@" $value) }}{{ $here }}{{ "\n" }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
