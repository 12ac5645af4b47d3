"""The notes that Helm prints after an installation."""

from pathlib import Path
from typing import Any

import pytest

from harness.manifests import Helm

IN_PLAIN_TEXT = "`config` seems to contain a secret"
IN_THE_RELEASE = "Helm's release record now contains"
OPEN_RELOADS = "everybody in the cluster can reload the configuration"
ONE_OF_THE_RULES = "do not enable prometheusRule in another release"
NO_REGISTRY = "image.registry is empty: the nodes ask the container runtime's default registry for oifde-exporter:"
UNSCRAPED = "Prometheus does not scrape it yet"


def auth(**login: str) -> dict[str, Any]:
    """Build values with this login."""
    tenant = {"tenant_id": "1", "auth": login, "bots": [{"access_code": "1"}]}
    return {"config": {"platforms": [{"url": "https://a", "tenants": [tenant]}]}}


CONFIG = auth(app_secret_file="/a")["config"]


@pytest.mark.parametrize(
    ("values", "said", "unsaid"),
    [
        (
            {"demo": True},
            ["port-forward deployment/r-oifde-exporter 10230", "http://localhost:10230/", UNSCRAPED],
            ["WARNING", ONE_OF_THE_RULES],
        ),
        ({"demo": True, "prometheusRule": {"enabled": True}}, [ONE_OF_THE_RULES], ["WARNING"]),
        ({"demo": True, "serviceMonitor": {"enabled": True}}, [], [UNSCRAPED, "WARNING"]),
        ({"demo": True, "scrapeConfig": {"enabled": True}}, ["cannot change nameOverride"], [UNSCRAPED]),
        ({"demo": True, "image": {"registry": ""}}, [NO_REGISTRY], []),
        ({"demo": True, "image": {"registry": "registry.example.com"}}, [], [NO_REGISTRY]),
        ({"demo": True, "image": {"registry": ""}, "global": {"imageRegistry": "a"}}, [], [NO_REGISTRY]),
        ({"demo": True, "namespaceOverride": "bots"}, ["installed as bots/r-oifde-exporter", "--namespace bots"], []),
        (
            {"demo": True, "externalUrl": "https://status.example.com/bots", "ingress": {"enabled": True}},
            ["\n  https://status.example.com/bots\n"],
            ["port-forward"],
        ),
        (
            {"demo": True, "routePrefix": "/p", "service": {"port": 80}},
            ["http://localhost:10230/p/", ".svc:80/p/metrics"],
            [],
        ),
        ({"demo": True, "service": {"port": 80, "clusterIP": "None"}}, [".svc:10230/metrics"], [":80"]),
        (
            {"demo": True, "service": {"enabled": False}},
            ["port-forward deployment/r-oifde-exporter", "podMonitor.enabled", "the pod's port 10230"],
            ["serviceMonitor", ".svc"],
        ),
        (
            {"config": CONFIG, "sharding": {"enabled": True}, "service": {"port": 80}, "routePrefix": "/p"},
            [
                "in 2 shards",
                "port-forward r-oifde-exporter-0",
                "r-oifde-exporter-headless.default.svc, port 10230, scheme http, metrics_path /p/metrics",
            ],
            ["WARNING", ".svc:80"],
        ),
        (
            {"demo": True, "sharding": {"enabled": True}, "service": {"enabled": False}},
            ["podMonitor.enabled", "r-oifde-exporter-headless.default.svc"],
            ["serviceMonitor"],
        ),
        ({"config": CONFIG, "mode": "sidecar"}, ["as a sidecar", UNSCRAPED], ["WARNING"]),
        ({"config": CONFIG, "secrets": {"a": "b"}}, [IN_THE_RELEASE], [IN_PLAIN_TEXT]),
        (auth(app_secret="s3cret"), [IN_PLAIN_TEXT], []),
        (auth(token="t0ken"), [IN_PLAIN_TEXT], []),
        ({"config": "a: 1\nb:\n  - token: 't0ken'\n"}, [IN_PLAIN_TEXT], []),
        ({"config": "auth: {app_key: a, app_secret: s3cret}"}, [IN_PLAIN_TEXT], []),
        (auth(app_secret="$ecret"), [IN_PLAIN_TEXT], []),
        ({"config": '{"auth": {"app_secret": "s3cret"}}'}, [IN_PLAIN_TEXT], []),
        ({"config": '{"auth": {"app_secret": "${A}"}}'}, [], [IN_PLAIN_TEXT]),
        ({"config": "proxy_url: http://user:pa55@proxy:3128"}, [IN_PLAIN_TEXT], []),
        ({"config": '"proxy_url": "http://user:$a55@proxy:3128"'}, [IN_PLAIN_TEXT], []),
        ({"config": "proxy_url: http://user:${A}@proxy:3128"}, [], [IN_PLAIN_TEXT]),
        ({"config": "proxy_url: http://proxy:3128\nurl: https://a/@b"}, [], [IN_PLAIN_TEXT]),
        ({"config": "# token: like this\na: 1"}, [], [IN_PLAIN_TEXT]),
        (auth(app_secret="${OIFDE_APP_SECRET}"), [], [IN_PLAIN_TEXT]),
        (auth(token_file="/a"), [], [IN_PLAIN_TEXT]),
        ({"config": 'auth: {app_secret: "${A}"}'}, [], [IN_PLAIN_TEXT]),
        ({"demo": True, "enableLifecycle": True}, [OPEN_RELOADS], []),
        ({"demo": True, "enableLifecycle": True, "networkPolicy": {"enabled": True}}, [], [OPEN_RELOADS]),
    ],
)
def test_notes(helm: Helm, chart: Path, values: dict[str, Any], said: list[str], unsaid: list[str]) -> None:
    """They show where to look, and warn of risky values."""
    notes = helm.run("install", "r", chart, "--dry-run=client", values=values).partition("NOTES:")[2]

    assert said == [text for text in said if text in notes]
    assert [] == [text for text in unsaid if text in notes]
