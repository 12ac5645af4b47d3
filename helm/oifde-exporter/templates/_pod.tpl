{{/* The pod template of the Deployment and of the StatefulSet. */}}
{{- define "oifde-exporter.pod" -}}
metadata:
  labels:
    {{- $labels := include "oifde-exporter.expanded" (list . .Values.podLabels) | fromYaml }}
    {{- /* Without the chart's version: a new chart alone restarts nothing. */}}
    {{- merge (omit (include "oifde-exporter.labels" . | fromYaml) "helm.sh/chart") $labels | toYaml | nindent 4 }}
  {{- $annotations := merge (include "oifde-exporter.checksum" . | fromYaml) (include "oifde-exporter.expanded" (list . .Values.podAnnotations) | fromYaml) }}
  annotations:
    {{- merge $annotations (dict "kubectl.kubernetes.io/default-container" "exporter") | toYaml | nindent 4 }}
spec:
  {{- include "oifde-exporter.merged" (list . (include "oifde-exporter.podSpec" .) .Values.podSpec) | nindent 2 }}
{{- end }}

{{- define "oifde-exporter.podSpec" -}}
serviceAccountName: {{ include "oifde-exporter.serviceAccountName" . | quote }}
automountServiceAccountToken: {{ .Values.serviceAccount.automountServiceAccountToken }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
{{- with include "oifde-exporter.imagePullSecrets" . }}
{{ . }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.extraInitContainers }}
initContainers:
  {{- include "oifde-exporter.expanded" (list $ .) | nindent 2 }}
{{- end }}
containers:
  - name: exporter
    {{- include "oifde-exporter.container" . | nindent 4 }}
  {{- with .Values.extraContainers }}
  {{- include "oifde-exporter.expanded" (list $ .) | nindent 2 }}
  {{- end }}
{{- with include "oifde-exporter.volumes" . | trim }}
volumes:
  {{- . | nindent 2 }}
{{- end }}
{{- include "oifde-exporter.fields" (list . .Values
  "priorityClassName" "runtimeClassName" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints"
  "dnsPolicy" "dnsConfig" "hostAliases"
) }}
{{- end }}
