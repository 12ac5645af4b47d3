{{/* Refuses values that contradict each other, with all errors at once. The schema checks each value on its own. */}}
{{- define "oifde-exporter.check" -}}
{{- $values := .Values -}}
{{- $sidecar := eq .Values.mode "sidecar" -}}
{{- $web := .Values.webConfig -}}
{{- $errors := dict
  "mode: sidecar and sharding.enabled exclude each other: a sidecar polls all its tenants"
    (and $sidecar .Values.sharding.enabled)
  "mode: sidecar excludes demo: true" (and $sidecar .Values.demo)
  "mode: sidecar has no Service: use podMonitor instead of serviceMonitor" (and $sidecar .Values.serviceMonitor.enabled)
  "mode: sidecar has no pod of its own: networkPolicy belongs to the application" (and $sidecar .Values.networkPolicy.enabled)
  "mode: sidecar has no pod of its own: podDisruptionBudget belongs to the application"
    (and $sidecar .Values.podDisruptionBudget.enabled)
  "sidecar.native needs Kubernetes 1.29 or newer"
    (and $sidecar .Values.sidecar.native (semverCompare "<1.29.0-0" .Capabilities.KubeVersion.Version))
  (printf "replicas: %v would poll every bot as often: use sharding.enabled and sharding.shards" .Values.replicas)
    (has (toString .Values.replicas) (list "0" "1" "<nil>") | not)
  "the exporter needs a configuration: set config or existingConfigMap (or OIFDE_EXPORTER_CONFIG in extraEnv or extraEnvFrom), or demo: true to try it out"
    (or .Values.demo .Values.config .Values.existingConfigMap (include "oifde-exporter.hasConfigInEnvironment" .) | not)
  "set either config or existingConfigMap, not both" (and .Values.config .Values.existingConfigMap)
  "set either secrets or existingSecret, not both" (and .Values.secrets .Values.existingSecret)
  "webConfig.enabled needs webConfig.config or webConfig.existingSecret"
    (and $web.enabled (not $web.config) (not $web.existingSecret))
  "set either webConfig.config or webConfig.existingSecret, not both" (and $web.enabled $web.config $web.existingSecret)
  "webConfig.existingSecret needs webConfig.scheme: http or https, as the file in it says"
    (and $web.enabled $web.existingSecret (not $web.scheme))
  "serviceMonitor and podMonitor together would scrape everything twice: enable one of them"
    (and .Values.serviceMonitor.enabled .Values.podMonitor.enabled)
  "serviceMonitor needs service.enabled; without a Service use podMonitor"
    (and .Values.serviceMonitor.enabled (not .Values.service.enabled))
-}}
{{- range $flag, $value := include "oifde-exporter.ownFlags" . | fromYaml -}}
{{- $advice := printf "contradicts the probes, the Service and the monitors: set %s instead" $value -}}
{{- range $values.extraArgs -}}
{{- $name := tpl . $ | splitList "=" | first -}}
{{- if eq (trimAll "-" $name) $flag }}{{ $_ := set $errors (printf "extraArgs: %s %s" $name $advice) true }}{{ end -}}
{{- end -}}
{{- $variable := printf "OIFDE_EXPORTER_%s" (regexReplaceAll "[.-]" $flag "_" | upper) -}}
{{- range $values.extraEnv -}}
{{- if eq .name $variable }}{{ $_ := set $errors (printf "extraEnv: %s %s" $variable $advice) true }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $found := list -}}
{{- range $error, $applies := $errors }}{{ if $applies }}{{ $found = append $found $error }}{{ end }}{{ end -}}
{{- with $found }}{{ fail (join "\n" .) }}{{ end -}}
{{- end }}

{{/* The exporter's flags that belong to values of the chart, with those values. Each is also an environment variable. */}}
{{- define "oifde-exporter.ownFlags" -}}
web.config.file: webConfig
web.enable-lifecycle: enableLifecycle
web.external-url: externalUrl
web.listen-address: containerPort
web.route-prefix: routePrefix
web.telemetry-path: telemetryPath
{{- if .Values.sharding.enabled }}
shard: sharding
total-shards: sharding
{{- end }}
{{- end }}
