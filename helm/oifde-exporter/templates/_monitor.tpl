{{/* The endpoint of a ServiceMonitor or PodMonitor, with the name of its port: (list $ .Values.podMonitor "metrics"). */}}
{{- define "oifde-exporter.endpoint" -}}
{{- include "oifde-exporter.merged" (list (first .) (include "oifde-exporter.endpointFields" .) (index . 1).endpoint) -}}
{{- end }}

{{- define "oifde-exporter.endpointFields" -}}
{{- $ := index . 0 -}}
{{- $monitor := index . 1 -}}
port: {{ index . 2 | quote }}
path: {{ include "oifde-exporter.path" (list $ $.Values.telemetryPath) | quote }}
scheme: {{ $monitor.scheme | default (include "oifde-exporter.scheme" $) }}
honorLabels: {{ $monitor.honorLabels }}
{{- include "oifde-exporter.fields" (list $ $monitor
  "interval" "scrapeTimeout" "tlsConfig" "basicAuth" "relabelings" "metricRelabelings"
) }}
{{- end }}
