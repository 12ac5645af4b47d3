{{/* What a ServiceMonitor's and a PodMonitor's endpoint have in common: (list $ .Values.podMonitor). */}}
{{- define "oifde-exporter.endpoint" -}}
{{- $ := index . 0 -}}
{{- $monitor := index . 1 -}}
path: {{ include "oifde-exporter.path" (list $ $.Values.telemetryPath) | quote }}
scheme: {{ $monitor.scheme | default (include "oifde-exporter.scheme" $) }}
honorLabels: {{ $monitor.honorLabels }}
{{- range $key := list "interval" "scrapeTimeout" "tlsConfig" "basicAuth" "relabelings" "metricRelabelings" }}
{{- with index $monitor $key }}
{{ dict $key . | toYaml }}
{{- end }}
{{- end }}
{{- end }}
