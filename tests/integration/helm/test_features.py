"""The effect of each value: values, a place in the manifests, the expected content."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.manifests import Helm, at

POD = "Deployment:spec/template/spec"
EXPORTER = f"{POD}/containers/0"
ARGS = f"{EXPORTER}/args"
DEMO = {"demo": True}
TLS = {"tls_server_config": {"cert_file": "/etc/oifde-exporter/tls/tls.crt"}}
URL = "platforms: [{url: 'https://a:28090'}, {url: http://b/p, proxy_url: 'http://u:p@c:3128'}]"


MAPPED = """\
history:
  path: /var/lib/oifde-exporter
platforms:
- tenants:
  - auth:
      token_file: /a
    bots:
    - access_code: "0755"
    tenant_id: "1"
  url: https://a
"""


def mapping(url: str) -> dict[str, Any]:
    """Build a configuration of the exporter."""
    tenant = {"tenant_id": "1", "auth": {"token_file": "/a"}, "bots": [{"access_code": "0755"}]}
    return {"platforms": [{"url": url, "tenants": [tenant]}]}


def args(*more: str, config: str = "") -> list[str]:
    """Build the flags that the exporter always has, with more before those of the log."""
    first = ["demo"] if not config else [f"--config.file={config}", "--config.auto-reload-interval=30s"]
    return [*first, "--web.listen-address=:10230", *more, "--log.level=info", "--log.format=logfmt"]


def rewritten(prefix: str) -> list[dict[str, Any]]:
    """Build the filters of a route that replace the path of the external URL."""
    return [
        {
            "type": "URLRewrite",
            "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": prefix}},
        }
    ]


HASH = f"-{hashlib.sha256(b'x' * 63).hexdigest()[:8]}"
CONFIG = "/etc/oifde-exporter/config/config.yaml"
WEB = {"enabled": True, "config": {"basic_auth_users": {}}}
MONITOR = {"demo": True, "serviceMonitor": {"enabled": True}}
RULE = {"demo": True, "prometheusRule": {"enabled": True}}
SHOWN = {"externalUrl": "https://status.example.com/bots/", "ingress": {"enabled": True}}
ROUTE = {
    "externalUrl": "https://status.example.com/bots/",
    "route": {"enabled": True, "parentRefs": [{"name": "public"}]},
}
VPA = {"verticalPodAutoscaler": {"enabled": True, "spec": {"updatePolicy": {"updateMode": "Initial"}}}}
SCRAPE = {"scrapeConfig": {"enabled": True}}
POLICY = {"demo": False, "networkPolicy": {"enabled": True}}


# fmt: off
CASES: list[tuple[dict[str, Any], str, object]] = [
    # The workload
    (DEMO, "Deployment:spec/strategy", {"type": "Recreate"}),
    (DEMO, "Deployment:spec/replicas", 1),
    ({"replicas": 0}, "Deployment:spec/replicas", 0),
    (DEMO, "StatefulSet:", None),
    (DEMO, "ConfigMap:", None),
    (DEMO, ARGS, args()),
    (DEMO, f"{EXPORTER}/command", None),
    (DEMO, f"{POD}/enableServiceLinks", False),
    ({"terminationGracePeriodSeconds": 5}, f"{POD}/terminationGracePeriodSeconds", 5),
    ({"annotations": {"a": "b"}}, "Deployment:metadata/annotations", {"a": "b"}),
    ({"revisionHistoryLimit": 1}, "Deployment:spec/revisionHistoryLimit", 1),
    # Names
    (DEMO, "Deployment:metadata/name", "r-oifde-exporter"),
    ({"nameOverride": "bots"}, "Deployment:metadata/name", "r-bots"),
    ({"nameOverride": "bots"}, "Deployment:spec/selector/matchLabels/app.kubernetes.io~1name", "bots"),
    ({"fullnameOverride": "bots"}, "Deployment:metadata/name", "bots"),
    (DEMO, "Deployment:metadata/namespace", "monitoring"),
    ({"commonLabels": {"a": "{{ .Release.Name }}"}}, "Service:metadata/labels/a", "r"),
    ({"commonLabels": {"a": "b"}}, "Deployment:spec/template/metadata/labels/a", "b"),
    ({"commonLabels": {"app.kubernetes.io/name": "mine"}}, "Deployment:spec/selector/matchLabels/app.kubernetes.io~1name", "oifde-exporter"),
    ({"commonLabels": {"app.kubernetes.io/name": "mine"}}, "Service:metadata/labels/app.kubernetes.io~1name", "oifde-exporter"),
    ({"namespaceOverride": "bots"}, "Deployment:metadata/namespace", "bots"),
    ({**MONITOR, "namespaceOverride": "bots"}, "ServiceMonitor:spec/namespaceSelector", {"matchNames": ["bots"]}),
    ({"commonAnnotations": {"a": "{{ .Release.Name }}"}}, "Deployment:metadata/annotations", {"a": "r"}),
    ({"commonAnnotations": {"a": "b"}}, "Deployment:spec/template/metadata/annotations/a", None),
    ({"commonAnnotations": {"a": "b"}}, "Pod:metadata/annotations/a", "b"),
    ({"commonAnnotations": {"a": "b"}, "service": {"annotations": {"a": "c"}}}, "Service:metadata/annotations", {"a": "c"}),
    # Fields merged over those of the chart
    ({"workloadSpec": {"minReadySeconds": 5}}, "Deployment:spec/minReadySeconds", 5),
    ({"workloadSpec": {"strategy": {"type": "RollingUpdate"}}}, "Deployment:spec/strategy/type", "RollingUpdate"),
    ({"sharding": {"enabled": True}, "workloadSpec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}, "StatefulSet:spec/updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}),
    ({"podSpec": {"schedulerName": "{{ .Release.Name }}", "hostNetwork": True}}, f"{POD}/schedulerName", "r"),
    ({"podSpec": {"hostNetwork": True}}, f"{POD}/hostNetwork", True),
    ({"podSpec": {"enableServiceLinks": None}}, f"{POD}/enableServiceLinks", None),
    ({"podSpec": {"automountServiceAccountToken": True}}, f"{POD}/automountServiceAccountToken", True),
    ({"podSpec": {"securityContext": {"fsGroup": None}}}, f"{POD}/securityContext/fsGroup", None),
    ({"podSpec": {"securityContext": {"fsGroup": None}}}, f"{POD}/securityContext/runAsUser", 65532),
    ({"containerSpec": {"lifecycle": {"preStop": {"sleep": {"seconds": 2}}}}}, f"{EXPORTER}/lifecycle", {"preStop": {"sleep": {"seconds": 2}}}),
    ({"containerSpec": {"livenessProbe": {"periodSeconds": 60}}}, f"{EXPORTER}/livenessProbe/httpGet/path", "/-/healthy"),
    # The image
    (DEMO, f"{EXPORTER}/image", "registry.example.org/oifde-exporter:0.1.0"),
    ({"image": {"registry": "reg:5000", "repository": "a/b", "tag": "1"}}, f"{EXPORTER}/image", "reg:5000/a/b:1"),
    ({"image": {"tag": "1", "digest": "sha256:" + "0" * 64}}, f"{EXPORTER}/image", "registry.example.org/oifde-exporter@sha256:" + "0" * 64),
    ({"image": {"tag": "1.2"}}, "Deployment:metadata/labels/app.kubernetes.io~1version", "1.2"),
    ({"image": {"tag": "_1.0_"}}, "Deployment:metadata/labels/app.kubernetes.io~1version", "1.0"),
    ({"image": {"pullPolicy": "Never"}}, f"{EXPORTER}/imagePullPolicy", "Never"),
    ({"imagePullSecrets": [{"name": "a"}]}, f"{POD}/imagePullSecrets", [{"name": "a"}]),
    ({"global": {"imagePullSecrets": ["a", {"name": "b"}]}, "imagePullSecrets": [{"name": "b"}]}, f"{POD}/imagePullSecrets", [{"name": "a"}, {"name": "b"}]),
    ({"imagePullSecrets": None}, f"{POD}/imagePullSecrets", None),
    ({"livenessProbe": {"successThreshold": 1}}, f"{EXPORTER}/livenessProbe/successThreshold", 1),
    ({"global": {"imagePullSecrets": ["a"]}}, "Pod:spec/imagePullSecrets", [{"name": "a"}]),
    ({"global": {"imageRegistry": "reg"}, "image": {"registry": "other"}}, f"{EXPORTER}/image", "reg/oifde-exporter:0.1.0"),
    ({"global": {"imageRegistry": "", "imagePullSecrets": None}, "image": {"registry": "other"}}, f"{EXPORTER}/image", "other/oifde-exporter:0.1.0"),
    # The configuration
    ({"config": mapping("https://a"), "demo": False}, "ConfigMap:data", {"config.yaml": MAPPED}),
    ({"config": {"settle_delay": 0, "reports": ["${REPORT}"], **mapping("https://a")}, "demo": False}, "ConfigMap:data", {"config.yaml": MAPPED + "reports:\n- ${REPORT}\nsettle_delay: 0\n"}),
    ({"config": {}, "existingConfigMap": "mine", "demo": False}, f"{POD}/volumes/0/configMap/name", "mine"),
    ({"config": "# as it is\na: ${B}\n{{ x }}", "demo": False}, "ConfigMap:data", {"config.yaml": "# as it is\na: ${B}\n{{ x }}\n"}),
    ({"config": "  # indented\na: 1\n", "demo": False}, "ConfigMap:data", {"config.yaml": "  # indented\na: 1\n"}),
    ({"config": "a: 1", "demo": False}, ARGS, args(config=CONFIG)),
    ({"config": "a: 1", "demo": False, "history": {"cache": False}}, f"{EXPORTER}/volumeMounts", [{"name": "oifde-exporter-config", "mountPath": "/etc/oifde-exporter/config", "readOnly": True}]),
    ({"config": "a: 1", "demo": False, "history": {"cache": False}}, f"{POD}/volumes", [{"name": "oifde-exporter-config", "configMap": {"name": "r-oifde-exporter", "defaultMode": 0o440}}]),
    ({"existingConfigMap": "mine", "demo": False}, f"{POD}/volumes/0/configMap/name", "mine"),
    ({"existingConfigMap": "mine", "demo": False}, "ConfigMap:", None),
    ({"existingConfigSecret": "{{ .Release.Name }}-mine", "demo": False}, f"{POD}/volumes/0", {"name": "oifde-exporter-config", "secret": {"secretName": "r-mine", "defaultMode": 0o440}}),
    ({"existingConfigSecret": "mine", "demo": False}, ARGS, args(config=CONFIG)),
    ({"existingConfigSecret": "mine", "demo": False}, "ConfigMap:", None),
    ({"existingConfigMap": "mine", "demo": False}, ARGS, args(config=CONFIG)),
    ({"extraEnv": [{"name": "OIFDE_EXPORTER_CONFIG", "value": "a: 1"}], "demo": False}, ARGS, args()[1:]),
    ({"extraEnvFrom": [{"secretRef": {"name": "a"}}], "demo": False}, ARGS, args()[1:]),
    # Reloads
    ({"config": "a: 1", "configReload": "none", "demo": False}, f"{ARGS}/1", "--web.listen-address=:10230"),
    ({"config": "a: 1", "configReload": "restart", "demo": False}, f"{ARGS}/1", "--web.listen-address=:10230"),
    # Secrets
    # The history
    ({"config": "a: 1", "demo": False}, f"{EXPORTER}/volumeMounts/1", {"name": "oifde-exporter-history", "mountPath": "/var/lib/oifde-exporter"}),
    ({"config": "a: 1", "demo": False}, f"{POD}/volumes/1", {"name": "oifde-exporter-history", "emptyDir": {}}),
    ({"config": "a: 1", "demo": False, "history": {"volume": {"persistentVolumeClaim": {"claimName": "{{ .Release.Name }}-bots"}}}}, f"{POD}/volumes/1", {"name": "oifde-exporter-history", "persistentVolumeClaim": {"claimName": "r-bots"}}),
    ({"config": mapping("https://a") | {"history": {"days": 7, "path": "/mine"}}, "demo": False}, "ConfigMap:data", {"config.yaml": MAPPED.replace("  path: /var/lib/oifde-exporter", "  days: 7\n  path: /mine")}),
    ({"config": mapping("https://a"), "demo": False, "history": {"cache": False}}, "ConfigMap:data", {"config.yaml": MAPPED.replace("history:\n  path: /var/lib/oifde-exporter\n", "")}),
    (DEMO, f"{POD}/volumes", None),
    ({"existingSecret": "{{ .Release.Name }}-mine"}, f"{POD}/volumes/0", {"name": "oifde-exporter-secrets", "secret": {"secretName": "r-mine", "defaultMode": 0o440}}),
    ({"existingSecret": "mine"}, f"{EXPORTER}/volumeMounts/0", {"name": "oifde-exporter-secrets", "mountPath": "/etc/oifde-exporter/secrets", "readOnly": True}),
    ({"existingSecret": "mine"}, "Secret:", None),
    ({"secrets": {"a": "b"}, "config": "a: 1", "demo": False}, "Secret:data", {"a": "Yg=="}),
    ({"secrets": {"a": "b"}, "config": "a: 1", "demo": False}, f"{POD}/volumes/1/secret/secretName", "r-oifde-exporter"),
    ({"secrets": {"a": "b"}}, "Secret:", None),
    ({"secrets": {"a": "b"}}, f"{POD}/volumes", None),
    ({"secrets": {"0755": "b", "on": "c"}, "config": "a: 1", "demo": False}, "Secret:data", {"0755": "Yg==", "on": "Yw=="}),
    # Strings stay strings, even if they look like numbers
    ({"fullnameOverride": "on"}, "Deployment:metadata/name", "on"),
    ({"fullnameOverride": "on"}, f"{POD}/serviceAccountName", "on"),
    ({"nameOverride": "123"}, "Deployment:spec/selector/matchLabels/app.kubernetes.io~1name", "123"),
    ({"priorityClassName": "123"}, f"{POD}/priorityClassName", "123"),
    ({"serviceAccount": {"name": "123"}}, "ServiceAccount:metadata/name", "123"),
    ({"existingConfigMap": "123", "demo": False}, f"{POD}/volumes/0/configMap/name", "123"),
    ({"existingSecret": "123"}, f"{POD}/volumes/0/secret/secretName", "123"),
    ({**MONITOR, "telemetryPath": "/a:"}, "ServiceMonitor:spec/endpoints/0/path", "/a:"),
    ({"telemetryPath": "/a:"}, ARGS, args("--web.telemetry-path=/a:")),
    ({"commonLabels": {"a": "1{{ 2 }}"}}, "Service:metadata/labels/a", "12"),
    ({"podAnnotations": {"a": "1{{ 2 }}"}}, "Deployment:spec/template/metadata/annotations/a", "12"),
    ({"podLabels": {"a{{ 1 }}": "0{{ 1 }}"}}, "Deployment:spec/template/metadata/labels/a1", "01"),
    ({"extraEnv": [{"name": "A", "value": "1{{ 2 }}"}]}, f"{EXPORTER}/env", [{"name": "A", "value": "12"}]),
    ({"extraManifests": [{"kind": "Role", "metadata": {"name": "1{{ 2 }}"}, "rules": []}]}, "Role:", {"kind": "Role", "metadata": {"name": "12"}, "rules": []}),
    # Flags
    ({"containerPort": 8080}, f"{ARGS}/1", "--web.listen-address=:8080"),
    ({"containerPort": 8080}, f"{EXPORTER}/ports/0/containerPort", 8080),
    ({"telemetryPath": "/m"}, ARGS, args("--web.telemetry-path=/m")),
    ({"routePrefix": "/p"}, ARGS, args("--web.route-prefix=/p")),
    ({"externalUrl": "https://a/p"}, ARGS, args("--web.external-url=https://a/p")),
    ({"enableLifecycle": True}, ARGS, args("--web.enable-lifecycle")),
    ({"log": {"level": "debug", "format": "json"}}, ARGS, [*args()[:2], "--log.level=debug", "--log.format=json"]),
    ({"extraArgs": ["--a={{ .Release.Name }}", "b c"]}, ARGS, [*args(), "--a=r", "b c"]),
    ({"extraEnv": [{"name": "A", "value": "1"}]}, f"{EXPORTER}/env", [{"name": "A", "value": "1"}]),
    # Probes
    (DEMO, f"{EXPORTER}/livenessProbe/httpGet", {"path": "/-/healthy", "port": "metrics"}),
    (DEMO, f"{EXPORTER}/readinessProbe/httpGet", {"path": "/-/ready", "port": "metrics"}),
    (DEMO, f"{EXPORTER}/livenessProbe/periodSeconds", 15),
    ({"livenessProbe": {"enabled": False}}, f"{EXPORTER}/livenessProbe", None),
    ({"readinessProbe": {"successThreshold": 2}}, f"{EXPORTER}/readinessProbe/successThreshold", 2),
    ({"livenessProbe": {"terminationGracePeriodSeconds": 2}}, f"{EXPORTER}/livenessProbe/terminationGracePeriodSeconds", 2),
    ({"readinessProbe": {"enabled": False}}, f"{EXPORTER}/readinessProbe", None),
    ({"startupProbe": {"enabled": False}}, f"{EXPORTER}/startupProbe", None),
    ({"routePrefix": "p/"}, f"{EXPORTER}/livenessProbe/httpGet/path", "/p/-/healthy"),
    ({"externalUrl": "https://a/p/q/"}, f"{EXPORTER}/livenessProbe/httpGet/path", "/p/q/-/healthy"),
    ({"webConfig": WEB}, f"{EXPORTER}/livenessProbe/httpGet", None),
    ({"webConfig": WEB}, f"{EXPORTER}/livenessProbe/exec/command", ["python", "-m", "exporter.probe", "http://localhost:10230/-/healthy"]),
    ({"webConfig": {"enabled": True, "config": TLS}}, f"{EXPORTER}/readinessProbe/exec/command/3", "https://localhost:10230/-/ready"),
    ({"probeType": "exec"}, f"{EXPORTER}/startupProbe/exec/command/3", "http://localhost:10230/-/healthy"),
    ({"probeType": "http", "webConfig": {"enabled": True, "config": TLS}}, f"{EXPORTER}/livenessProbe/httpGet", {"path": "/-/healthy", "port": "metrics", "scheme": "HTTPS"}),
    # TLS and basic auth
    ({"webConfig": WEB}, f"{ARGS}/2", "--web.config.file=/etc/oifde-exporter/web/web.yaml"),
    ({"webConfig": WEB}, f"{POD}/volumes", [{"name": "oifde-exporter-web", "secret": {"secretName": "r-oifde-exporter-web", "defaultMode": 0o440}}]),
    ({"webConfig": WEB}, "Secret:data", {"web.yaml": "YmFzaWNfYXV0aF91c2Vyczoge30="}),
    ({"webConfig": {**WEB, "tlsSecret": "tls"}}, f"{EXPORTER}/volumeMounts/1/mountPath", "/etc/oifde-exporter/tls"),
    ({"webConfig": {"enabled": True, "existingSecret": "mine", "scheme": "https"}}, f"{POD}/volumes/0/secret/secretName", "mine"),
    ({"webConfig": {"enabled": True, "existingSecret": "mine", "scheme": "https"}}, "Secret:", None),
    ({"webConfig": {"enabled": True, "existingSecret": "mine", "scheme": "https"}}, f"{EXPORTER}/livenessProbe/exec/command/3", "https://localhost:10230/-/healthy"),
    ({**MONITOR, "webConfig": {"enabled": True, "config": TLS}}, "ServiceMonitor:spec/endpoints/0/scheme", "https"),
    # The pod
    (DEMO, f"{EXPORTER}/securityContext", {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}),
    (DEMO, f"{POD}/securityContext/runAsUser", 65532),
    ({"podSecurityContext": {"runAsUser": None}}, f"{POD}/securityContext/runAsUser", None),
    ({"podSecurityContext": {"runAsUser": None}}, "Pod:spec/securityContext/runAsUser", None),
    ({"podSecurityContext": None}, f"{POD}/securityContext", None),
    ({"securityContext": None}, f"{EXPORTER}/securityContext", None),
    ({"commonAnnotations": None, "service": {"spec": None}, "podSpec": None}, "Service:spec/type", "ClusterIP"),
    ({"podAnnotations": {"a": "{{ .Release.Name }}"}}, "Deployment:spec/template/metadata/annotations/a", "r"),
    ({"podLabels": {"a": "{{ .Release.Name }}"}}, "Deployment:spec/template/metadata/labels/a", "r"),
    ({"podLabels": {"a": "b"}}, "Deployment:spec/selector/matchLabels/a", None),
    (DEMO, "Deployment:spec/template/metadata/labels/helm.sh~1chart", None),
    ({"resources": {"limits": {"memory": "1Gi"}}}, f"{EXPORTER}/resources", {"limits": {"memory": "1Gi"}}),
    ({"nodeSelector": {"a": "b"}}, f"{POD}/nodeSelector", {"a": "b"}),
    ({"tolerations": [{"operator": "Exists"}]}, f"{POD}/tolerations", [{"operator": "Exists"}]),
    ({"affinity": {"a": {"b": "{{ .Release.Name }}"}}}, f"{POD}/affinity/a/b", "r"),
    ({"topologySpreadConstraints": [{"maxSkew": 1}]}, f"{POD}/topologySpreadConstraints", [{"maxSkew": 1}]),
    ({"priorityClassName": "a"}, f"{POD}/priorityClassName", "a"),
    ({"runtimeClassName": "a"}, f"{POD}/runtimeClassName", "a"),
    ({"dnsPolicy": "Default"}, f"{POD}/dnsPolicy", "Default"),
    ({"dnsConfig": {"searches": ["a"]}}, f"{POD}/dnsConfig", {"searches": ["a"]}),
    ({"hostAliases": [{"ip": "1.2.3.4"}]}, f"{POD}/hostAliases/0/ip", "1.2.3.4"),
    ({"extraContainers": [{"name": "{{ .Release.Name }}"}]}, f"{POD}/containers/1/name", "r"),
    ({"extraInitContainers": [{"name": "a"}]}, f"{POD}/initContainers", [{"name": "a"}]),
    ({"extraVolumes": [{"name": "a", "emptyDir": {}}]}, f"{POD}/volumes", [{"name": "a", "emptyDir": {}}]),
    ({"extraVolumes": [{"name": "oifde-exporter-ca", "emptyDir": {}}]}, f"{EXPORTER}/volumeMounts", None),
    ({"extraVolumeMounts": [{"name": "a", "mountPath": "/a"}]}, f"{EXPORTER}/volumeMounts", [{"name": "a", "mountPath": "/a"}]),
    ({"extraManifests": [{"kind": "Role", "metadata": {"name": "{{ .Release.Name }}"}}]}, "Role:metadata/name", "r"),
    ({"extraManifests": ["kind: Role\nmetadata: {name: '{{ .Release.Name }}'}"]}, "Role:metadata/name", "r"),
    # The account
    (DEMO, "ServiceAccount:metadata/name", "r-oifde-exporter"),
    (DEMO, "ServiceAccount:automountServiceAccountToken", False),
    (DEMO, f"{POD}/automountServiceAccountToken", False),
    ({"serviceAccount": {"automountServiceAccountToken": True}}, f"{POD}/automountServiceAccountToken", True),
    ({"serviceAccount": {"create": False}}, "ServiceAccount:", None),
    ({"serviceAccount": {"create": False}}, f"{POD}/serviceAccountName", "default"),
    ({"serviceAccount": {"create": False, "name": "mine"}}, f"{POD}/serviceAccountName", "mine"),
    ({"serviceAccount": {"annotations": {"a": "b"}}}, "ServiceAccount:metadata/annotations", {"a": "b"}),
    # The Service
    (DEMO, "Service:spec/ports", [{"name": "metrics", "port": 10230, "targetPort": "metrics", "protocol": "TCP"}]),
    ({"service": {"enabled": False}}, "Service:", None),
    ({"service": {"enabled": False}}, "Pod:", None),
    ({"service": {"type": "NodePort", "nodePort": 30000}}, "Service:spec/ports/0/nodePort", 30000),
    ({"service": {"port": 80, "portName": "web"}}, "Service:spec/ports/0/port", 80),
    ({"service": {"clusterIP": "None"}}, "Service:spec/clusterIP", "None"),
    ({"service": {"clusterIP": "None", "port": 80}}, "Service:spec/ports/0/port", 10230),
    ({"service": {"labels": {"a": "b"}}}, "Service:metadata/labels/a", "b"),
    ({"service": {"annotations": {"a": "b"}}}, "Service:metadata/annotations", {"a": "b"}),
    ({"service": {"spec": {"ipFamilies": ["IPv6"], "internalTrafficPolicy": "Local"}}}, "Service:spec/ipFamilies", ["IPv6"]),
    ({"service": {"type": "LoadBalancer", "spec": {"loadBalancerClass": "{{ .Release.Name }}/lb"}}}, "Service:spec/loadBalancerClass", "r/lb"),
    ({"service": {"type": "LoadBalancer", "spec": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}}, "Service:spec/loadBalancerSourceRanges", ["10.0.0.0/8"]),
    ({"service": {"type": "NodePort", "spec": {"externalTrafficPolicy": "Local"}}}, "Service:spec/externalTrafficPolicy", "Local"),
    ({"service": {"spec": {"externalIPs": ["10.1.2.3"], "externalTrafficPolicy": "Local"}}}, "Service:spec/externalTrafficPolicy", "Local"),
    ({"service": {"spec": {"ports": [{"port": 1}]}}}, "Service:spec/ports", [{"port": 1}]),
    # Ingress and HTTPRoute
    (DEMO, "Ingress:", None),
    (SHOWN, "Ingress:spec", {"rules": [{"host": "status.example.com", "http": {"paths": [{"path": "/bots", "pathType": "Prefix", "backend": {"service": {"name": "r-oifde-exporter", "port": {"name": "metrics"}}}}]}}]}),
    ({**SHOWN, "externalUrl": "http://status.example.com:8080"}, "Ingress:spec/rules/0/http/paths/0/path", "/"),
    ({**SHOWN, "externalUrl": "http://status.example.com:8080"}, "Ingress:spec/rules/0/host", "status.example.com"),
    ({**SHOWN, "ingress": {"enabled": True, "tlsSecret": "{{ .Release.Name }}-tls"}}, "Ingress:spec/tls", [{"hosts": ["status.example.com"], "secretName": "r-tls"}]),
    ({**SHOWN, "ingress": {"enabled": True, "className": "a", "annotations": {"b": "c"}}}, "Ingress:spec/ingressClassName", "a"),
    ({**SHOWN, "ingress": {"enabled": True, "className": "a", "annotations": {"b": "c"}}}, "Ingress:metadata/annotations", {"b": "c"}),
    ({**SHOWN, "ingress": {"enabled": True, "spec": {"tls": [{"hosts": ["{{ .Release.Name }}"]}]}}}, "Ingress:spec/tls", [{"hosts": ["r"]}]),
    (DEMO, "HTTPRoute:", None),
    (ROUTE, "HTTPRoute:spec", {"parentRefs": [{"name": "public"}], "hostnames": ["status.example.com"], "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/bots"}}], "backendRefs": [{"name": "r-oifde-exporter", "port": 10230}]}]}),
    ({**ROUTE, "routePrefix": "/"}, "HTTPRoute:spec/rules/0/filters", rewritten("/")),
    ({**ROUTE, "routePrefix": "/p/"}, "HTTPRoute:spec/rules/0/filters", rewritten("/p")),
    ({**ROUTE, "routePrefix": "bots/"}, "HTTPRoute:spec/rules/0/filters", None),
    ({**ROUTE, "service": {"port": 80}}, "HTTPRoute:spec/rules/0/backendRefs/0/port", 80),
    ({**ROUTE, "service": {"port": 80, "clusterIP": "None"}}, "HTTPRoute:spec/rules/0/backendRefs/0/port", 10230),
    # The Vertical Pod Autoscaler
    (DEMO, "VerticalPodAutoscaler:", None),
    (VPA, "VerticalPodAutoscaler:spec", {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "r-oifde-exporter"}, "updatePolicy": {"minReplicas": 1, "updateMode": "Initial"}}),
    ({**VPA, "sharding": {"enabled": True}, "fullnameOverride": "x" * 63}, "VerticalPodAutoscaler:spec/targetRef", {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "x" * 43 + HASH}),
    # The budget
    (DEMO, "PodDisruptionBudget:", None),
    ({"podDisruptionBudget": {"enabled": True}}, "PodDisruptionBudget:spec/maxUnavailable", 1),
    ({"podDisruptionBudget": {"enabled": True, "minAvailable": 0}}, "PodDisruptionBudget:spec/minAvailable", 0),
    ({"podDisruptionBudget": {"enabled": True, "minAvailable": 0}}, "PodDisruptionBudget:spec/maxUnavailable", None),
    ({"podDisruptionBudget": {"enabled": True, "maxUnavailable": "50%"}}, "PodDisruptionBudget:spec/maxUnavailable", "50%"),
    ({"podDisruptionBudget": {"enabled": True, "unhealthyPodEvictionPolicy": "AlwaysAllow"}}, "PodDisruptionBudget:spec/unhealthyPodEvictionPolicy", "AlwaysAllow"),
    # The network policy
    (DEMO, "NetworkPolicy:", None),
    ({"networkPolicy": {"enabled": True}}, "NetworkPolicy:spec/policyTypes", ["Ingress", "Egress"]),
    ({"networkPolicy": {"enabled": True}}, "NetworkPolicy:spec/ingress", [{"ports": [{"port": "metrics", "protocol": "TCP"}]}]),
    ({"networkPolicy": {"enabled": True}}, "NetworkPolicy:spec/egress", [{"ports": [{"port": port, "protocol": protocol} for port in (53, 5353) for protocol in ("UDP", "TCP")]}]),
    ({**POLICY, "config": URL}, "NetworkPolicy:spec/egress/1", {"ports": [{"port": port, "protocol": "TCP"} for port in (28090, 80, 3128)]}),
    ({**POLICY, "config": mapping("https://[::1]/p")}, "NetworkPolicy:spec/egress/1/ports", [{"port": 443, "protocol": "TCP"}]),
    ({**POLICY, "config": mapping("https://${HOST}")}, "NetworkPolicy:spec/egress/1", {}),
    ({**POLICY, "config": "# soon"}, "NetworkPolicy:spec/egress/1", {}),
    ({**POLICY, "config": "poll_interval: 1m"}, "NetworkPolicy:spec/egress/1", {}),
    ({**POLICY, "existingConfigMap": "mine"}, "NetworkPolicy:spec/egress/1", {}),
    ({"demo": False, "existingConfigMap": "mine", "networkPolicy": {"enabled": True, "ports": [443]}}, "NetworkPolicy:spec/egress/1/ports/0/port", 443),
    ({"demo": False, "config": URL, "networkPolicy": {"enabled": True, "to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}}, "NetworkPolicy:spec/egress/1/to", [{"ipBlock": {"cidr": "10.0.0.0/8"}}]),
    ({"networkPolicy": {"enabled": True, "from": [{"podSelector": {}}]}}, "NetworkPolicy:spec/ingress/0/from", [{"podSelector": {}}]),
    ({"networkPolicy": {"enabled": True, "extraIngress": [{}]}}, "NetworkPolicy:spec/ingress/1", {}),
    ({"networkPolicy": {"enabled": True, "extraEgress": [{}]}}, "NetworkPolicy:spec/egress/1", {}),
    # Shards
    ({"sharding": {"enabled": True}}, "Deployment:", None),
    ({"sharding": {"enabled": True, "shards": 5}}, "StatefulSet:spec/replicas", 5),
    ({"sharding": {"enabled": True, "shards": 5}, "replicas": None}, "StatefulSet:spec/replicas", 5),
    ({"sharding": {"enabled": True, "shards": 5}, "replicas": 0}, "StatefulSet:spec/replicas", 0),
    ({"sharding": {"enabled": True, "shards": 5}}, "StatefulSet:spec/template/spec/containers/0/args", args("--shard=auto", "--total-shards=5")),
    ({"sharding": {"enabled": True}}, "StatefulSet:spec/podManagementPolicy", "Parallel"),
    ({"sharding": {"enabled": True}}, "StatefulSet:spec/serviceName", "r-oifde-exporter-headless"),
    ({"sharding": {"enabled": True}}, "Service:r-oifde-exporter-headless:spec/clusterIP", "None"),
    ({"sharding": {"enabled": True}}, "Service:r-oifde-exporter-headless:spec/publishNotReadyAddresses", True),
    ({"sharding": {"enabled": True}, "fullnameOverride": "x" * 63}, "StatefulSet:metadata/name", "x" * 43 + HASH),
    ({"sharding": {"enabled": True}, "fullnameOverride": "x" * 63}, "StatefulSet:spec/serviceName", "x" * 45 + HASH + "-headless"),
    ({"sharding": {"enabled": True}}, "Role:", None),
    # Monitors
    (MONITOR, "ServiceMonitor:spec/endpoints", [{"port": "metrics", "path": "/metrics", "scheme": "http", "honorLabels": False, "interval": "30s"}]),
    (MONITOR, "ServiceMonitor:spec/namespaceSelector", {"matchNames": ["monitoring"]}),
    (MONITOR, "ServiceMonitor:spec/sampleLimit", None),
    ({**MONITOR, "telemetryPath": "/m", "externalUrl": "http://a/p"}, "ServiceMonitor:spec/endpoints/0/path", "/p/m"),
    ({"serviceMonitor": {"enabled": True, "namespace": "a", "labels": {"b": "c"}}}, "ServiceMonitor:metadata/namespace", "a"),
    ({"serviceMonitor": {"enabled": True, "labels": {"b": "c"}}}, "ServiceMonitor:metadata/labels/b", "c"),
    ({"serviceMonitor": {"enabled": True, "tlsConfig": {"insecureSkipVerify": True}}}, "ServiceMonitor:spec/endpoints/0/tlsConfig", {"insecureSkipVerify": True}),
    ({"serviceMonitor": {"enabled": True, "sampleLimit": 9}}, "ServiceMonitor:spec/sampleLimit", 9),
    ({"podMonitor": {"enabled": True}}, "PodMonitor:spec/podMetricsEndpoints/0/port", "metrics"),
    ({"podMonitor": {"enabled": True, "interval": ""}}, "PodMonitor:spec/podMetricsEndpoints/0/interval", None),
    ({"podMonitor": {"enabled": True}}, "PodMonitor:spec/selector/matchLabels", {"app.kubernetes.io/name": "oifde-exporter", "app.kubernetes.io/instance": "r"}),
    ({"podMonitor": {"enabled": True, "podTargetLabels": ["a"]}}, "PodMonitor:spec/podTargetLabels", ["a"]),
    ({"serviceMonitor": {"enabled": True, "endpoint": {"authorization": {"credentials": {"name": "a", "key": "b"}}, "honorTimestamps": False}}}, "ServiceMonitor:spec/endpoints/0/honorTimestamps", False),
    ({"serviceMonitor": {"enabled": True, "endpoint": {"proxyUrl": "http://a"}}}, "ServiceMonitor:spec/endpoints/0", {"port": "metrics", "path": "/metrics", "scheme": "http", "honorLabels": False, "interval": "30s", "proxyUrl": "http://a"}),
    ({"serviceMonitor": {"enabled": True, "spec": {"scrapeClass": "a", "namespaceSelector": {"any": True, "matchNames": None}}}}, "ServiceMonitor:spec/scrapeClass", "a"),
    ({"podMonitor": {"enabled": True, "spec": {"namespaceSelector": {"matchNames": ["{{ .Release.Name }}"]}}}}, "PodMonitor:spec/namespaceSelector", {"matchNames": ["r"]}),
    ({"podMonitor": {"enabled": True, "endpoint": {"enableHttp2": False}}}, "PodMonitor:spec/podMetricsEndpoints/0/enableHttp2", False),
    (SCRAPE, "ScrapeConfig:spec", {"staticConfigs": [{"targets": ["r-oifde-exporter.monitoring.svc:10230"]}], "metricsPath": "/metrics", "scheme": "HTTP", "scrapeInterval": "30s", "relabelings": [{"targetLabel": "namespace", "replacement": "monitoring"}]}),
    ({**SCRAPE, "sharding": {"enabled": True}, "containerPort": 8080}, "ScrapeConfig:spec/dnsSDConfigs", [{"names": ["r-oifde-exporter-headless.monitoring.svc"], "type": "A", "port": 8080}]),
    ({**SCRAPE, "sharding": {"enabled": True}}, "ScrapeConfig:spec/staticConfigs", None),
    ({**SCRAPE, "webConfig": {"enabled": True, "config": TLS}, "routePrefix": "/p"}, "ScrapeConfig:spec/scheme", "HTTPS"),
    ({**SCRAPE, "routePrefix": "/p", "service": {"port": 80}}, "ScrapeConfig:spec/metricsPath", "/p/metrics"),
    ({**SCRAPE, "service": {"port": 80}, "namespaceOverride": "a"}, "ScrapeConfig:spec/staticConfigs/0/targets", ["r-oifde-exporter.a.svc:80"]),
    ({"scrapeConfig": {"enabled": True, "labels": {"a": "b"}, "spec": {"scrapeInterval": "1m", "scrapeClass": "c"}}}, "ScrapeConfig:spec/scrapeInterval", "1m"),
    # Rules
    ({"prometheusRule": {"enabled": True, "defaultRules": False, "additionalGroups": [{"name": "a", "rules": []}]}}, "PrometheusRule:spec/groups", [{"name": "a", "rules": []}]),
    # Objects of a sidecar
    ({"mode": "sidecar", "config": "a: 1", "demo": False}, "Deployment:", None),
    ({"mode": "sidecar", "config": "a: 1", "demo": False}, "Service:", None),
    ({"mode": "sidecar", "config": "a: 1", "demo": False}, "ServiceAccount:", None),
    ({"mode": "sidecar", "config": "a: 1", "demo": False}, "Pod:", None),
    ({"mode": "sidecar", "config": "a: 1", "demo": False}, "ConfigMap:data", {"config.yaml": "a: 1\n"}),
    ({"mode": "sidecar", "config": "a: 1", "demo": False, "podMonitor": {"enabled": True}}, "PodMonitor:spec/selector/matchLabels", {"oifde-exporter/sidecar": "r-oifde-exporter"}),
    # The test
    (DEMO, "Pod:spec/containers/0/args", ["http://r-oifde-exporter:10230/-/healthy"]),
    ({"service": {"port": 80}}, "Pod:spec/containers/0/args", ["http://r-oifde-exporter:80/-/healthy"]),
    ({"service": {"clusterIP": "None", "port": 80}}, "Pod:spec/containers/0/args", ["http://r-oifde-exporter:10230/-/healthy"]),
    ({"nodeSelector": {"a": "b"}}, "Pod:spec/nodeSelector", {"a": "b"}),
    ({"tolerations": [{"operator": "Exists"}]}, "Pod:spec/tolerations", [{"operator": "Exists"}]),
    ({"priorityClassName": "a"}, "Pod:spec/priorityClassName", "a"),
    ({"resources": {"limits": {"memory": "1Gi"}}}, "Pod:spec/containers/0/resources", {"limits": {"memory": "1Gi"}}),
    ({"tests": {"enabled": False}}, "Pod:", None),
]
# In the pod of the example's application.
SIDECAR: list[tuple[dict[str, Any], str, object]] = [
    ({}, f"{POD}/containers/1/name", "oifde-exporter"),
    ({}, f"{POD}/containers/1/restartPolicy", None),
    ({}, f"{POD}/containers/1/securityContext/runAsUser", 65532),
    ({}, f"{POD}/initContainers", None),
    ({}, f"{POD}/volumes/1/secret", {"secretName": "application-oifde", "defaultMode": 0o444}),
    ({}, "Deployment:spec/template/metadata/labels/oifde-exporter~1sidecar", "r-oifde-exporter"),
    ({}, "PodMonitor:spec/selector/matchLabels", {"oifde-exporter/sidecar": "r-oifde-exporter"}),
    ({}, f"{POD}/containers/1/ports/0/name", "oifde-metrics"),
    ({}, f"{POD}/containers/1/livenessProbe/httpGet/port", "oifde-metrics"),
    ({}, "PodMonitor:spec/podMetricsEndpoints/0/port", "oifde-metrics"),
    ({"sidecar": {"portName": "bots"}}, f"{POD}/containers/1/ports/0/name", "bots"),
    ({"sidecar": {"portName": "bots"}}, "PodMonitor:spec/podMetricsEndpoints/0/port", "bots"),
    ({"sidecar": {"native": True}}, f"{POD}/initContainers/0/restartPolicy", "Always"),
    ({"sidecar": {"native": True, "name": "bots"}}, f"{POD}/initContainers/0/name", "bots"),
    ({"sidecar": {"native": True}}, f"{POD}/containers/1", None),
    ({"extraArgs": ["--log.level=debug"]}, f"{POD}/containers/1/args/5", "--log.level=debug"),
    ({"containerSpec": {"securityContext": {"runAsUser": 1}}}, f"{POD}/containers/1/securityContext/runAsUser", 1),
    ({"enabled": False}, f"{POD}/containers/1", None),
    ({"enabled": False}, "ConfigMap:", None),
]
# fmt: on


@pytest.mark.parametrize(("values", "path", "expected"), CASES)
def test_a_value_does_what_it_says(
    helm: Helm, chart: Path, values: dict[str, Any], path: str, expected: object
) -> None:
    """Without a configuration the chart runs the demo."""
    assert expected == at(helm.template(chart, DEMO | values), path)


@pytest.mark.parametrize(("values", "path", "expected"), SIDECAR)
def test_a_sidecar_s_value_does_what_it_says(
    helm: Helm, application: Path, values: dict[str, Any], path: str, expected: object
) -> None:
    """It affects the container, its volumes and its monitor. A disabled sidecar adds nothing."""
    assert expected == at(helm.template(application, {"oifde-exporter": values}, "--kube-version=1.29.0"), path)


@pytest.mark.parametrize("name", ["exporter", "sidecar"])
def test_a_changed_configuration_changes_the_checksum(helm: Helm, chart: Path, application: Path, name: str) -> None:
    """With `configReload: restart` this replaces the pods; otherwise there is no checksum."""

    def checksum(**values: str) -> str | None:
        chosen = {"oifde-exporter": values} if name == "sidecar" else values
        manifests = helm.template(application if name == "sidecar" else chart, chosen)
        annotations = at(manifests, "Deployment:spec/template/metadata/annotations") or {}
        return annotations.get("checksum/config")

    one, two = (checksum(config=f"a: {number}", configReload="restart") for number in (1, 2))
    assert one
    assert two
    assert one != two
    assert checksum(config="a: 1") is None


def test_files_are_picked_up(helm: Helm, chart: Path, tmp_path: Path) -> None:
    """A dashboard or rule file added to the folder is included as it is, with its templates."""
    copy = Path(shutil.copytree(chart, tmp_path / "chart"))
    dashboard = '{"title": "{{bot}}", "uid": "x"}\n'
    (copy / "dashboards" / "more.json").write_text(dashboard)
    rule = {"record": "more", "expr": "vector(1)"}
    (copy / "rules" / "more.yaml").write_text(
        json.dumps({"groups": [{"name": "more", "interval": "5m", "rules": [rule]}]})
    )
    manifests = helm.template(
        copy, {**RULE, "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Bots"}}}
    )

    assert dashboard == at(manifests, "ConfigMap:r-oifde-exporter-dashboard-more:data/more.json")
    groups = at(manifests, "PrometheusRule:spec/groups")
    assert {"name": "more", "interval": "5m", "rules": [rule]} in groups
