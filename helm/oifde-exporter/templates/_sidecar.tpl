{{/*
For an application's chart with this one as a dependency and `mode: sidecar`. The argument of each is this chart's context:
`index .Subcharts "oifde-exporter"`.

  oifde-exporter.sidecar                 the container, a native sidecar if sidecar.native is true
  oifde-exporter.sidecar.containers      a list with it, or nothing if it is native
  oifde-exporter.sidecar.initContainers  a list with it if it is native, else nothing
  oifde-exporter.sidecar.volumes         the list of its volumes
  oifde-exporter.sidecar.labels          labels for the pod, by which the PodMonitor finds it
  oifde-exporter.sidecar.annotations     annotations for the pod

The container has no readiness probe and no startup probe, so that the application starts and stays in service whatever the
platform does.
*/}}
{{- define "oifde-exporter.sidecar" -}}
name: {{ .Values.sidecar.name | quote }}
{{- if .Values.sidecar.native }}
restartPolicy: Always
{{- end }}
{{ include "oifde-exporter.container" . }}
{{- end }}

{{- define "oifde-exporter.sidecar.containers" -}}
{{- if not .Values.sidecar.native -}}
- {{ include "oifde-exporter.sidecar" . | nindent 2 | trim }}
{{- end -}}
{{- end }}

{{- define "oifde-exporter.sidecar.initContainers" -}}
{{- if .Values.sidecar.native -}}
- {{ include "oifde-exporter.sidecar" . | nindent 2 | trim }}
{{- end -}}
{{- end }}

{{- define "oifde-exporter.sidecar.volumes" -}}
{{ include "oifde-exporter.volumes" . | trim }}
{{- end }}

{{- define "oifde-exporter.sidecar.labels" -}}
oifde-exporter/sidecar: {{ include "oifde-exporter.fullname" . | quote }}
{{- end }}

{{- define "oifde-exporter.sidecar.annotations" -}}
{{ include "oifde-exporter.checksum" . }}
{{- end }}
