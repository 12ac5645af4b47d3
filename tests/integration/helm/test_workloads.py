"""The rendered workloads run: the pods' exporters start, poll, and pass the kubelet's probes."""

import base64
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
import trustme

from exporter.clock import SystemClock
from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, Simulator, default_secret
from harness import faults
from harness.manifests import Helm, Manifest, at, pods
from harness.pod import Pod
from harness.processes import ExporterProcess
from harness.waiting import wait_for

TENANTS = [SimTenant(f"t{number}", (SimBot(f"b{number}", f"bot {number}"),)) for number in range(1, 7)]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Start a platform without faults."""
    async with Simulator(SimulatedWorld(1, TENANTS, CALM), clock=SystemClock()) as running:
        yield running


def config(simulator: Simulator, *tenants: str) -> dict[str, Any]:
    """Build a configuration for some of the platform's tenants, with their secrets in files."""
    return {
        "poll_interval": "1s",
        "platforms": [
            {
                "name": "main",
                "url": simulator.url,
                "tenants": [
                    {
                        "tenant_id": tenant,
                        "auth": {"app_secret_file": f"/etc/oifde-exporter/secrets/{tenant}"},
                        "bots": [{"access_code": tenant.replace("t", "b"), "name": tenant}],
                    }
                    for tenant in tenants
                ],
            }
        ],
    }


def secret(name: str, **texts: str) -> Manifest:
    """Build a Secret that exists before the chart is installed."""
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


def secrets(*tenants: str) -> Manifest:
    """Build the Secret with the tenants' secrets."""
    return secret("tenants", **{tenant: default_secret(tenant) for tenant in tenants})


Start = Callable[[Pod, str], Awaitable[ExporterProcess]]


@pytest.fixture
def start(tmp_path: Path, running: AsyncExitStack) -> Start:
    """Start a pod's exporter and wait until it listens. It is stopped with SIGTERM, as by a kubelet."""

    async def start(pod: Pod, container: str = "exporter") -> ExporterProcess:
        process = pod.process(container, tmp_path / f"{pod.name}-process")
        running.push_async_callback(process.stop)
        await process.started()
        return process

    return start


async def up(exporter: ExporterProcess) -> set[str]:
    """Return the tenants whose bots are up."""
    page = (await exporter.fetch("/metrics")).text
    lines = [line for line in page.splitlines() if line.startswith("oifde_up{") and line.endswith(" 1.0")]
    return {line.partition('tenant_id="')[2].partition('"')[0] for line in lines}


def values(port: int, **others: object) -> dict[str, Any]:
    """Build values for a pod on this machine."""
    return {"containerPort": port, "log": {"format": "json"}, "existingSecret": "tenants", **others}


async def test_deployment(
    helm: Helm, chart: Path, simulator: Simulator, free_port: Callable[[], int], start: Start, tmp_path: Path
) -> None:
    """It polls, its probes succeed, and it loads a changed ConfigMap and a changed Secret without a restart."""
    chosen = values(free_port(), config=config(simulator, "t1"))
    manifests = [*helm.template(chart, chosen), secrets("t1")]
    ((_, template),) = ((name, pod) for name, pod in pods(manifests) if name.startswith("Deployment/"))
    # More often than in a cluster, where the kubelet needs a minute to write the files.
    arguments = template["spec"]["containers"][0]["args"]
    arguments[arguments.index("--config.auto-reload-interval=30s")] = "--config.auto-reload-interval=100ms"
    pod = Pod(template, manifests, tmp_path / "pod")
    exporter = await start(pod, "exporter")

    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        await wait_for(partial(pod.probe, "exporter", kind), kind)
    await wait_for(lambda: _is(up(exporter), {"t1"}), "the first bot")

    manifests = [*helm.template(chart, chosen | {"config": config(simulator, "t1", "t2")}), secrets("t1", "t2")]
    pod.lay_out(manifests)
    await wait_for(lambda: _is(up(exporter), {"t1", "t2"}), "the second bot")
    assert 0 == len(exporter.events("config_invalid"))


async def test_liveness_does_not_depend_on_the_platform(
    helm: Helm, chart: Path, simulator: Simulator, free_port: Callable[[], int], start: Start, tmp_path: Path
) -> None:
    """While the platform hangs, the pod is live but not ready, because a restart would not help."""
    simulator.faults.add(faults.Hang())
    manifests = [*helm.template(chart, values(free_port(), config=config(simulator, "t1"))), secrets("t1")]
    ((_, template),) = ((name, pod) for name, pod in pods(manifests) if name.startswith("Deployment/"))
    pod = Pod(template, manifests, tmp_path / "pod")
    await start(pod, "exporter")
    await wait_for(simulator.journal.under_way.total, "a request under way")

    assert [True, False] == [await pod.probe("exporter", kind) for kind in ("livenessProbe", "readinessProbe")]


@pytest.mark.parametrize("client_auth", [False, True], ids=["passwords", "passwords and certificates"])
async def test_tls_and_basic_auth(
    client_auth: bool, helm: Helm, chart: Path, free_port: Callable[[], int], start: Start, tmp_path: Path
) -> None:
    """The probes succeed; other requests need the password."""
    authority = trustme.CA()
    issued = authority.issue_cert("oifde-exporter.monitoring.svc")
    certificate, key = issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()
    directory = "/etc/oifde-exporter/tls"
    tls = {"cert_file": f"{directory}/tls.crt", "key_file": f"{directory}/tls.key"}
    if client_auth:
        tls |= {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": f"{directory}/ca.crt"}
    password = bcrypt.hashpw(b"password", bcrypt.gensalt(4)).decode()
    web = {"tls_server_config": tls, "basic_auth_users": {"prometheus": password}}
    chosen = {
        "demo": True,
        "containerPort": free_port(),
        "log": {"format": "json"},
        "webConfig": {"enabled": True, "tlsSecret": "exporter-tls", "config": web},
    }
    files = {"tls.crt": certificate, "tls.key": key, "ca.crt": authority.cert_pem.bytes().decode()}
    manifests = [*helm.template(chart, chosen), secret("exporter-tls", **files)]
    pod = Pod(at(manifests, "Deployment:spec/template"), manifests, tmp_path / "pod")

    assert not await pod.probe("exporter", "livenessProbe")
    exporter = await start(pod, "exporter")
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert await pod.probe("exporter", kind)

    context = ssl.create_default_context(cadata=files["ca.crt"])
    if client_auth:
        authority.issue_cert("client.example.com").configure_cert(context)
    name = "oifde-exporter.monitoring.svc"
    allowed = {"Authorization": aiohttp.encode_basic_auth("prometheus", "password")}
    for headers, status in (({}, 401), (allowed, 200)):
        async with aiohttp.request(
            "GET", f"https://{exporter.address}/metrics", headers=headers, ssl=context, server_hostname=name
        ) as response:
            assert status == response.status


async def test_the_kubelet_probes_over_tls(
    helm: Helm, chart: Path, free_port: Callable[[], int], start: Start, tmp_path: Path
) -> None:
    """With `probeType: http` and a certificate, the kubelet's own requests succeed."""
    issued = trustme.CA().issue_cert("oifde-exporter.monitoring.svc")
    directory = "/etc/oifde-exporter/tls"
    tls = {"cert_file": f"{directory}/tls.crt", "key_file": f"{directory}/tls.key"}
    chosen = {
        "demo": True,
        "containerPort": free_port(),
        "log": {"format": "json"},
        "probeType": "http",
        "webConfig": {"enabled": True, "tlsSecret": "exporter-tls", "config": {"tls_server_config": tls}},
    }
    files = {
        "tls.crt": issued.cert_chain_pems[0].bytes().decode(),
        "tls.key": issued.private_key_pem.bytes().decode(),
    }
    manifests = [*helm.template(chart, chosen), secret("exporter-tls", **files)]
    pod = Pod(at(manifests, "Deployment:spec/template"), manifests, tmp_path / "pod")
    await start(pod, "exporter")

    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert "httpGet" in pod.container("exporter")[kind]
        await wait_for(partial(pod.probe, "exporter", kind), kind)


async def test_configuration_from_a_secret(
    helm: Helm, chart: Path, simulator: Simulator, free_port: Callable[[], int], start: Start, tmp_path: Path
) -> None:
    """A Secret with `config.yaml` replaces the ConfigMap."""
    chosen = values(free_port(), existingConfigSecret="bots")
    written = secret("bots", **{"config.yaml": json.dumps(config(simulator, "t1"))})
    manifests = [*helm.template(chart, chosen), secrets("t1"), written]
    pod = Pod(at(manifests, "Deployment:spec/template"), manifests, tmp_path / "pod")
    exporter = await start(pod, "exporter")

    await wait_for(lambda: _is(up(exporter), {"t1"}), "the bot")


async def test_shards(
    helm: Helm, chart: Path, simulator: Simulator, free_port: Callable[[], int], start: Start, tmp_path: Path
) -> None:
    """Each pod polls the part of its ordinal; together they poll each tenant once."""
    tenants = [tenant.tenant_id for tenant in TENANTS]
    parts = []
    for ordinal in range(2):
        # In a cluster each has the same port, in a network namespace of its own.
        manifests = helm.template(
            chart, values(free_port(), config=config(simulator, *tenants), sharding={"enabled": True, "shards": 2})
        )
        name = f"{at(manifests, 'StatefulSet:metadata/name')}-{ordinal}"
        template = at(manifests, "StatefulSet:spec/template")
        pod = Pod(template, [*manifests, secrets(*tenants)], tmp_path / name, name=name)
        exporter = await start(pod, "exporter")
        await wait_for(partial(pod.probe, "exporter", "readinessProbe"), "the shard to be ready")
        parts.append(exporter)

    polled = [await up(exporter) for exporter in parts]
    assert set(tenants) == polled[0] | polled[1]
    assert set() == polled[0] & polled[1]
    for ordinal, exporter in enumerate(parts):
        page = (await exporter.fetch("/metrics")).text
        assert f"\noifde_exporter_shard {ordinal}.0\n" in page
        assert "\noifde_exporter_total_shards 2.0\n" in page


@pytest.mark.parametrize("native", [False, True], ids=["container", "native"])
async def test_sidecar(
    native: bool,
    helm: Helm,
    application: Path,
    simulator: Simulator,
    free_port: Callable[[], int],
    start: Start,
    tmp_path: Path,
) -> None:
    """It polls in an application's pod, and a failing platform does not make the pod unready."""
    simulator.faults.add(faults.HttpStatus(503), access_code="b2")
    chosen = values(free_port(), config=config(simulator, "t1", "t2"), sidecar={"native": native})
    manifests = [*helm.template(application, {"oifde-exporter": chosen}, "--kube-version=1.29.0"), secrets("t1", "t2")]
    pod = Pod(at(manifests, "Deployment:spec/template"), manifests, tmp_path / "pod")

    exporter = await start(pod, "oifde-exporter")
    await wait_for(lambda: _is(up(exporter), {"t1"}), "the bot without a fault")

    assert await pod.probe("oifde-exporter", "livenessProbe")
    assert set() == {"readinessProbe", "startupProbe"} & pod.container("oifde-exporter").keys()


async def test_configuration_by_the_environment_alone(
    helm: Helm, chart: Path, simulator: Simulator, free_port: Callable[[], int], start: Start, tmp_path: Path
) -> None:
    """Without a ConfigMap: the YAML is in a variable, the secret in another one from a Secret."""
    text = f"platforms: [{{url: '{simulator.url}', tenants: [{{tenant_id: t1, auth: {{app_secret: '${{SECRET}}'}}, bots: [{{access_code: b1}}]}}]}}]"
    chosen = {
        "containerPort": free_port(),
        "log": {"format": "json"},
        "extraEnv": [
            {"name": "OIFDE_EXPORTER_CONFIG", "value": text},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "tenants", "key": "t1"}}},
        ],
    }
    manifests = [*helm.template(chart, chosen), secrets("t1")]
    pod = Pod(at(manifests, "Deployment:spec/template"), manifests, tmp_path / "pod")
    exporter = await start(pod, "exporter")

    await wait_for(lambda: _is(up(exporter), {"t1"}), "the bot")
    assert at(manifests, "ConfigMap:data") is None


async def test_the_chart_s_own_test(
    helm: Helm, chart: Path, free_port: Callable[[], int], start: Start, tmp_path: Path
) -> None:
    """`helm test` requests the Service's address, and succeeds while the exporter runs."""
    port = free_port()
    manifests = helm.template(chart, {"demo": True, "containerPort": port, "log": {"format": "json"}})
    pod = Pod(at(manifests, "Deployment:spec/template"), manifests, tmp_path / "pod")
    test = at(manifests, "Pod:spec/containers/0")
    url = test["args"][0].replace("r-oifde-exporter:10230", f"localhost:{port}")
    tester = Pod(at(manifests, "Pod:"), manifests, tmp_path / "test")

    assert 1 == await tester.run([*test["command"], url])
    await start(pod, "exporter")
    assert 0 == await tester.run([*test["command"], url])


async def _is(found: Awaitable[set[str]], expected: set[str]) -> bool:
    return expected == await found
