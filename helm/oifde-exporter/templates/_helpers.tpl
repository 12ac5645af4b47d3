{{/* The chart's name, at most 63 characters, as labels have it. */}}
{{- define "oifde-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{/* The name of the created objects, at most 63 characters. */}}
{{- define "oifde-exporter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The full name with an ending, together at most 63 characters: (list $ "headless"). */}}
{{- define "oifde-exporter.fullnameWith" -}}
{{- $ending := printf "-%s" (index . 1) -}}
{{- include "oifde-exporter.fullnameWithin" (list (index . 0) (sub 63 (len $ending) | int)) -}}{{- $ending -}}
{{- end }}

{{/* The full name, cut to a length: (list $ 52). A cut name ends with a hash of the whole, so that names stay distinct. */}}
{{- define "oifde-exporter.fullnameWithin" -}}
{{- $name := include "oifde-exporter.fullname" (index . 0) -}}
{{- $room := index . 1 -}}
{{- if le (len $name) $room -}}
{{- $name -}}
{{- else -}}
{{- printf "%s-%s" ($name | trunc (sub $room 9 | int) | trimSuffix "-") ($name | sha256sum | trunc 8) -}}
{{- end -}}
{{- end }}

{{/* The StatefulSet's name. Its pods have labels and host names with up to 11 more characters. */}}
{{- define "oifde-exporter.statefulSetName" -}}
{{- include "oifde-exporter.fullnameWithin" (list . 52) -}}
{{- end }}

{{- define "oifde-exporter.workloadName" -}}
{{- include (printf "oifde-exporter.%s" (ternary "statefulSetName" "fullname" .Values.sharding.enabled)) . -}}
{{- end }}

{{- define "oifde-exporter.workloadKind" -}}
{{- ternary "StatefulSet" "Deployment" .Values.sharding.enabled -}}
{{- end }}

{{- define "oifde-exporter.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end }}

{{- define "oifde-exporter.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "oifde-exporter.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end }}

{{- define "oifde-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "oifde-exporter.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* The chart's labels take precedence over commonLabels, because selectors use them. */}}
{{- define "oifde-exporter.labels" -}}
{{- $ours := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" (.Values.image.tag | default .Chart.AppVersion | toString | trunc 63 | trimAll "-_.")
  "app.kubernetes.io/managed-by" .Release.Service
  "app.kubernetes.io/part-of" (include "oifde-exporter.name" .)
-}}
{{- $common := include "oifde-exporter.expanded" (list . .Values.commonLabels) | fromYaml -}}
{{- merge (include "oifde-exporter.selectorLabels" . | fromYaml) $ours $common | toYaml -}}
{{- end }}

{{/*
The metadata of an object: (list $ .Values.service), with its name as a third entry if that is not the full name. The
values' own namespace, labels and annotations are used if they have any.
*/}}
{{- define "oifde-exporter.metadata" -}}
{{- $ := index . 0 -}}
{{- $values := index . 1 -}}
name: {{ rest . | rest | first | default (include "oifde-exporter.fullname" $) | quote }}
namespace: {{ $values.namespace | default (include "oifde-exporter.namespace" $) | quote }}
labels:
  {{- merge (include "oifde-exporter.labels" $ | fromYaml) ($values.labels | default dict) | toYaml | nindent 2 }}
{{- with merge dict ($values.annotations | default dict) ($.Values.commonAnnotations | default dict) }}
annotations:
  {{- include "oifde-exporter.expanded" (list $ .) | nindent 2 }}
{{- end }}
{{- end }}

{{/* The values of some keys, without those that are empty: (list $ .Values "tolerations" "affinity"). */}}
{{- define "oifde-exporter.fields" -}}
{{- $ := index . 0 -}}
{{- $values := index . 1 -}}
{{- range $key := rest . | rest -}}
{{- with index $values $key }}
{{ include "oifde-exporter.expanded" (dict $key . | list $) }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A rendered template with a user's fields merged over it: (list $ (include "oifde-exporter.podSpec" $) .Values.podSpec). */}}
{{- define "oifde-exporter.merged" -}}
{{- $rendered := index . 1 | fromYaml -}}
{{- with $rendered.Error }}{{ fail . }}{{ end -}}
{{- include "oifde-exporter.expanded" (list (index . 0) (index . 2)) | fromYaml | mergeOverwrite $rendered | toYaml -}}
{{- end }}

{{/*
Values as YAML, with the templates in each string expanded: (list $ .Values.affinity). A string stays a string, even if it
looks like a number.
*/}}
{{- define "oifde-exporter.expanded" -}}
{{- (include "oifde-exporter.expandedJson" . | printf "{\"values\": %s}" | fromJson).values | toYaml -}}
{{- end }}

{{- define "oifde-exporter.expandedJson" -}}
{{- $ := index . 0 -}}
{{- $value := index . 1 -}}
{{- $parts := list -}}
{{- if kindIs "string" $value -}}
{{- tpl $value $ | toJson -}}
{{- else if kindIs "map" $value -}}
{{- range $key, $part := $value -}}
{{- $parts = printf "%s: %s" (tpl $key $ | toJson) (include "oifde-exporter.expandedJson" (list $ $part)) | append $parts -}}
{{- end -}}
{{- join ", " $parts | printf "{%s}" -}}
{{- else if kindIs "slice" $value -}}
{{- range $value -}}
{{- $parts = include "oifde-exporter.expandedJson" (list $ .) | append $parts -}}
{{- end -}}
{{- join ", " $parts | printf "[%s]" -}}
{{- else -}}
{{- toJson $value -}}
{{- end -}}
{{- end }}

{{- define "oifde-exporter.image" -}}
{{- with .Values.image -}}
{{- with ($.Values.global).imageRegistry | default .registry }}{{ . }}/{{ end -}}
{{- .repository -}}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{/* The pod's secrets for the registry: the global ones, as names or as objects, and the chart's own. */}}
{{- define "oifde-exporter.imagePullSecrets" -}}
{{- $secrets := list -}}
{{- range concat (($.Values.global).imagePullSecrets | default list) (.Values.imagePullSecrets | default list) -}}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- with uniq $secrets -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}

{{/* Whether a configuration file is mounted: "true" or nothing. */}}
{{- define "oifde-exporter.hasConfigFile" -}}
{{- if and (not .Values.demo) (or .Values.config .Values.existingConfigMap .Values.existingConfigSecret) }}true{{ end -}}
{{- end }}

{{/* Whether the configuration can come from the environment: "true" or nothing. */}}
{{- define "oifde-exporter.hasConfigInEnvironment" -}}
{{- range .Values.extraEnv }}{{ if eq .name "OIFDE_EXPORTER_CONFIG" "OIFDE_EXPORTER_CONFIG_FILE" }}true{{ end }}{{ end -}}
{{- if .Values.extraEnvFrom }}true{{ end -}}
{{- end }}

{{- define "oifde-exporter.configText" -}}
{{- if kindIs "string" .Values.config }}{{ .Values.config }}
{{- else if and .Values.history.cache .Values.config }}
{{- $history := merge (dict) (.Values.config.history | default dict) (dict "path" "/var/lib/oifde-exporter") -}}
{{ merge (dict "history" $history) .Values.config | toYaml }}
{{- else }}{{ toYaml .Values.config }}{{ end -}}
{{- end }}

{{/* The Secret with the files for the configuration; nothing if there is none. */}}
{{- define "oifde-exporter.secretName" -}}
{{- if .Values.existingSecret -}}
{{- tpl .Values.existingSecret . -}}
{{- else if and .Values.secrets (not .Values.demo) -}}
{{- include "oifde-exporter.fullname" . -}}
{{- end -}}
{{- end }}

{{- define "oifde-exporter.webSecretName" -}}
{{- .Values.webConfig.existingSecret | default (include "oifde-exporter.fullnameWith" (list . "web")) -}}
{{- end }}

{{- define "oifde-exporter.scheme" -}}
{{- $web := .Values.webConfig -}}
{{- if not $web.enabled -}}
http
{{- else -}}
{{- $web.scheme | default (ternary "https" "http" (hasKey (default dict $web.config) "tls_server_config")) -}}
{{- end -}}
{{- end }}

{{/* The name of the container's port. A sidecar's differs from the usual names of an application's ports. */}}
{{- define "oifde-exporter.portName" -}}
{{- ternary .Values.sidecar.portName "metrics" (eq .Values.mode "sidecar") -}}
{{- end }}

{{/* The Service's port. The name of a headless Service resolves to the pods, so its port is theirs. */}}
{{- define "oifde-exporter.servicePort" -}}
{{- ternary .Values.containerPort .Values.service.port (eq .Values.service.clusterIP "None") -}}
{{- end }}

{{/* The path of externalUrl, without a slash at its end. */}}
{{- define "oifde-exporter.externalPath" -}}
{{- printf "/%s" ((urlParse .Values.externalUrl).path | trimAll "/") -}}
{{- end }}

{{/* A path as the exporter serves it: (list $ "/-/healthy"). The route prefix is by default the external URL's path. */}}
{{- define "oifde-exporter.path" -}}
{{- $values := (index . 0).Values -}}
{{- $prefix := $values.routePrefix -}}
{{- if and (not $prefix) $values.externalUrl }}{{ $prefix = (urlParse $values.externalUrl).path }}{{ end -}}
{{- with trimAll "/" $prefix }}/{{ . }}{{ end -}}
{{- index . 1 -}}
{{- end }}
