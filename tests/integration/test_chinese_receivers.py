"""The example receivers in Chinese: what a real Alertmanager sends them, and what the templates make of it."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import yaml
from aiohttp import web

from harness.programs import FindProgram
from harness.waiting import wait_for

from .conftest import StartAlertmanager

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "observability" / "alertmanager" / "zh"
RECEIVERS: Final = {
    receiver["name"]: receiver
    for receiver in yaml.safe_load((FOLDER / "receivers.yaml").read_text(encoding="utf-8"))["receivers"]
}
ALERT: Final = {
    "labels": {"alertname": "OifdeBotFailing", "severity": "critical"},
    "annotations": {
        "summary": "机器人 billing 查询失败",
        "description": "已连续 30 分钟查询失败。",
        "runbook_url": "https://example.com/zh/runbooks/OifdeBotFailing.md",
    },
    "startsAt": "2026-05-20T07:30:00Z",
}
TEXT: Final = """**【严重】机器人 billing 查询失败**

已连续 30 分钟查询失败。

开始时间：2026-05-20 15:30 UTC+08:00，[处理手册](https://example.com/zh/runbooks/OifdeBotFailing.md)"""
MORE: Final = "共 4 条，其余见 [Alertmanager](http://alertmanager.example.com)。"


def render(program: FindProgram, template: Path, text: str, data: Path) -> str:
    """Render a template with a notification, as Alertmanager and the adapters do."""
    command: list[str | Path] = [program("amtool"), "template", "render", f"--template.glob={template}"]
    command += [f"--template.text={text}", f"--template.data={data}"]
    zone = os.environ | {"TZ": "Asia/Shanghai"}
    return subprocess.run(command, env=zone, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


async def notify(
    running: AsyncExitStack, start_alertmanager: StartAlertmanager, receiver: Mapping[str, Any]
) -> tuple[str, Any]:
    """Send an alert through an Alertmanager with this receiver, and return the path and the body of its request."""
    received: list[tuple[str, Any]] = []

    async def receive(request: web.Request) -> web.Response:
        if request.method == "POST":
            received.append((request.path_qs, await request.json()))
        return web.json_response({"errcode": 0, "access_token": "t"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    running.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here = "http://{}:{}".format(*runner.addresses[0])

    local = json.loads(re.sub(r'"https?://[^/"]+/', f'"{here}/', json.dumps(receiver)))
    alertmanager = await start_alertmanager(
        {
            "templates": [str(FOLDER / "oifde.tmpl")],
            "route": {"receiver": receiver["name"], "group_wait": "0s"},
            "receivers": [local],
        }
    )
    async with aiohttp.request("POST", f"{alertmanager.url}/api/v2/alerts", json=[ALERT]) as answer:
        assert 200 == answer.status, await answer.text()
    await wait_for(lambda: bool(received), "a notification")
    return received[0]


async def test_the_example_for_dingtalk(
    program: FindProgram, tmp_path: Path, running: AsyncExitStack, start_alertmanager: StartAlertmanager
) -> None:
    """Alertmanager's notification goes to the adapter's target, whose templates make the message."""
    path, body = await notify(running, start_alertmanager, RECEIVERS["dingtalk"])
    target = yaml.safe_load((FOLDER / "dingtalk.yaml").read_text(encoding="utf-8"))["targets"][path.split("/")[2]]
    data = tmp_path / "data.json"
    data.write_text(json.dumps(body), encoding="utf-8")

    message = {name: render(program, FOLDER / "oifde.tmpl", text, data) for name, text in target["message"].items()}
    assert {"title": "【告警】机器人 billing 查询失败", "text": TEXT} == message


async def test_the_example_for_wecom(running: AsyncExitStack, start_alertmanager: StartAlertmanager) -> None:
    """Alertmanager sends the message itself, as Markdown."""
    path, body = await notify(running, start_alertmanager, RECEIVERS["wecom"])

    assert "/cgi-bin/message/send?access_token=t" == path
    assert ("markdown", "1000002", "2") == (body["msgtype"], body["agentid"], body["toparty"])
    assert TEXT.partition("开始时间")[0] == body["markdown"]["content"].partition("开始时间")[0]


async def test_the_example_for_feishu(
    program: FindProgram, tmp_path: Path, running: AsyncExitStack, start_alertmanager: StartAlertmanager
) -> None:
    """PrometheusAlert reads the keys of the notification as they are; amtool reads them as Go's fields."""
    path, body = await notify(running, start_alertmanager, RECEIVERS["feishu"])
    template = (FOLDER / "feishu.tmpl").read_text(encoding="utf-8")
    keys = set(re.findall(r"\.(\w+)", "".join(re.findall("{{.*?}}", template))))
    fields = re.sub(
        r"(?<=\.)(alerts|status|labels|annotations|startsAt|endsAt)",
        lambda key: key[0][0].upper() + key[0][1:],
        template,
    ).replace("GetCSTtime ", "")
    data = tmp_path / "data.json"
    data.write_text(json.dumps(body), encoding="utf-8")

    assert path.startswith("/prometheusalert?type=fs&tpl=oifde-fs&fsurl=https://open.feishu.cn/")
    alert = body["alerts"][0]
    assert keys == {"alerts", *alert.keys() & keys, *alert["labels"].keys() & keys, *alert["annotations"].keys() & keys}
    first, second, _ = render(program, FOLDER / "oifde.tmpl", fields, data).splitlines()
    assert TEXT.splitlines()[:3:2] == [first, second]


@pytest.mark.parametrize(("number", "end"), [(1, ""), (4, MORE)])
def test_a_message_stays_short(program: FindProgram, tmp_path: Path, number: int, end: str) -> None:
    """WeCom refuses messages of more than 2048 bytes. The rest is in Alertmanager."""
    resolved = {**ALERT, "status": "resolved", "endsAt": "2026-05-20T08:00:00Z"}
    data = tmp_path / "data.json"
    notification = {
        "status": "resolved",
        "externalURL": "http://alertmanager.example.com",
        "alerts": [resolved] * number,
    }
    data.write_text(json.dumps(notification), encoding="utf-8")

    text = render(program, FOLDER / "oifde.tmpl", '{{ template "oifde.text" . }}', data)
    assert min(number, 3) == text.count("**【已恢复】机器人 billing 查询失败**")
    assert "，结束时间：2026-05-20 16:00 UTC+08:00，" in text
    assert text.endswith(end)


def test_amtool_accepts_the_receivers(program: FindProgram, tmp_path: Path) -> None:
    """Alertmanager would accept them too, beside the example's routes."""
    template = str(FOLDER / "oifde.tmpl")
    config = {
        **yaml.safe_load((FOLDER.parent / "alertmanager.yaml").read_text(encoding="utf-8")),
        **yaml.safe_load((FOLDER / "receivers.yaml").read_text(encoding="utf-8")),
        "route": {"receiver": "wecom"},
        "templates": [template],
    }
    file = tmp_path / "alertmanager.yml"
    file.write_text(json.dumps(config), encoding="utf-8")

    command: list[str | Path] = [program("amtool"), "check-config", file]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert 0 == checked.returncode, checked.stdout + checked.stderr
