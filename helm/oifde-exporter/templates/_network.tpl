{{/*
The ports of the platforms and proxies in the configuration, as a list. Empty if the chart does not know them: the
configuration is somewhere else, or a URL contains a variable.
*/}}
{{- define "oifde-exporter.platformPorts" -}}
{{- $config := .Values.config -}}
{{- if kindIs "string" $config }}{{ $config = fromYaml $config }}{{ end -}}
{{- $ports := list -}}
{{- $known := true -}}
{{- if $config -}}
{{- range (get $config "platforms" | default list) -}}
{{- range compact (list .url .proxy_url) -}}
{{- if contains "${" . -}}
{{- $known = false -}}
{{- else -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $ports = append $ports ($port | default (ternary "443" "80" (eq $url.scheme "https")) | int) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- ternary (uniq $ports) list $known | toJson -}}
{{- end }}
