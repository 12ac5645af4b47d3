"""With any values, the rendered manifests are valid and restricted, and select only their own pods."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.commands.demo import demo
from harness.manifests import VERSIONS, Helm, HelmError, Manifest, errors, pods, unrestricted

ROOT = Path(__file__).parents[3]
CI = sorted((ROOT / "helm" / "oifde-exporter" / "ci").glob("*-values.yaml"))


def load(path: Path) -> dict[str, Any]:
    """Load a file of values."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def merge(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Merge changes into values, as Helm merges several files."""
    both = dict(values)
    for key, value in changes.items():
        old = both.get(key)
        both[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


# Used with a Deployment, with shards and in a sidecar.
EVERYTHING = load(ROOT / "helm" / "oifde-exporter" / "ci" / "everything-values.yaml")
POD_MONITOR = {key: value for key, value in EVERYTHING["serviceMonitor"].items() if key != "targetLabels"}
NOT_FOR_SHARDS = ("ingress", "route")
NOT_FOR_SIDECARS = (
    *NOT_FOR_SHARDS,
    "serviceMonitor",
    "networkPolicy",
    "podDisruptionBudget",
    "verticalPodAutoscaler",
)
IN_SHARDS = {"sharding": {"enabled": True}} | {key: {"enabled": False} for key in NOT_FOR_SHARDS}
CASES = {
    **{path.name.removesuffix("-values.yaml"): load(path) for path in CI},
    "everything in shards": merge(EVERYTHING, IN_SHARDS),
    "scrape configuration": {"demo": True, "scrapeConfig": {"enabled": True}},
    "scrape configuration of shards": {"demo": True, "scrapeConfig": {"enabled": True}, "sharding": {"enabled": True}},
    "pod monitor": {"demo": True, "podMonitor": POD_MONITOR},
    "everything in a sidecar": merge(
        EVERYTHING, {"mode": "sidecar"} | {key: {"enabled": False} for key in NOT_FOR_SIDECARS}
    ),
    "a full name of 63 characters": merge(
        EVERYTHING,
        {
            **IN_SHARDS,
            "fullnameOverride": "x" * 63,
            "webConfig": {"enabled": True, "config": {"basic_auth_users": {}}},
        },
    ),
    "a name of 63 characters": {"demo": True, "nameOverride": "y" * 63, "commonLabels": {"long": "z" * 63}},
    "no account, no service": {"demo": True, "serviceAccount": {"create": False}, "service": {"enabled": False}},
    "restrictive policy": merge(EVERYTHING, {"networkPolicy": {"to": [], "ports": [443], "from": []}}),
}


SHOWN = {"demo": True, "externalUrl": "https://a", "ingress": {"enabled": True}}
PASSWORDS = {
    "enabled": True,
    "config": {"basic_auth_users": {"a": "$2b$04$o6QSLWtIB3A13/b6Am0XGO3QyGM3OxqJ.gTTF4mYRV6aP0dsr1qXO"}},
}


def platform(**keys: object) -> dict[str, Any]:
    """Build values whose configuration has a valid platform, with these keys replaced."""
    tenant = {"tenant_id": "1", "auth": {"app_secret_file": "/a"}, "bots": [{"access_code": "1"}]}
    return {"config": {"platforms": [{"url": "https://a", "tenants": [tenant], **keys}]}}


def tenant(**keys: object) -> dict[str, Any]:
    """Build values whose configuration has a valid tenant, with these keys replaced."""
    (right,) = platform()["config"]["platforms"][0]["tenants"]
    return platform(tenants=[right | keys])


def env(name: str, value: str) -> dict[str, str]:
    """Build an exporter's variable, as `extraEnv` has it."""
    return {"name": f"OIFDE_EXPORTER_{name}", "value": value}


@pytest.fixture(params=CASES, scope="module")
def values(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One set of values."""
    chosen: dict[str, Any] = CASES[request.param]
    return chosen


@pytest.mark.parametrize("path", CI, ids=lambda path: path.stem)
def test_lint_finds_nothing(helm: Helm, chart: Path, path: Path) -> None:
    """`helm lint --strict` finds neither errors nor warnings."""
    said = helm.run("lint", "--strict", chart, f"--values={path}")

    assert "1 chart(s) linted, 0 chart(s) failed" in said
    assert "[WARNING]" not in said


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_valid(helm: Helm, chart: Path, values: dict[str, Any], version: str) -> None:
    """The oldest and the newest API server accept it and know each of its fields."""
    manifests = helm.template(chart, values, f"--kube-version={version}")

    assert [] == [error for manifest in manifests for error in errors(manifest, version)]


@pytest.mark.parametrize("path", CI, ids=lambda path: path.stem)
def test_names_that_look_like_numbers(helm: Helm, chart: Path, path: Path) -> None:
    """A release can be named `123`, and its namespace `1234`."""
    values = load(path) | {"fullnameOverride": "", "nameOverride": "123"}
    manifests = helm.template(chart, values, release="123", namespace="1234")

    assert [] == [error for manifest in manifests for error in errors(manifest, VERSIONS[-1])]
    assert {"123"} == {one["metadata"]["labels"]["app.kubernetes.io/instance"] for one in ours(manifests)}


def test_every_pod_is_restricted(helm: Helm, chart: Path, values: dict[str, Any]) -> None:
    """It runs in a namespace that enforces the "restricted" Pod Security Standard, and has no token for the API server."""
    manifests = helm.template(chart, values)
    ours = dict(pods(manifests))

    assert {name: [] for name in ours} == {name: unrestricted(pod) for name, pod in ours.items()}
    assert dict.fromkeys(ours, False) == {
        name: pod["spec"]["automountServiceAccountToken"] for name, pod in ours.items()
    }


def test_rendering_is_repeatable(helm: Helm, chart: Path) -> None:
    """Argo CD renders the chart repeatedly and would report each difference."""
    one, two = (helm.run("template", "r", chart, values=EVERYTHING) for _ in range(2))

    assert one == two


def ours(manifests: list[Manifest]) -> list[Manifest]:
    """Return all manifests except the extra ones of "everything"."""
    return [one for one in manifests if not one["metadata"]["name"].endswith(("-extra", "-text"))]


def test_names_are_short_enough_and_labels_are_complete(helm: Helm, chart: Path, values: dict[str, Any]) -> None:
    """Generated names have at most 63 characters; a StatefulSet leaves room for its pods' labels."""
    manifests = ours(helm.template(chart, values))

    for manifest in manifests:
        limit = 52 if manifest["kind"] == "StatefulSet" else 63
        assert manifest["metadata"]["name"] == manifest["metadata"]["name"][:limit].strip("-")
        labels = manifest["metadata"]["labels"]
        assert {
            "helm.sh/chart",
            "app.kubernetes.io/instance",
            "app.kubernetes.io/managed-by",
            *values.get("commonLabels", {}),
        } <= set(labels)
        assert [] == [value for value in labels.values() if len(value) > 63]


def test_selectors_select_the_pods_and_nothing_else(helm: Helm, chart: Path, values: dict[str, Any]) -> None:
    """A Service, budget, policy or monitor selects the workload's pods and not the test's."""
    manifests = helm.template(chart, values)
    workloads = {name: pod["metadata"]["labels"] for name, pod in pods(manifests) if not name.startswith("Pod/")}
    tests = {name: pod["metadata"]["labels"] for name, pod in pods(manifests) if name.startswith("Pod/")}

    for manifest in manifests:
        spec = manifest.get("spec", {})
        if selector := _pod_selector(manifest["kind"], spec):
            assert list(workloads) == [name for name, labels in workloads.items() if selector.items() <= labels.items()]
            assert [] == [name for name, labels in tests.items() if selector.items() <= labels.items()]
        if manifest["kind"] == "ServiceMonitor":
            services = [one for one in manifests if one["kind"] == "Service"]
            assert 1 == sum(_selects(spec["selector"], one["metadata"]["labels"]) for one in services)


def _pod_selector(kind: str, spec: Manifest) -> Manifest | None:
    selectors = {"Service": "selector", "NetworkPolicy": "podSelector"} | dict.fromkeys(
        ("PodDisruptionBudget", "Deployment", "StatefulSet"), "selector"
    )
    selector: Manifest | None = spec[selectors[kind]] if kind in selectors else None
    return selector.get("matchLabels", selector) if selector else None


def _selects(selector: Manifest, labels: Manifest) -> bool:
    matches = selector.get("matchLabels", {}).items() <= labels.items()
    return matches and all(
        {"NotIn": labels.get(one["key"]) not in one["values"]}[one["operator"]]
        for one in selector.get("matchExpressions", [])
    )


@pytest.mark.parametrize("names", [("one", "two"), tuple("bots-".ljust(52, "x") + end for end in "12")])
@pytest.mark.parametrize("changes", [{}, IN_SHARDS, {"fullnameOverride": None}])
def test_two_releases_in_one_namespace(
    helm: Helm, chart: Path, changes: dict[str, Any], names: tuple[str, str]
) -> None:
    """No object of one has the name of the other's, and no selector matches the other's pods."""
    values = merge(EVERYTHING, {"fullnameOverride": "", "serviceAccount": {"name": ""}} | changes)
    one, two = (helm.template(chart, values, release=name) for name in names)

    def created(manifests: list[Manifest]) -> set[tuple[str, str]]:
        return {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}

    assert set() == created(one) & created(two)
    (service,) = (
        manifest for manifest in one if manifest["kind"] == "Service" and manifest["spec"].get("clusterIP") != "None"
    )
    ((_, pod),) = ((name, pod) for name, pod in pods(two) if not name.startswith("Pod/"))
    assert not service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "the exporter needs a configuration"),
        ({"demo": True, "replicas": 2}, "replicas: 2 would poll every bot 2 times: use sharding.enabled"),
        ({"demo": "yes"}, "at '/demo': got string, want boolean"),
        ({"demo": True, "ingress": None}, "missing property 'ingress'"),
        ({"demo": True, "replica": 1}, "additional properties 'replica' not allowed"),
        ({"demo": True, "image": {"tags": "1"}}, "at '/image': additional properties 'tags' not allowed"),
        ({"demo": True, "image": {"tag": 1.1}}, "at '/image/tag': got number, want string"),
        ({"demo": True, "image": {"digest": "0123"}}, "at '/image/digest'"),
        ({"demo": True, "image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy'"),
        ({"demo": True, "imagePullSecrets": ["registry"]}, "at '/imagePullSecrets/0'"),
        ({"demo": True, "fullnameOverride": "x" * 64}, "at '/fullnameOverride': maxLength"),
        ({"demo": True, "fullnameOverride": "Upper"}, "at '/fullnameOverride'"),
        ({"demo": True, "sharding": {"shards": 0}}, "at '/sharding/shards': minimum"),
        ({"demo": True, "containerPort": "10230"}, "at '/containerPort'"),
        ({"demo": True, "containerPort": 80}, "at '/containerPort': minimum"),
        ({"demo": True, "log": {"level": "loud"}}, "at '/log/level'"),
        ({"demo": True, "mode": "daemonset"}, "at '/mode'"),
        ({"demo": True, "configReload": True}, "at '/configReload'"),
        ({"demo": True, "extraArgs": "--log.level=debug"}, "at '/extraArgs'"),
        ({"demo": True, "extraEnv": {"A": "b"}}, "at '/extraEnv'"),
        ({"demo": True, "extraEnv": [{"name": "A", "value": 1}]}, "at '/extraEnv/0/value'"),
        ({"demo": True, "podLabels": {"a": 1}}, "at '/podLabels/a'"),
        ({"config": {"platform": []}}, "at '/config': additional properties 'platform' not allowed"),
        ({"config": {"poll_interval": "1 minute", "platforms": []}}, "at '/config/poll_interval'"),
        (tenant(tenant_id=202104237142), "at '/config/platforms/0/tenants/0/tenant_id': got number, want string"),
        (tenant(auth={"app_secret_file": "/a", "token": "b"}), "at '/config/platforms/0/tenants/0/auth'"),
        (tenant(bots=[{"access_code": "1", "labels": {"__a": "b"}}]), "invalid propertyName '__a'"),
        (platform(tls_config={"cert_file": "/a"}), "at '/config/platforms/0/tls_config'"),
        ({"demo": True, "serviceMonitor": {"interval": "1 minute"}}, "at '/serviceMonitor/interval'"),
        ({"demo": True, "service": {"type": "External"}}, "at '/service/type'"),
        ({"demo": True, "service": {"portName": "8080"}}, "at '/service/portName'"),
        ({"demo": True, "service": {"portName": "a--b"}}, "at '/service/portName'"),
        ({"demo": True, "sidecar": {"portName": "oifde-exporter-x"}}, "at '/sidecar/portName': maxLength"),
        ({"demo": True, "livenessProbe": {"successThreshold": 3}}, "at '/livenessProbe/successThreshold'"),
        ({"demo": True, "startupProbe": {"successThreshold": 3}}, "at '/startupProbe/successThreshold'"),
        ({"demo": True, "readinessProbe": {"terminationGracePeriodSeconds": 3}}, "at '/readinessProbe'"),
        ({"demo": True, "image": {"tag": "1 0"}}, "at '/image/tag'"),
        ({"demo": True, "commonLabels": {"a": "x y"}}, "at '/commonLabels/a'"),
        ({"demo": True, "service": {"spec": {"externalTrafficPolicy": "Remote"}}}, "at '/service/spec/external"),
        ({"demo": True, "service": {"spec": {"externalTrafficPolicy": "Local"}}}, "needs service.type: NodePort or"),
        ({"demo": True, "service": {"type": "NodePort", "spec": {"loadBalancerClass": "a"}}}, "type: LoadBalancer"),
        ({"demo": True, "service": {"spec": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}}, "type: LoadBalancer"),
        ({"demo": True, "service": {"spec": {"ipFamilies": ["IPv5"]}}}, "at '/service/spec/ipFamilies/0'"),
        (
            {"demo": True, "service": {"type": "LoadBalancer", "clusterIP": "None"}},
            "None needs service.type: ClusterIP",
        ),
        ({"demo": True, "service": {"clusterIP": "none"}}, "at '/service/clusterIP'"),
        ({"demo": True, "service": {"nodePort": 30000}}, "service.nodePort needs service.type: NodePort"),
        ({"demo": True, "service": {"type": "NodePort", "nodePort": 80}}, "at '/service/nodePort': minimum"),
        ({"demo": True, "service": {"type": "NodePort", "nodePort": 40000}}, "at '/service/nodePort': maximum"),
        ({"demo": True, "commonLabels": {"a b": "c"}}, "'a b' does not match pattern"),
        ({"demo": True, "podAnnotations": {"/a": "c"}}, "'/a' does not match pattern"),
        ({"demo": True, "resources": {"limits": {"memory": "256 MB"}}}, "at '/resources/limits/memory'"),
        ({"demo": True, "podDisruptionBudget": {"minAvailable": "most"}}, "at '/podDisruptionBudget/minAvailable'"),
        ({"demo": True, "podDisruptionBudget": {"minAvailable": 1, "maxUnavailable": 1}}, "at '/podDisruptionBudget'"),
        ({"demo": True, "tolerations": {"key": "a"}}, "at '/tolerations'"),
        ({"demo": True, "resources": {"request": {}}}, "at '/resources'"),
        ({"demo": True, "secrets": {"a": ""}}, "at '/secrets/a'"),
        ({"demo": True, "webConfig": {"config": {"basic_auth_users": {"a": "plain"}}}}, "basic_auth_users/a"),
        ({"demo": True, "webConfig": {"config": {"tls_server_config": {"cert_fil": "a"}}}}, "'cert_fil' not allowed"),
        ({"demo": True, "webConfig": {"config": {"http_server_config": {"header": {}}}}}, "'header' not allowed"),
        ({"demo": True, "webConfig": {"enabled": True}}, "webConfig.enabled needs webConfig.config"),
        ({"demo": True, "webConfig": {"enabled": True, "existingSecret": "a"}}, "needs webConfig.scheme"),
        ({"config": "a: 1", "existingConfigMap": "a"}, "set only one of config, existingConfigMap and"),
        ({"existingConfigSecret": "a", "existingConfigMap": "a"}, "set only one of config, existingConfigMap and"),
        (
            {"demo": True, "podSpec": {"volumes": []}},
            "podSpec.volumes would replace what the chart sets: use extraVolumes",
        ),
        ({"demo": True, "containerSpec": {"env": []}}, "use extraEnv"),
        ({"demo": True, "workloadSpec": {"replicas": 2}}, "use sharding"),
        ({"demo": True, "service": {"spec": {"type": "NodePort"}}}, "service.spec.type"),
        ({"demo": True, "podSpec": [], "containerSpec": ""}, "at '/podSpec'"),
        ({"demo": True, "probeType": "tcp"}, "at '/probeType'"),
        ({"demo": True, "namespaceOverride": "a.b"}, "at '/namespaceOverride'"),
        ({"demo": True, "secrets": {"a": "b"}, "existingSecret": "a"}, "set either secrets or existingSecret"),
        ({"demo": True, "mode": "sidecar"}, "mode: sidecar excludes demo: true"),
        ({"config": "a: 1", "mode": "sidecar", "sharding": {"enabled": True}}, "exclude each other"),
        ({"demo": True, "extraArgs": ["--web.{{ `route` }}-prefix=/p"]}, "--web.route-prefix contradicts the probes"),
        ({"demo": True, "extraArgs": ["-web.listen-address", ":80"]}, "set containerPort instead"),
        ({"demo": True, "extraEnv": [env("WEB_ROUTE_PREFIX", "/p")]}, "extraEnv: OIFDE_EXPORTER_WEB_ROUTE_PREFIX"),
        ({"demo": True, "extraEnv": [env("WEB_CONFIG_FILE", "/a")]}, "set webConfig instead"),
        ({"demo": True, "sharding": {"enabled": True}, "extraArgs": ["--shard=1"]}, "--shard contradicts"),
        ({"config": "a: 1", "mode": "sidecar", "serviceMonitor": {"enabled": True}}, "podMonitor needs none"),
        ({"config": "a: 1", "mode": "sidecar", "verticalPodAutoscaler": {"enabled": True}}, "verticalPodAutoscaler be"),
        (
            {"existingConfigMap": "a", "mode": "sidecar", "networkPolicy": {"enabled": True}},
            "networkPolicy belongs to the application",
        ),
        (
            {"config": "a: 1", "mode": "sidecar", "podDisruptionBudget": {"enabled": True}},
            "podDisruptionBudget belongs to",
        ),
        ({"demo": True, "serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}, "several times"),
        ({"demo": True, "scrapeConfig": {"enabled": True}, "podMonitor": {"enabled": True}}, "several times"),
        ({"demo": True, "serviceMonitor": {"enabled": True}, "service": {"enabled": False}}, "serviceMonitor needs a"),
        ({"demo": True, "ingress": {"enabled": True}}, "ingress needs externalUrl"),
        (SHOWN | {"externalUrl": "https://10.1.2.3/p"}, "ingress needs externalUrl with a host name"),
        (SHOWN | {"externalUrl": "https://[::1]/p"}, "ingress needs externalUrl with a host name"),
        (SHOWN | {"externalUrl": "https://Status.example.com"}, "ingress needs externalUrl with a host name"),
        (SHOWN | {"service": {"enabled": False}}, "ingress needs a Service"),
        (SHOWN | {"sharding": {"enabled": True}}, "ingress would show another shard on each request"),
        ({"demo": True, "externalUrl": "https://a", "route": {"enabled": True}}, "at '/route/parentRefs': minItems"),
        ({"demo": True, "ingress": {"hosts": []}}, "additional properties 'hosts' not allowed"),
        ({"demo": True, "dashboards": {"grafanaOperator": {"enabled": True}}}, "needs dashboards.enabled"),
        ({"demo": True, "probeType": "http", "webConfig": PASSWORDS}, "probeType: http needs webConfig without"),
    ],
)
def test_wrong_values_are_rejected(helm: Helm, chart: Path, values: dict[str, Any], message: str) -> None:
    """Helm rejects the values before it installs anything, and names the value."""
    with pytest.raises(HelmError) as rejected:
        helm.template(chart, values)

    assert message in str(rejected.value)


def test_all_contradictions_are_reported_together(helm: Helm, chart: Path) -> None:
    """Helm prints all errors at once."""
    values = {"replicas": 3, "extraArgs": ["--web.external-url=/p", "--shard=1"], "webConfig": {"enabled": True}}
    with pytest.raises(HelmError) as rejected:
        helm.template(chart, values)

    assert ["replicas: 3", "extraArgs: --web.external-url", "webConfig.enabled needs", "needs a configuration"] == [
        text
        for text in ("replicas: 3", "extraArgs: --web.external-url", "webConfig.enabled needs", "needs a configuration")
        if text in str(rejected.value)
    ]
    assert "--shard" not in str(rejected.value)


def test_the_chart_knows_every_web_flag(helm: Helm, chart: Path) -> None:
    """The chart rejects each flag of the web server in `extraArgs`, also one that is added later."""
    flags = [name for option in demo.params for name in option.opts if name.startswith("--web.")]

    assert flags
    for flag in flags:
        with pytest.raises(HelmError, match=f"extraArgs: {flag} contradicts"):
            helm.template(chart, {"demo": True, "extraArgs": [f"{flag}=/x"]})


def test_an_old_cluster_is_rejected(helm: Helm, chart: Path) -> None:
    """The chart names the versions that it supports; a native sidecar needs a newer one."""
    with pytest.raises(HelmError, match="incompatible with Kubernetes"):
        helm.template(chart, {"demo": True}, "--kube-version=1.24.0")
    with pytest.raises(HelmError, match=r"sidecar\.native needs Kubernetes 1\.29"):
        helm.template(
            chart, {"config": "a: 1", "mode": "sidecar", "sidecar": {"native": True}}, "--kube-version=1.28.9"
        )


def test_the_schema_knows_every_value(chart: Path) -> None:
    """Each key of values.yaml has a type, and each key of the schema is explained in values.yaml."""
    schema = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))

    values = load(chart / "values.yaml")
    assert [] == list(_differences(values, schema["properties"]))
    # If the values of an older chart lack a section, the error names it.
    open_sections = {"podSecurityContext", "securityContext"}
    assert {key for key, value in values.items() if isinstance(value, dict) and value} - open_sections == set(
        schema["required"]
    )


def _differences(values: dict[str, Any], properties: dict[str, Any], prefix: str = "") -> Iterator[str]:
    # Helm sets these itself.
    for key in values.keys() ^ (properties.keys() - (set() if prefix else {"enabled", "global"})):
        yield f"{prefix}{key}"
    for key in values.keys() & properties.keys():
        if values[key] and properties[key].get("additionalProperties") is False:
            yield from _differences(values[key], properties[key]["properties"], f"{prefix}{key}.")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "kind",
    [
        "Deployment",
        "HTTPRoute",
        "Ingress",
        "NetworkPolicy",
        "PrometheusRule",
        "Service",
        "ServiceMonitor",
        "VerticalPodAutoscaler",
    ],
)
def test_a_misspelt_field_would_be_found(helm: Helm, chart: Path, kind: str, version: str) -> None:
    """The validation of the tests above finds an unknown field."""
    (manifest,) = (one for one in helm.template(chart, EVERYTHING) if one["kind"] == kind)
    manifest["spec"]["misspelt"] = True

    assert [f"{kind} spec: Additional properties are not allowed ('misspelt' was unexpected)"] == errors(
        manifest, version
    )


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"podSecurityContext": {"runAsNonRoot": None}}, "may run as root"),
        ({"podSecurityContext": {"runAsUser": 0}}, "may run as root"),
        ({"podSecurityContext": {"seccompProfile": None}}, "has no seccomp profile"),
        ({"securityContext": {"allowPrivilegeEscalation": None}}, "may gain privileges"),
        ({"securityContext": {"capabilities": None}}, "has capabilities"),
        ({"securityContext": {"privileged": True}}, "is privileged"),
    ],
)
def test_an_unrestricted_pod_would_be_found(helm: Helm, chart: Path, values: dict[str, Any], fault: str) -> None:
    """The validation of the tests above finds it, and only the defaults prevent it."""
    manifests = helm.template(chart, merge({"demo": True, "tests": {"enabled": False}}, values))
    ((_, pod),) = pods(manifests)

    assert [f"container exporter: {fault}"] == unrestricted(pod)
