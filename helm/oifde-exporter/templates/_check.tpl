{{/* Refuses values that contradict each other, with all errors at once. The schema checks each value on its own. */}}
{{- define "oifde-exporter.check" -}}
{{- $values := .Values -}}
{{- $sidecar := eq .Values.mode "sidecar" -}}
{{- $web := .Values.webConfig -}}
{{- $sources := compact (list .Values.config .Values.existingConfigMap .Values.existingConfigSecret) -}}
{{- $errors := dict
  "mode: sidecar and sharding.enabled exclude each other: a sidecar polls all its tenants"
    (and $sidecar .Values.sharding.enabled)
  "mode: sidecar excludes demo: true" (and $sidecar .Values.demo)
  "sidecar.native needs Kubernetes 1.29 or newer"
    (and $sidecar .Values.sidecar.native (semverCompare "<1.29.0-0" .Capabilities.KubeVersion.Version))
  (printf "replicas: %v would poll every bot %v times: use sharding.enabled and sharding.shards" .Values.replicas .Values.replicas)
    (has (toString .Values.replicas) (list "0" "1" "<nil>") | not)
  "the exporter needs a configuration: set config, existingConfigMap, existingConfigSecret or OIFDE_EXPORTER_CONFIG in extraEnv or extraEnvFrom; or try it out with demo: true"
    (or .Values.demo $sources (include "oifde-exporter.hasConfigInEnvironment" .) | not)
  "set only one of config, existingConfigMap and existingConfigSecret" (rest $sources)
  "set either secrets or existingSecret, not both" (and .Values.secrets .Values.existingSecret)
  "webConfig.enabled needs webConfig.config or webConfig.existingSecret"
    (and $web.enabled (not $web.config) (not $web.existingSecret))
  "set either webConfig.config or webConfig.existingSecret, not both" (and $web.enabled $web.config $web.existingSecret)
  "webConfig.existingSecret needs webConfig.scheme: http or https, as the file in it says"
    (and $web.enabled $web.existingSecret (not $web.scheme))
  "service.clusterIP: None needs service.type: ClusterIP"
    (and (eq .Values.service.clusterIP "None") (ne .Values.service.type "ClusterIP"))
  "service.nodePort needs service.type: NodePort or LoadBalancer"
    (and .Values.service.nodePort (eq .Values.service.type "ClusterIP"))
  "probeType: http needs webConfig without passwords, because the kubelet has none"
    (and (eq .Values.probeType "http") $web.enabled $web.config.basic_auth_users)
  "serviceMonitor, podMonitor and scrapeConfig would scrape everything several times: enable one of them"
    (list .Values.serviceMonitor.enabled .Values.podMonitor.enabled .Values.scrapeConfig.enabled | compact | rest)
  "dashboards.grafanaOperator needs dashboards.enabled"
    (and .Values.dashboards.grafanaOperator.enabled (not .Values.dashboards.enabled))
-}}
{{- range $name := list "networkPolicy" "podDisruptionBudget" "verticalPodAutoscaler" -}}
{{- $error := printf "mode: sidecar has no pod of its own: %s belongs to the application" $name -}}
{{- $_ := set $errors $error (and $sidecar (index $values $name).enabled) -}}
{{- end -}}
{{- range $name := list "serviceMonitor" "scrapeConfig" "ingress" "route" -}}
{{- $error := printf "%s needs a Service, which mode: sidecar and service.enabled: false exclude; podMonitor needs none" $name -}}
{{- $_ := set $errors $error (and (index $values $name).enabled (or $sidecar (not $values.service.enabled))) -}}
{{- end -}}
{{- range $name := list "ingress" "route" -}}
{{- $enabled := (index $values $name).enabled -}}
{{- $error := printf "%s needs externalUrl with a host name in lower case" $name -}}
{{- $_ := set $errors $error (and $enabled (regexMatch "^[-.a-z0-9]*[a-z][-.a-z0-9]*$" (urlParse $values.externalUrl).hostname | not)) -}}
{{- $error := printf "%s would show another shard on each request: it excludes sharding.enabled" $name -}}
{{- $_ := set $errors $error (and $enabled $values.sharding.enabled) -}}
{{- end -}}
{{- range $path, $fields := include "oifde-exporter.ownFields" . | fromYaml -}}
{{- $merged := $values -}}
{{- range splitList "." $path }}{{ $merged = index $merged . | default dict }}{{ end -}}
{{- range $field, $instead := $fields -}}
{{- if hasKey $merged $field -}}
{{- $_ := set $errors (printf "%s.%s would replace what the chart sets: use %s" $path $field $instead) true -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $field, $types := include "oifde-exporter.serviceTypes" . | fromYaml -}}
{{- if and (hasKey ($values.service.spec | default dict) $field) (not (has $values.service.type $types)) -}}
{{- $_ := set $errors (printf "service.spec.%s needs service.type: %s" $field (join " or " $types)) true -}}
{{- end -}}
{{- end -}}
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

{{/* The fields that cannot be merged over the chart's own, with the values to use instead. */}}
{{- define "oifde-exporter.ownFields" -}}
workloadSpec:
  replicas: sharding
  selector: podLabels
  serviceName: fullnameOverride
  template: podSpec
podSpec:
  containers: extraContainers
  initContainers: extraInitContainers
  volumes: extraVolumes
containerSpec:
  args: extraArgs
  env: extraEnv
  envFrom: extraEnvFrom
  image: image
  name: extraContainers
  ports: containerPort
  volumeMounts: extraVolumeMounts
service.spec:
  clusterIP: service.clusterIP
  selector: podLabels
  type: service.type
{{- end }}

{{/* The fields of a Service that the API server allows only with some types. */}}
{{- define "oifde-exporter.serviceTypes" -}}
allocateLoadBalancerNodePorts: [LoadBalancer]
{{- if not (.Values.service.spec | default dict).externalIPs }}
externalTrafficPolicy: [NodePort, LoadBalancer]
{{- end }}
healthCheckNodePort: [LoadBalancer]
loadBalancerClass: [LoadBalancer]
loadBalancerSourceRanges: [LoadBalancer]
{{- end }}
