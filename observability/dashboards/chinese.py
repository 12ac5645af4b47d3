"""The dashboards in Chinese: the same JSON with other texts and uids."""

import json
import re
from collections.abc import Iterator, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final

from observability.dashboards.parts import HEALTH, ONE_BOT, OVERVIEW, TAG, title_width

_AUTONOMY: Final = "净自助解决率＝仅咨询机器人量÷（直接转人工量＋咨询后转人工量＋仅咨询机器人量），直接退出的不计。"
_SHIFT: Final = "每个点是该时刻最近一个完整小时的数据，所以一个小时的数据在下一个小时才出现。"
_BAND: Final = "色带为正常范围，由机器人自身的历史得出，100 个这样的小时有 99 个落在其中。"
_ENGLISH_AUTONOMY: Final = (
    "Autonomy rate: contained calls as a share of all calls that consulted the bot or went to an agent. Calls that ended at "
    "once do not count."
)
_ENGLISH_SHIFT: Final = "Each point shows the last complete hour at that time, so an hour appears during the next one."
_ENGLISH_BAND: Final = "The band is the expected range, from the bot's own history: 99 of 100 such hours fall into it."

TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # every dashboard
        "oifde dashboards": "机器人监控仪表盘",
        "Alerts": "告警",
        "no data": "无数据",
        "failing": "失败",
        "works": "正常",
        "Tenant": "租户",
        "Tenant ID": "租户ID",
        "Bot": "机器人",
        "Access code": "接入码",
        "Platform": "平台",
        # the overview
        "Bots overview": "机器人总览",
        "All bots, the worst first. Values are those of the last complete hour unless a panel says otherwise. An hour is "
        "complete some minutes after its end.": (
            "全部机器人，问题最大的在前。除非面板另有说明，数据均为最近一个完整小时的；一个小时结束几分钟后才算完整。"
        ),
        "Tenants whose bots are shown. Default: all": "显示哪些租户的机器人，默认为全部",
        "Bots": "机器人",
        "Bots that the exporter polls.": "exporter 采集的机器人数。",
        "Bots failing": "查询失败的机器人",
        "Bots whose last poll failed. Their metrics are removed after some minutes.": (
            "最近一次查询失败的机器人数。几分钟后，它们的指标会被移除。"
        ),
        "Autonomy": "净自助解决率",
        f"{_ENGLISH_AUTONOMY} Over all calls of the last complete hour.": f"{_AUTONOMY}统计最近一个完整小时的全部接入。",
        "Transferred to agents": "转人工量",
        "Calls transferred to an agent in the last complete hour, directly or after consulting the bot.": (
            "最近一个完整小时直接转人工和咨询后转人工的总数。"
        ),
        "Calls, last hour": "最近一小时接入量",
        "Calls that reached the bots in the last complete hour.": "最近一个完整小时的接入量。",
        "Calls today": "今日接入量",
        "Calls of each tenant's local day so far. Yesterday's calls until about two hours after midnight.": (
            "各租户今日累计的接入量（租户时区）。零点之后约两小时内仍为昨日的数据。"
        ),
        "Bots, worst first": "机器人，问题最大的在前",
        f"{_ENGLISH_AUTONOMY} *Usual* is the expected rate of the hour, from the bot's own history. *Anomaly score* is the "
        "distance from usual in standard deviations, the largest of all signals; the table is sorted by it. The shares on the "
        "right are of all calls of the last complete hour: contained, transferred after consulting the bot, transferred "
        "directly, ended at once. Click a bot to open its dashboard.": (
            f"{_AUTONOMY}“通常水平”是该小时的预期值，由机器人自身的历史得出。“异常分数”是偏离通常水平的标准差倍数，取各信号中"
            "最大的，表格按它排序。右侧各项为占最近一个完整小时接入量的比例。点击机器人可打开它的仪表盘。"
        ),
        "No bots. Check that this Prometheus scrapes the exporter and that the tenant is configured.": (
            "没有机器人。请检查此 Prometheus 是否抓取了 exporter，以及租户是否已配置。"
        ),
        "Anomaly score": "异常分数",
        "Usual": "通常水平",
        "Difference": "与通常之差",
        "Autonomy over time": "净自助解决率走势",
        "Calls": "接入量",
        "Contained": "仅咨询机器人",
        "Consulted": "咨询后转人工",
        "Direct": "直接转人工",
        "Ended": "直接退出",
        "Polling": "查询",
        "/^(Autonomy|Usual|Contained|Consulted|Direct|Ended)$/": (
            "/^(净自助解决率|通常水平|仅咨询机器人|咨询后转人工|直接转人工|直接退出)$/"
        ),
        "Open this bot": "打开此机器人",
        "Over time": "走势",
        "Autonomy by tenant, hour by hour": "各租户每小时净自助解决率",
        f"{_ENGLISH_AUTONOMY} From the counts of all bots of the tenant. Each hour appears when it is complete.": (
            f"{_AUTONOMY}按租户所有机器人的数量汇总计算，每个小时在完整之后出现。"
        ),
        "No calls with a rate in these hours": "这些小时内净自助解决率的分母为 0",
        "Calls by outcome": "接入去向",
        "Calls of the last complete hour at each time. Calls without any interaction have no outcome.": (
            "各时刻最近一个完整小时的接入量。没有对话的接入没有去向。"
        ),
        "contained": "仅咨询机器人量",
        "transferred after consulting": "咨询后转人工量",
        "transferred directly": "直接转人工量",
        "ended at once": "直接退出量",
        "Calls and expected calls": "接入量与预期接入量",
        "Calls of the last complete hour at each time, and the calls expected in that hour, summed over the bots.": (
            "各时刻最近一个完整小时的接入量，以及该小时的预期接入量，为所有机器人之和。"
        ),
        "calls": "接入量",
        "usual": "通常水平",
        "a week before": "一周前",
        "Calls today by tenant": "各租户今日接入量",
        "Calls of the tenant's local day so far. Yesterday's calls until about two hours after midnight.": (
            "租户今日累计的接入量（租户时区）。零点之后约两小时内仍为昨日的数据。"
        ),
        "Firing alerts": "正在触发的告警",
        "Alerts of the shipped rules that fire now, for the selected tenants and for the exporter itself. Each alert has a "
        "runbook.": "所选租户和 exporter 自身正在触发的告警（自带规则）。每条告警都有处理手册。",
        "Alert": "告警",
        "Severity": "级别",
        "Since": "开始于",
        "No alert is firing": "没有正在触发的告警",
        # one bot
        "One bot": "单个机器人",
        "The hours of one bot beside the expected values and the same day a week before.": (
            "一个机器人的各小时数据，与预期值和一周前的同一天对照。"
        ),
        "The tenant of the bot": "机器人所属的租户",
        "The bot to show": "要显示的机器人",
        f"{_ENGLISH_AUTONOMY} In the last complete hour.": f"{_AUTONOMY}最近一个完整小时。",
        "no calls": "没有接入",
        "The autonomy rate expected in this hour, from the bot's own history.": (
            "该小时净自助解决率的预期值，由机器人自身的历史得出。"
        ),
        "no history yet": "尚无历史",
        "Autonomy, 24 h": "24h 净自助解决率",
        f"{_ENGLISH_AUTONOMY} Over the last 24 hours.": f"{_AUTONOMY}最近 24 小时。",
        "Calls that reached the bot in the last complete hour.": "最近一个完整小时的接入量。",
        "Calls so far on the tenant's local day; until about two hours after midnight, yesterday's.": (
            "今日累计的接入量（租户时区）。零点之后约两小时内仍为昨日的数据。"
        ),
        "Interactions/call": "平均对话轮次",
        "Interactions per call": "平均对话轮次",
        "Interactions between caller and bot per call, in the last complete hour.": (
            "最近一个完整小时，每次接入中用户与机器人的对话轮次。"
        ),
        "Hour shown": "所示小时",
        "When the last complete hour began.": "最近一个完整小时的开始时间。",
        "Whether the last poll of the bot succeeded.": "最近一次查询该机器人是否成功。",
        "Autonomy, hour by hour": "每小时净自助解决率",
        f"{_ENGLISH_AUTONOMY} {_ENGLISH_BAND} {_ENGLISH_SHIFT} Hours with few calls vary a lot, and their band is wide.": (
            f"{_AUTONOMY}{_BAND}{_SHIFT}接入量少的小时波动大，色带也宽。"
        ),
        "low": "下限",
        "high": "上限",
        "autonomy": "净自助解决率",
        "autonomy, 6 h": "6 小时净自助解决率",
        "How far the bot is from usual, in standard deviations, by signal. An alert needs a score above the threshold, and a "
        "size that matters.": "各信号偏离通常水平的标准差倍数。分数超过阈值，而且幅度足够大，才会告警。",
        "threshold": "阈值",
        "No history yet": "尚无历史",
        f"The calls of each hour. {_ENGLISH_SHIFT} Calls without any interaction have no outcome.": (
            f"每小时的接入量。{_SHIFT}没有对话的接入没有去向。"
        ),
        f"The calls of each hour. {_ENGLISH_BAND} {_ENGLISH_SHIFT}": f"每小时的接入量。{_BAND}{_SHIFT}",
        "Calls so far each day": "每日累计接入量",
        "The calls of the local day so far, beside the same day a week before. A day stays until about two hours after "
        "midnight.": "当日累计的接入量，与一周前的同一天对照。一天的数据保留到零点之后约两小时。",
        "this day": "当日",
        "Autonomy and a week before": "净自助解决率与一周前对照",
        f"{_ENGLISH_AUTONOMY} Beside it the same day of last week. {_ENGLISH_SHIFT}": (
            f"{_AUTONOMY}与一周前的同一天对照。{_SHIFT}"
        ),
        "Quality": "质量",
        "Direct transfers": "直接转人工占比",
        "The share of calls that went to an agent after two or three interactions: callers who did not try the bot. "
        f"{_ENGLISH_SHIFT}": f"对话两三轮就转人工的用户，占接入量的比例：这些用户没有尝试使用机器人。{_SHIFT}",
        "direct transfers": "直接转人工占比",
        "No calls in these hours": "这些小时内没有接入",
        f"Interactions between caller and bot per call. Many more than usual mean that the bot repeats itself. {_ENGLISH_SHIFT}": (
            f"每次接入中用户与机器人的对话轮次。比通常多很多，说明机器人在重复同样的话。{_SHIFT}"
        ),
        "interactions per call": "平均对话轮次",
        "Interface success": "接口调用成功率",
        "The share of the bot's requests to backend interfaces that succeeded. Without them the bot cannot answer. "
        f"{_ENGLISH_SHIFT}": f"机器人调用后端接口的成功率。接口不可用时，机器人无法回答相应的问题。{_SHIFT}",
        "interface success": "接口调用成功率",
        "The bot made no request in these hours": "这些小时内没有接口调用",
        "Alerts and polling": "告警与查询",
        "When alerts fired for this bot, its tenant or the exporter.": "该机器人、其租户或 exporter 的告警何时触发。",
        "firing": "触发",
        "No alert fired": "没有触发过告警",
        "Whether the polls of each report of the bot succeeded.": "对该机器人各报表的查询是否成功。",
        "No poll in this time": "这段时间内没有查询",
        "The bot in the exporter's configuration.": "该机器人在 exporter 配置中的信息。",
        # health
        "Platform and exporter health": "平台与 exporter 健康状况",
        "Whether the metrics can be trusted: the platform's answers, logins, polls, and the exporter's processes.": (
            "数据是否可信：平台的响应、登录、查询，以及 exporter 的进程。"
        ),
        "Platforms that are shown": "显示哪些平台",
        "Bots polled": "采集的机器人",
        "Bots of these platforms that the exporters poll.": "exporter 在这些平台上采集的机器人数。",
        "Failing bots": "查询失败的机器人",
        "Bots whose last poll failed.": "最近一次查询失败的机器人数。",
        "Oldest metrics": "最旧的数据",
        "The time since the last successful poll, of the bot that has waited longest.": (
            "距最近一次查询成功的时间，取等待最久的机器人。"
        ),
        "Logins blocked": "暂停登录的租户",
        "Tenants whose logins are suspended because the secret is wrong or the account is locked. They need an operator.": (
            "因密钥错误或账号被锁定而暂停登录的租户数，需要人工处理。"
        ),
        "Failed requests": "失败的请求",
        "The share of requests to the platforms that failed in the last 10 minutes.": "最近 10 分钟向平台发起的请求中失败的比例。",
        "no request": "没有请求",
        "Configuration rejected": "配置未生效",
        "Exporters that still use the previous configuration because the new one is invalid.": (
            "新配置无效、仍在使用旧配置的 exporter 数。"
        ),
        "Platforms": "平台",
        "Each platform in the last 10 minutes. *Clock ahead by* compares the platform's clock with the exporter's. A difference "
        "of minutes lets hours settle too early or too late. *Own check* is the platform's own health, if the configuration has "
        "health_check.": (
            "各平台最近 10 分钟的情况。“时钟偏差”是平台时钟比 exporter 快多少；相差几分钟，会使小时过早或过晚被视为完整。"
            "“平台自检”是平台自身的健康状况，需要配置 health_check。"
        ),
        "Own check": "平台自检",
        "not healthy": "异常",
        "healthy": "正常",
        "off": "未启用",
        "Failing": "查询失败",
        "Requests per second": "每秒请求数",
        "Failed": "失败比例",
        "95 % answered within": "95% 响应时间",
        "Clock ahead by": "时钟偏差",
        "/(within|ahead by)$/": "/^(95% 响应时间|时钟偏差)$/",
        "No platform: is the exporter scraped by this Prometheus?": "没有平台。请检查此 Prometheus 是否抓取了 exporter。",
        "Tenants": "租户",
        "The login and the reports of each tenant. *Newest record* is the age of the newest record's hour: about an hour on a day "
        "with calls. *Discovery* is empty for tenants without discovery. *Anomalies* are unexpected records and fields, "
        "*Restated* are settled hours that the platform changed, both in the last 24 hours.": (
            "各租户的登录和报表。“最新记录”是最新一条记录所在的小时距今多久，有接入的日子约为一小时。未启用自动发现的租户，"
            "“自动发现”为空。“异常”是不符合预期的记录和字段，“修改”是算作完整之后又被平台修改的小时，均为最近 24 小时的数量。"
        ),
        "Newest record": "最新记录",
        "Token expires in": "Token 剩余有效期",
        "Login": "登录",
        "Discovery": "自动发现",
        "Anomalies": "异常",
        "Restated": "修改",
        "/^(Anomalies|Restated)$/": "/^(异常|修改)$/",
        "blocked": "已暂停",
        "No tenant: is the exporter scraped by this Prometheus?": "没有租户。请检查此 Prometheus 是否抓取了 exporter。",
        "Requests to the platform": "向平台发起的请求",
        "Requests by operation": "各接口的请求",
        "Requests per second to the selected platforms, with retries.": "向所选平台发起的每秒请求数，含重试。",
        "Failures by reason": "失败原因",
        "Failed requests per second. *timeout*: no answer in time. *connect*: no connection. *tls*: certificate or handshake. "
        "*http*: an HTTP error status. *auth*: token or key refused. *api*: an error code of the platform. *invalid*: an answer "
        "of another form.": (
            "每秒失败的请求数。响应超时（timeout）；无法连接（connect）；TLS 证书或握手失败（tls）；HTTP 错误（http）；Token 或"
            "密钥被拒绝（auth）；平台返回错误码（api）；响应内容无效（invalid）。"
        ),
        "Response time": "响应时间",
        "Response times of the platforms: median and 95th percentile.": "平台的响应时间：中位数和 95 分位数。",
        "half": "中位数",
        "95 %": "95 分位数",
        "No request in this time": "这段时间内没有请求",
        "Error codes of the platform": "平台的错误码",
        "Error answers of the last 24 hours by code. 900001 and 900002 mean an expired token; the exporter then logs in again.": (
            "最近 24 小时平台返回的错误，按错误码统计。900001 和 900002 表示 Token 过期，exporter 会重新登录。"
        ),
        "No error in 24 hours": "24 小时内没有错误",
        "Retries": "重试",
        "Requests per second that repeated a failed request.": "请求失败后，每秒重试的次数。",
        "Reports": "报表",
        "Bots whose last poll failed, over time.": "最近一次查询失败的机器人数的走势。",
        "bots": "机器人",
        "Age of the metrics": "数据的新旧",
        "The time since the last successful poll, of the bot that has waited longest. The metrics of a bot are removed after "
        "`stale_after`, five minutes by default.": (
            "距最近一次查询成功的时间，取等待最久的机器人。超过 `stale_after`（默认 5 分钟）后，机器人的指标会被移除。"
        ),
        "oldest": "最旧",
        "Anomalies and restated hours": "异常与被修改的小时",
        "Unexpected records and fields, and settled hours that the platform changed, per hour. With many restated hours, increase "
        "`settle_delay`.": (
            "每小时不符合预期的记录和字段数，以及算作完整之后又被平台修改的小时数。被修改的小时很多时，请增大 `settle_delay`。"
        ),
        "anomalies": "异常",
        "restated hours": "被修改的小时",
        "The exporter": "exporter",
        "Processes": "进程",
        "The exporters that this Prometheus scrapes.": "此 Prometheus 抓取的 exporter。",
        "Instance": "实例",
        "Job": "作业",
        "Version": "版本",
        "Revision": "修订版本",
        "Shard": "分片",
        "of shards": "分片总数",
        "Configuration": "配置",
        "Uptime": "运行时间",
        "Memory": "内存",
        "refused": "未生效",
        "taken over": "已生效",
        "No exporter is scraped by this Prometheus": "此 Prometheus 没有抓取任何 exporter",
        "Poll lag": "查询延迟",
        "The delay of polls against their schedule, 99th percentile. If it stays above a few seconds, `requests_per_second` or "
        "`max_concurrency` is too low for the number of bots.": (
            "查询晚于计划多久，取 99 分位数。长期超过几秒，说明相对机器人的数量，`requests_per_second` 或 `max_concurrency` 太低。"
        ),
        "99 %": "99 分位数",
        "Series": "时间序列",
        "The number of series of all exporters.": "所有 exporter 的时间序列总数。",
        "series": "时间序列",
        "Scrape duration": "抓取耗时",
        "The time Prometheus needed to fetch the exporter's page, slowest exporter.": "Prometheus 抓取指标页面的耗时，取最慢的 exporter。",
        "slowest scrape": "最慢的抓取",
    }
)
"""By the English texts."""

LABELS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "{{signal}}": {
            "autonomy_drop": "净自助解决率下降",
            "direct_transfers_rise": "直接转人工增加",
            "interface_success_drop": "接口调用成功率下降",
            "calls_drop": "接入量下降",
            "calls_rise": "接入量上升",
        },
        "{{reason}}": {
            "timeout": "响应超时",
            "connect": "无法连接",
            "tls": "TLS 失败",
            "http": "HTTP 错误",
            "auth": "登录或 Token 被拒绝",
            "api": "平台返回错误",
            "invalid": "响应内容无效",
        },
        "{{operation}}": {
            "query_call_statistics": "查询呼叫统计",
            "query_chatbot": "查询回复统计",
            "service_monitor": "平台自检",
            "get_token": "获取 Token",
            "query_bindings": "查询机器人列表",
        },
    }
)
"""The words for label values, by the legend that shows them."""

_SAME: Final = re.compile(
    r"|–|CPU|Prometheus|/\.\*/|/\^\(tenant_id\|access_code\)\$/|(\W*({{\w+}}|\${__field\.labels\.\w+})\W*)+"
)
"""Texts that have no words."""
_TEXT_KEYS: Final = ("title", "description", "label", "legendFormat", "noValue", "displayName", "text")
_UIDS: Final = re.compile(rf"(?<=/d/)({OVERVIEW}|{ONE_BOT}|{HEALTH})(?=\?)")


def translate(dashboard: str) -> str:
    """Return the JSON of a dashboard in Chinese.

    Raises:
        KeyError: a text has no translation
    """
    content = json.loads(dashboard)
    for value, key in list(_find_texts(content)):
        value[key] = translate_text(value[key])
    for panel in content["panels"]:
        for override in panel.get("fieldConfig", {}).get("overrides", ()):
            for item in override["properties"]:
                if item["id"] == "custom.width":
                    item["value"] = max(item["value"], title_width(override["matcher"]["options"]))
        for target in panel.get("targets", ()):
            panel["fieldConfig"]["overrides"] += [
                {
                    "matcher": {"id": "byName", "options": label},
                    "properties": [{"id": "displayName", "value": word}],
                }
                for label, word in LABELS.get(target.get("legendFormat", ""), {}).items()
            ]
    for annotation in content["annotations"]["list"]:
        annotation["name"] = translate_text(annotation["name"])
    content["uid"] += "-zh"
    content["tags"] = [f"{TAG}-zh"]
    content["links"][0]["tags"] = content["tags"]
    written = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return _UIDS.sub(lambda uid: f"{uid[0]}-zh", written)


def translate_text(text: str) -> str:
    """Return a text in Chinese."""
    values = {label for labels in LABELS.values() for label in labels}
    return text if _SAME.fullmatch(text) or text in values else TEXTS[text]


def _find_texts(value: Any) -> Iterator[tuple[MutableMapping[str, Any], str]]:
    """Find the texts that people read, and those by which overrides select fields: each by its object and key."""
    if isinstance(value, list):
        for item in value:
            yield from _find_texts(item)
    elif isinstance(value, dict):
        keys = [key for key in _TEXT_KEYS if isinstance(value.get(key), str)]
        if value.get("id") in ("byName", "byRegexp"):
            keys.append("options")
        if value.get("id") in ("custom.fillBelowTo", "noValue"):
            keys.append("value")
        yield from ((value, key) for key in keys)
        names = value.get("renameByName", {})
        yield from ((names, key) for key in names)
        for item in value.values():
            yield from _find_texts(item)
