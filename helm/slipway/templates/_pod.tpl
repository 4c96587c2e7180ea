{{/* What the gateway, its migration and its check have in common. */}}

{{- define "slipway.replicasAtMost" -}}
{{- /* One more while a new release takes over. */ -}}
{{- add1 (ternary .Values.autoscaling.maxReplicas .Values.replicas .Values.autoscaling.enabled) -}}
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
seccompProfile:
  type: RuntimeDefault
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

{{- define "slipway.databaseVariables" -}}
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
{{- end -}}

{{/* Variables of whoever reads the config. Secrets come as files. */}}
{{- define "slipway.variables" -}}
- name: CONFIG_FILE_PATH
  value: /etc/slipway/config/{{ ternary .Values.existingConfigMap.key "config.yaml" (ne .Values.existingConfigMap.name "") }}
- name: SLIPWAY_SECRETS_DIR
  value: {{ prepend .Values.secrets.directories "/etc/slipway/secrets" | join ":" }}
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
- name: JSON_LOGS
  value: "true"
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
{{- include "slipway.databaseVariables" . }}
{{- range $name, $value := .Values.env }}
- name: {{ $name | quote }}
  value: {{ $value | quote }}
{{- end }}
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

{{/* A digest of what pods mount, so that a change of it replaces them. What is not the chart's is looked up. */}}
{{- define "slipway.checksums" -}}
{{- if eq .Values.onChange "rollout" -}}
{{- $namespace := .Release.Namespace -}}
{{- $given := list .Values.database.url .Values.database.directUrl .Values.database.password .Values.redis.password .Values.secrets.masterKey .Values.secrets.saltKey -}}
{{- $secrets := dict -}}
{{- range concat .Values.secrets.existing (pluck "existingSecret" (index $given 0) (index $given 1) (index $given 2) (index $given 3) (index $given 4) (index $given 5)) | compact | uniq }}
{{- $_ := set $secrets . (lookup "v1" "Secret" $namespace .).data }}
{{- end -}}
{{- $maps := dict "config" (include "slipway.config" .) "hooks" .Values.hooks.files }}
{{- range list .Values.existingConfigMap.name .Values.hooks.existingConfigMap | compact }}
{{- $_ := set $maps . (lookup "v1" "ConfigMap" $namespace .).data }}
{{- end -}}
checksum/secrets: {{ $secrets | toJson | sha256sum }}
checksum/config: {{ $maps | toJson | sha256sum }}
{{- end -}}
{{- end -}}
