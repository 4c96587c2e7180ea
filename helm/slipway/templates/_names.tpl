{{- define "slipway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 44 | trimSuffix "-" -}}
{{- end -}}

{{/* Names of objects are at most 63 characters, and the longest suffix has 18; a Service's begins with a letter. */}}
{{- define "slipway.fullname" -}}
{{- $name := include "slipway.name" . -}}
{{- $whole := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $whole = default (ternary $whole (printf "gw-%s" $whole) (regexMatch "^[a-z]" $whole)) .Values.fullnameOverride -}}
{{- if gt (len $whole) 44 }}{{ $whole = printf "%s-%s" ($whole | trunc 35 | trimSuffix "-") (sha256sum $whole | trunc 8) }}{{ end -}}
{{- $whole -}}
{{- end -}}

{{- define "slipway.selector" -}}
app.kubernetes.io/name: {{ include "slipway.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "slipway.labels" -}}
{{ include "slipway.selector" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "slipway.serviceAccount" -}}
{{- default (ternary (include "slipway.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "slipway.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The ConfigMaps and Secrets that pods use: given ones, or the chart's own. */}}
{{- define "slipway.configMap" -}}
{{- default (printf "%s-config" (include "slipway.fullname" .)) .Values.existingConfigMap.name -}}
{{- end -}}

{{- define "slipway.hooksMap" -}}
{{- if .Values.hooks.existingConfigMap -}}
{{ .Values.hooks.existingConfigMap }}
{{- else if .Values.hooks.files -}}
{{ include "slipway.fullname" . }}-hooks
{{- end -}}
{{- end -}}

{{- define "slipway.masterKeySecret" -}}
{{- default (printf "%s-master-key" (include "slipway.fullname" .)) .Values.secrets.masterKey.existingSecret -}}
{{- end -}}

{{- define "slipway.saltKeySecret" -}}
{{- default (printf "%s-salt-key" (include "slipway.fullname" .)) .Values.secrets.saltKey.existingSecret -}}
{{- end -}}

{{/* "true" where there is a database, nothing otherwise. */}}
{{- define "slipway.hasDatabase" -}}
{{- if or .Values.database.url.existingSecret .Values.database.host -}}true{{- end -}}
{{- end -}}

{{/* "true" where the salt key has a Secret: given, or made. */}}
{{- define "slipway.hasSaltKey" -}}
{{- if or .Values.secrets.saltKey.existingSecret (and .Values.secrets.generate (include "slipway.hasDatabase" .)) -}}true{{- end -}}
{{- end -}}
