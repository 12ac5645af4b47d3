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
  {{- with include "oifde-exporter.imagePullSecrets" . }}
  {{- . | nindent 2 }}
  {{- end }}
  serviceAccountName: {{ include "oifde-exporter.serviceAccountName" . | quote }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automountServiceAccountToken }}
  enableServiceLinks: false
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.extraInitContainers }}
  initContainers:
    {{- include "oifde-exporter.expanded" (list $ .) | nindent 4 }}
  {{- end }}
  containers:
    - name: exporter
      {{- include "oifde-exporter.containerBody" . | nindent 6 }}
      {{- with .Values.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- with .Values.extraContainers }}
    {{- include "oifde-exporter.expanded" (list $ .) | nindent 4 }}
    {{- end }}
  {{- with include "oifde-exporter.volumes" . | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- include "oifde-exporter.placement" . | nindent 2 }}
  {{- range $key := list "affinity" "topologySpreadConstraints" "dnsPolicy" "dnsConfig" "hostAliases" }}
  {{- with index $.Values $key }}
  {{- include "oifde-exporter.expanded" (dict $key . | list $) | nindent 2 }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* Where a pod of this release may run at all, be it the exporter's or the test's. */}}
{{- define "oifde-exporter.placement" -}}
{{- range $key := list "priorityClassName" "runtimeClassName" "nodeSelector" "tolerations" }}
{{- with index $.Values $key }}
{{ include "oifde-exporter.expanded" (dict $key . | list $) }}
{{- end }}
{{- end }}
{{- end }}
