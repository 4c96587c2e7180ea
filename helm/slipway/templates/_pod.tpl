{{/* What the gateway, its migration and its check have in common. */}}

{{- define "slipway.replicasAtMost" -}}
{{- /* And those beyond while a new release takes over; a percentage is rounded up, as Kubernetes does. */ -}}
{{- $replicas := ternary .Values.autoscaling.maxReplicas .Values.replicas .Values.autoscaling.enabled | int -}}
{{- $surge := .Values.maxSurge -}}
{{- if kindIs "string" $surge }}{{ $surge = div (add (mul $replicas (trimSuffix "%" $surge | atoi)) 99) 100 }}{{ end -}}
{{- add $replicas (int $surge) -}}
{{- end -}}

{{/* Seconds: settle, the longest request, 30 of flush, 5 to spare (entrypoint/slipway/budget.py). */}}
{{- define "slipway.graceSeconds" -}}
{{- add (int .Values.settleSeconds) (int .Values.requestTimeoutSeconds) 35 -}}
{{- end -}}

{{- define "slipway.podSecurityContext" -}}
runAsNonRoot: true
{{- with .Values.runAsUser }}
runAsUser: {{ . }}
{{- end }}
runAsGroup: 0
seccompProfile: {{- toYaml .Values.seccompProfile | nindent 2 }}
{{- end -}}

{{- define "slipway.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "slipway.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Variables of whoever reaches the database, which the migration has alone. Secrets come as files. */}}
{{- define "slipway.migrationVariables" -}}
- name: SLIPWAY_SECRETS_DIR
  value: {{ prepend .Values.secrets.directories "/etc/slipway/secrets" | join ":" }}
- name: JSON_LOGS
  value: "true"
{{- with .Values.database }}
{{- if .host }}
- name: DATABASE_HOST
  value: {{ printf "%s:%d" .host (int .port) | quote }}
- name: DATABASE_NAME
  value: {{ .name | quote }}
- name: DATABASE_USERNAME
  value: {{ .username | quote }}
{{- if .sslmode }}
- name: DATABASE_SSLMODE
  value: {{ .sslmode }}
{{- end }}
{{- if .iam }}
- name: IAM_TOKEN_DB_AUTH
  value: "true"
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $value := .Values.env }}
- name: {{ $name | quote }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* Variables of whoever reads the config. */}}
{{- define "slipway.variables" -}}
- name: CONFIG_FILE_PATH
  value: /etc/slipway/config/{{ ternary .Values.existingConfigMap.key "config.yaml" (ne .Values.existingConfigMap.name "") }}
- name: NUM_WORKERS
  value: {{ .Values.workers | quote }}
- name: SLIPWAY_REPLICAS
  value: {{ include "slipway.replicasAtMost" . | quote }}
- name: REQUEST_TIMEOUT_SECONDS
  value: {{ .Values.requestTimeoutSeconds | quote }}
- name: SLIPWAY_SETTLE_SECONDS
  value: {{ .Values.settleSeconds | quote }}
- name: SLIPWAY_STOP_GRACE_SECONDS
  value: {{ include "slipway.graceSeconds" . | quote }}
- name: SLIPWAY_METRICS_AUTH
  value: {{ .Values.metrics.auth | quote }}
{{- if .Values.metrics.token.existingSecret }}
- name: SLIPWAY_METRICS_TOKEN_FILE
  value: /etc/slipway/secrets/metrics-token
{{- end }}
{{- if eq .Values.onChange "reload" }}
- name: SLIPWAY_WATCH
  value: "on"
{{- end }}
{{- with .Values.hooks.startup }}
- name: LITELLM_WORKER_STARTUP_HOOKS
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.redis }}
{{- if .host }}
- name: REDIS_HOST
  value: {{ .host | quote }}
- name: REDIS_PORT
  value: {{ .port | quote }}
{{- if .username }}
- name: REDIS_USERNAME
  value: {{ .username | quote }}
{{- end }}
{{- if .tls }}
- name: REDIS_SSL
  value: "true"
{{- end }}
{{- end }}
{{- end }}
{{- if include "slipway.hasDatabase" . }}
- name: SLIPWAY_MIGRATE
  value: {{ get (dict "pod" "auto" "off" "off") .Values.migration.mode | default "require" | quote }}
- name: SLIPWAY_MIGRATE_TIMEOUT_SECONDS
  value: {{ max 1 (sub .Values.startupSeconds 300) | quote }}
{{- end }}
{{ include "slipway.migrationVariables" . }}
{{- end -}}

{{- define "slipway.mounts" -}}
- name: config
  mountPath: /etc/slipway/config
  readOnly: true
- name: secrets
  mountPath: /etc/slipway/secrets
  readOnly: true
{{- if include "slipway.hooksMap" . }}
- name: hooks
  mountPath: /etc/slipway/hooks
  readOnly: true
{{- end }}
{{- include "slipway.writableMounts" . }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "slipway.writableMounts" }}
- name: tmp
  mountPath: /tmp
- name: runtime
  mountPath: /run/slipway
- name: state
  mountPath: /var/lib/slipway
{{- end -}}

{{- define "slipway.volumes" -}}
- name: config
  configMap:
    name: {{ include "slipway.configMap" . | quote }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- include "slipway.secretSources" . | nindent 6 }}
{{- with include "slipway.hooksMap" . }}
- name: hooks
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- include "slipway.writableVolumes" . }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "slipway.writableVolumes" }}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.writable.tmp }}
- name: runtime
  emptyDir:
    medium: Memory
    sizeLimit: {{ .Values.writable.runtime }}
- name: state
  emptyDir:
    sizeLimit: {{ .Values.writable.state }}
{{- end -}}

{{/* One file of a projected volume: a Secret's key under the name of a variable. */}}
{{- define "slipway.secretFile" -}}
- secret:
    name: {{ .secret | quote }}
    items:
      - key: {{ .key | quote }}
        path: {{ .path }}
{{- end -}}

{{- define "slipway.databaseSources" -}}
{{- with .Values.database }}
{{- if .url.existingSecret }}
{{ include "slipway.secretFile" (dict "secret" .url.existingSecret "key" .url.key "path" "DATABASE_URL") }}
{{- end }}
{{- if .directUrl.existingSecret }}
{{ include "slipway.secretFile" (dict "secret" .directUrl.existingSecret "key" .directUrl.key "path" "DIRECT_URL") }}
{{- end }}
{{- if .password.existingSecret }}
{{ include "slipway.secretFile" (dict "secret" .password.existingSecret "key" .password.key "path" "DATABASE_PASSWORD") }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "slipway.secretSources" -}}
{{ include "slipway.secretFile" (dict "secret" (include "slipway.masterKeySecret" .) "key" .Values.secrets.masterKey.key "path" "LITELLM_MASTER_KEY") }}
{{- if include "slipway.hasSaltKey" . }}
{{ include "slipway.secretFile" (dict "secret" (include "slipway.saltKeySecret" .) "key" .Values.secrets.saltKey.key "path" "LITELLM_SALT_KEY") }}
{{- end }}
{{- include "slipway.databaseSources" . }}
{{- with .Values.redis.password }}
{{- if .existingSecret }}
{{ include "slipway.secretFile" (dict "secret" .existingSecret "key" .key "path" "REDIS_PASSWORD") }}
{{- end }}
{{- end }}
{{- with .Values.metrics.token }}
{{- if .existingSecret }}
{{ include "slipway.secretFile" (dict "secret" .existingSecret "key" .key "path" "metrics-token") }}
{{- end }}
{{- end }}
{{- range .Values.secrets.existing }}
- secret:
    name: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* A digest of what pods mount, so that a change of it replaces them. What is not the chart's is looked up. Hooks are
     imported once: no reload takes over others. */}}
{{- define "slipway.checksums" -}}
{{- $root := . -}}
{{- $hooks := list .Values.hooks.files (include "slipway.foreignMap" (dict "root" $root "name" .Values.hooks.existingConfigMap)) -}}
checksum/hooks: {{ $hooks | toJson | sha256sum }}
{{- if eq .Values.onChange "rollout" }}
{{- $config := list (include "slipway.config" .) (include "slipway.foreignMap" (dict "root" $root "name" .Values.existingConfigMap.name)) }}
checksum/config: {{ $config | toJson | sha256sum }}
{{- $names := .Values.secrets.existing }}
{{- range list .Values.database.url .Values.database.directUrl .Values.database.password .Values.redis.password .Values.secrets.masterKey .Values.secrets.saltKey }}
{{- $names = append $names .existingSecret }}
{{- end }}
{{- $secrets := dict }}
{{- range $names | compact | uniq }}
{{- $_ := set $secrets . (lookup "v1" "Secret" $root.Release.Namespace .).data }}
{{- end }}
checksum/secrets: {{ $secrets | toJson | sha256sum }}
{{- end -}}
{{- end -}}

{{/* What is in a ConfigMap of the user's, as JSON; nothing without a name. */}}
{{- define "slipway.foreignMap" -}}
{{- with .name }}{{ (lookup "v1" "ConfigMap" $.root.Release.Namespace .).data | toJson }}{{ end -}}
{{- end -}}
