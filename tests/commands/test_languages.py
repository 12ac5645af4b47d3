"""The commands in Chinese."""

import json
import re
from collections.abc import Sequence

import pytest
from commands.conftest import BINDINGS, LOGIN, QUERY, Shell
from rich.cells import cell_len

from harness import faults

COMMANDS = [
    ["check", "--live"],
    ["query", "--explain"],
    ["query", "--date=2026-05-19", "--report=day"],
    ["query", "--report=chatbot"],
    ["discover"],
    ["backtest", "--from=2026-05-18"],
]
of_each_command = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)


@of_each_command
def test_the_output_is_chinese(shell: Shell, command: Sequence[str]) -> None:
    """English words are only in names, samples and what the platform sends, on lines that are not wider than 80 columns."""
    shell.tenant["bots"] = [{"access_code": "943370855474270208", "name": "账单助手"}]
    result = shell.run(*command, "--lang=zh")

    assert (0, "") == (result.exit_code, result.stderr)
    assert re.search("[一-鿿]", result.stdout)
    prose = [
        line for line in result.stdout.splitlines() if not re.search(r"[{=]|https?:|^ *(Oifde|\w+_(drop|rise)) ?", line)
    ]
    theirs = r"acme|main|config\.yaml|Prometheus|OIFDE|IVR|Asia/Shanghai|UTC|oifde_[\w*]+|settle_delay|hour|day|chatbot|claims"
    words = re.findall(r"[A-Za-z]{3,}", re.sub(theirs, "", "\n".join(prose)))
    assert set() == set(words) - {"new", "one", "url", "https", "Token", "total", "live"}
    assert 80 >= max(cell_len(line) for line in prose)


@of_each_command
def test_json_is_english(shell: Shell, command: Sequence[str]) -> None:
    """Scripts read the same in every language."""
    text = shell.run(*command, "--format=json", "--lang=zh").stdout

    assert json.loads(text)
    assert {"账单助手"} >= set(re.findall("[一-鿿]+", text))


@pytest.mark.parametrize(
    ("fault", "operation", "command", "said"),
    [
        (faults.HttpStatus(404), QUERY, "query", "oifde-exporter: HTTP 状态码 404。请检查 url 是否为平台的地址"),
        (faults.ErrorCode(200800002, "no"), LOGIN, "query", "登录失败：平台错误码 200800002：no。先改正密钥再重试"),
        (
            faults.HttpStatus(403),
            BINDINGS,
            "discover",
            "平台 main 的租户 acme（202104237142）：HTTP 状态码 403。原因很少是密钥：请检查",
        ),
    ],
    ids=["query", "login", "discover"],
)
def test_errors_are_chinese(
    shell: Shell, fault: faults.HttpStatus | faults.ErrorCode, operation: str, command: str, said: str
) -> None:
    """With the advice, on stderr. The log stays English."""
    shell.simulator.faults.add(fault, operation=operation)
    result = shell.run(command, "--lang=zh", "--log.level=debug")

    assert 1 == result.exit_code
    assert said in result.stderr
    logged = [line for line in result.stderr.splitlines() if line.startswith("ts=")]
    assert logged
    assert not [line for line in logged if re.search("状态码|平台|登录", line)]


def test_wrong_names_are_explained_in_chinese(shell: Shell) -> None:
    """A misspelt bot or tenant is a wrong flag."""
    assert "没有名称或接入码为'账单助'（是否为 '账单助手'？）的机器人；已有的机器人：账单助手。" in (
        shell.run("query", "--bot=账单助", "--lang=zh").stderr
    )
    assert "没有名称或租户ID为'acm'" in shell.run("discover", "--tenant=acm", "--lang=zh").stderr


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "config.yaml 有效。"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "config.yaml 有效。"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "config.yaml is valid."),
        ({"LANG": "de_DE.UTF-8"}, "config.yaml is valid."),
        ({"LANG": "zh_CN.UTF-8", "OIFDE_EXPORTER_LANG": "en"}, "config.yaml is valid."),
        ({"OIFDE_EXPORTER_LANG": "zh"}, "config.yaml 有效。"),
    ],
    ids=str,
)
def test_the_language_of_the_environment(shell: Shell, variables: dict[str, str], expected: str) -> None:
    """The first of these variables that is set: LC_ALL, LC_MESSAGES, LANG. The exporter's own precedes them."""
    unset = dict.fromkeys(("LC_ALL", "LC_MESSAGES", "LANG", "OIFDE_EXPORTER_LANG"), "")

    assert expected == shell.run("check", env=unset | variables).stdout.splitlines()[0]


@pytest.mark.parametrize("command", ["check", "query"])
def test_errors_of_the_configuration_are_chinese(shell: Shell, command: str) -> None:
    """Each names the file and the line, as in English."""
    shell.tenant["auth"] = {}
    result = shell.run(command, "--lang=zh")

    assert 1 == result.exit_code
    assert re.fullmatch(
        r"config\.yaml:[0-9]+: platforms\[0\]\.tenants\[0\]\.auth: auth 中只能写 .* 之一，实际有：无\n", result.stderr
    )
