{{/*
A probe: (list $ "/-/healthy" .Values.livenessProbe). The kubelet has no credentials, so with webConfig a command in the
container sends the request.
*/}}
{{- define "oifde-exporter.probe" -}}
{{- $ := index . 0 -}}
{{- $path := include "oifde-exporter.path" . -}}
{{- $scheme := include "oifde-exporter.scheme" $ -}}
{{- if eq "exec" ($.Values.probeType | default (ternary "exec" "http" $.Values.webConfig.enabled)) -}}
exec:
  command:
    - python
    - -m
    - exporter.probe
    - {{ printf "%s://localhost:%v%s" $scheme $.Values.containerPort $path | quote }}
{{- else -}}
httpGet:
  path: {{ $path | quote }}
  port: {{ include "oifde-exporter.portName" $ | quote }}
  {{- if eq $scheme "https" }}
  scheme: HTTPS
  {{- end }}
{{- end }}
{{ omit (index . 2) "enabled" | toYaml }}
{{- end }}

{{/* The exporter's container without its name, in a pod of the chart or of an application. */}}
{{- define "oifde-exporter.container" -}}
{{- include "oifde-exporter.check" . -}}
{{- include "oifde-exporter.merged" (list . (include "oifde-exporter.containerSpec" .) .Values.containerSpec) -}}
{{- end }}

{{- define "oifde-exporter.containerSpec" -}}
image: {{ include "oifde-exporter.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  {{- if .Values.demo }}
  - demo
  {{- end }}
  {{- if include "oifde-exporter.hasConfigFile" . }}
  - --config.file=/etc/oifde-exporter/config/config.yaml
  {{- if eq .Values.configReload "auto" }}
  - --config.auto-reload-interval=30s
  {{- end }}
  {{- end }}
  - --web.listen-address=:{{ .Values.containerPort }}
  {{- if ne .Values.telemetryPath "/metrics" }}
  - {{ printf "--web.telemetry-path=%s" .Values.telemetryPath | quote }}
  {{- end }}
  {{- with .Values.routePrefix }}
  - {{ printf "--web.route-prefix=%s" . | quote }}
  {{- end }}
  {{- with .Values.externalUrl }}
  - {{ printf "--web.external-url=%s" . | quote }}
  {{- end }}
  {{- if .Values.webConfig.enabled }}
  - --web.config.file=/etc/oifde-exporter/web/web.yaml
  {{- end }}
  {{- if .Values.enableLifecycle }}
  - --web.enable-lifecycle
  {{- end }}
  {{- if .Values.sharding.enabled }}
  - --shard=auto
  - --total-shards={{ .Values.sharding.shards }}
  {{- end }}
  - --log.level={{ .Values.log.level }}
  - --log.format={{ .Values.log.format }}
  {{- range .Values.extraArgs }}
  - {{ tpl . $ | quote }}
  {{- end }}
{{- with .Values.extraEnv }}
env:
  {{- include "oifde-exporter.expanded" (list $ .) | nindent 2 }}
{{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- include "oifde-exporter.expanded" (list $ .) | nindent 2 }}
{{- end }}
ports:
  - name: {{ include "oifde-exporter.portName" . | quote }}
    containerPort: {{ .Values.containerPort }}
    protocol: TCP
{{- if .Values.livenessProbe.enabled }}
livenessProbe:
  {{- include "oifde-exporter.probe" (list . "/-/healthy" .Values.livenessProbe) | nindent 2 }}
{{- end }}
{{- if eq .Values.mode "standalone" }}
{{- if .Values.readinessProbe.enabled }}
readinessProbe:
  {{- include "oifde-exporter.probe" (list . "/-/ready" .Values.readinessProbe) | nindent 2 }}
{{- end }}
{{- if .Values.startupProbe.enabled }}
startupProbe:
  {{- include "oifde-exporter.probe" (list . "/-/healthy" .Values.startupProbe) | nindent 2 }}
{{- end }}
{{- end }}
{{- $mounts := include "oifde-exporter.volumeMounts" . }}
{{- if $mounts }}
volumeMounts:
  {{- $mounts | nindent 2 }}
{{- end }}
{{- /* The pod of an application has the application's security context, so the container brings its own. */}}
{{- $inherited := pick (.Values.podSecurityContext | default dict) "runAsNonRoot" "runAsUser" "runAsGroup" "seccompProfile" }}
{{- with merge dict (.Values.securityContext | default dict) (ternary $inherited dict (eq .Values.mode "sidecar")) }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- include "oifde-exporter.fields" (list . .Values "resources") }}
{{- end }}

{{/* Directories, because a single mounted file does not follow changes. */}}
{{- define "oifde-exporter.volumeMounts" -}}
{{- $mounts := list -}}
{{- range include "oifde-exporter.ownVolumes" . | fromYamlArray -}}
{{- $directory := trimPrefix "oifde-exporter-" .name -}}
{{- $mounts = append $mounts (dict "name" .name "mountPath" (printf "/etc/oifde-exporter/%s" $directory) "readOnly" true) -}}
{{- end -}}
{{- if include "oifde-exporter.hasCache" . -}}
{{- $mounts = append $mounts (dict "name" "oifde-exporter-history" "mountPath" "/var/lib/oifde-exporter") -}}
{{- end -}}
{{- with include "oifde-exporter.expanded" (list . .Values.extraVolumeMounts) | fromYamlArray }}{{ $mounts = concat $mounts . }}{{ end -}}
{{- if $mounts }}{{ toYaml $mounts }}{{ end -}}
{{- end }}

{{/*
The chart's own volumes, each mounted at the end of its name. In the chart's pods the group may read the files. In an
application's pod the group is unknown, so every user in the container may read them.
*/}}
{{- define "oifde-exporter.ownVolumes" -}}
{{- $mode := ternary 0440 0444 (eq .Values.mode "standalone") -}}
{{- if include "oifde-exporter.hasConfigFile" . }}
- name: oifde-exporter-config
  {{- if .Values.existingConfigSecret }}
  secret:
    secretName: {{ tpl .Values.existingConfigSecret . | quote }}
  {{- else }}
  configMap:
    name: {{ tpl (.Values.existingConfigMap | default (include "oifde-exporter.fullname" .)) . | quote }}
  {{- end }}
    defaultMode: {{ $mode }}
{{- end }}
{{- with include "oifde-exporter.secretName" . }}
- name: oifde-exporter-secrets
  secret:
    secretName: {{ . | quote }}
    defaultMode: {{ $mode }}
{{- end }}
{{- if .Values.webConfig.enabled }}
- name: oifde-exporter-web
  secret:
    secretName: {{ tpl (include "oifde-exporter.webSecretName" .) . | quote }}
    defaultMode: {{ $mode }}
{{- with .Values.webConfig.tlsSecret }}
- name: oifde-exporter-tls
  secret:
    secretName: {{ tpl . $ | quote }}
    defaultMode: {{ $mode }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether there is a volume for the history. */}}
{{- define "oifde-exporter.hasCache" -}}
{{- if and .Values.history.cache (include "oifde-exporter.hasConfigFile" .) }}true{{ end -}}
{{- end }}

{{- define "oifde-exporter.volumes" -}}
{{ include "oifde-exporter.ownVolumes" . }}
{{- if include "oifde-exporter.hasCache" . }}
- name: oifde-exporter-history
  {{- include "oifde-exporter.expanded" (list . (.Values.history.volume | default (dict "emptyDir" (dict)))) | nindent 2 }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ include "oifde-exporter.expanded" (list $ .) }}
{{- end }}
{{- end }}

{{/* The checksum that restarts the pods, with configReload: restart. */}}
{{- define "oifde-exporter.checksum" -}}
{{- if and (eq .Values.configReload "restart") .Values.config (not .Values.demo) -}}
checksum/config: {{ include "oifde-exporter.configText" . | sha256sum | quote }}
{{- end -}}
{{- end }}
