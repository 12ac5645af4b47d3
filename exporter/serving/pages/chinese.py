"""The pages in Chinese (Simplified), by the English words; of a message with a plural, by the plural."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CHINESE: Final[Mapping[str, str]] = MappingProxyType(
    {
        # every page
        "Skip to the content": "跳到正文",
        "Pages": "页面",
        "Bots": "机器人",
        "Configuration": "配置",
        "Help": "帮助",
        "Metrics": "指标",
        "Language": "语言",
        "The values are those of the metrics. Values that the metrics drop are not shown here either.": (
            "数据与指标一致：指标中已移除的数据，这里也不显示。"
        ),
        "As of %(time)s": "截至 %(time)s",
        # time
        "%(n)s s": "%(n)s 秒",
        "%(n)s min": "%(n)s 分钟",
        "%(n)s h": "%(n)s 小时",
        "%(n)s d": "%(n)s 天",
        "%(time)s ago": "%(time)s前",
        "in %(time)s": "%(time)s后",
        "today": "今天",
        "yesterday": "昨天",
        # states and reasons
        "Login refused": "登录被拒绝",
        "Failing": "查询失败",
        "Out of date": "数据过时",
        "Waiting": "等待中",
        "OK": "正常",
        "no answer in time": "响应超时",
        "no connection": "无法连接",
        "no trusted TLS connection": "无法建立可信的 TLS 连接",
        "HTTP error": "HTTP 错误",
        "login or token refused": "登录或 Token 被拒绝",
        "error of the platform": "平台返回错误",
        "unusable answer": "响应内容无效",
        "internal error of the exporter": "本程序内部错误",
        "%(reason)s, for %(time)s": "%(reason)s，已持续 %(time)s",
        "%(what)s; %(next)s": "%(what)s；%(next)s",
        "Login failed": "登录失败",
        ": the app secret is wrong": "：密钥（app secret）错误",
        ": the app key is unknown": "：密钥不存在（app key）",
        ": the account is locked": "：账号已被锁定",
        "next try %(when)s": "下次尝试：%(when)s",
        "no further try until the secret changes or the configuration is reloaded": (
            "在密钥更改或重新加载配置之前，不再尝试"
        ),
        "tried again with the next poll": "下次查询时重试",
        "The first poll has not ended yet.": "首次查询尚未结束。",
        "The platform's records are late.": "平台的记录延迟。",
        "%(report)s: the platform's records lack a documented field, so its metrics are absent. The log names the field.": (
            "%(report)s：平台的记录缺少文档所列的字段，因此没有相应指标。日志中有字段名。"
        ),
        "Values removed; last success %(when)s": "数据已移除；上次成功：%(when)s",
        # comparison with the past
        "usual %(value)s": "通常 %(value)s",
        "%(low)s to %(high)s": "%(low)s 至 %(high)s",
        "usual range": "通常范围",
        "Drop in autonomy": "净自助解决率下降",
        "Rise in direct transfers": "直接转人工增加",
        "Drop in interface success": "接口调用成功率下降",
        "Drop in calls": "接入量下降",
        "Rise in calls": "接入量上升",
        "%(points)s points": "%(points)s 个百分点",
        "%(signal)s: %(size)s in %(time)s": "%(time)s内%(signal)s %(size)s",
        "score %(score)s": "异常分数 %(score)s",
        "Compared with the bot's own past": "与机器人自身历史的比较",
        "%(days)s days of the past are known. The score is the deviation from the usual value, in standard deviations.": (
            "已有 %(days)s 天的历史。异常分数为偏离通常水平的标准差倍数。"
        ),
        "Signal": "信号",
        "Score": "异常分数",
        "Size": "幅度",
        "Window": "时间窗口",
        # the overview
        "Bots by state": "按状态分类的机器人",
        "All": "全部",
        "Platforms and tenants": "平台与租户",
        "All polls of %(num)s platforms fail": "%(num)s 个平台的查询全部失败",
        "%(num)s platforms OK": "%(num)s 个平台正常",
        "%(num)s platforms not polled yet": "%(num)s 个平台尚未查询",
        "%(num)s tenants with problems": "%(num)s 个租户异常",
        "%(num)s tenants OK": "%(num)s 个租户正常",
        "Platforms": "平台",
        "Platform": "平台",
        "State": "状态",
        "Bots OK": "查询成功的机器人",
        "Last success": "最近成功",
        "all polls fail": "查询全部失败",
        "not polled yet": "尚未查询",
        "Health check: OK": "健康检查：正常",
        "The health check does not work": "健康检查不可用",
        "The platform is not healthy": "平台自检异常",
        "%(some)s of %(all)s": "%(some)s / %(all)s",
        "No bot is configured or discovered.": "没有配置或发现任何机器人。",
        "Tenants": "租户",
        "Tenant": "租户",
        "Login": "登录",
        "Token expires": "Token 到期",
        "Discovery": "自动发现",
        "Discovery failed": "自动发现失败",
        "No tenant is configured.": "没有配置任何租户。",
        "All %(all)s tenants": "全部 %(all)s 个租户",
        "(%(count)s with problems)": "（%(count)s 个异常）",
        "All bots": "全部机器人",
        "Search": "搜索",
        "Name, access code, tenant, label": "名称、接入码、租户、标签",
        "Refresh every 30 s": "每 30 秒刷新",
        "%(num)s bots found": "找到 %(num)s 个机器人",
        "Show all, worst first": "显示全部，问题最大的在前",
        "Worst first: failing polls, then the highest anomaly score, then the most calls lost to agents compared with the"
        " same hour yesterday, then the lowest autonomy.": (
            "问题最大的在前：先是查询失败的，其次按异常分数从高到低，再次是与昨天同一小时相比转人工增加最多的，"
            "最后按净自助解决率从低到高。"
        ),
        "Bot": "机器人",
        "Last complete hour": "最近一个完整小时",
        "Autonomy": "净自助解决率",
        "Since yesterday": "较昨日",
        "%(change)s pts": "%(change)s 个百分点",
        "Calls": "接入量",
        "Calls today": "今日接入量",
        "By hour": "按小时",
        "Polled": "查询时间",
        "No record today yet.": "今天还没有记录。",
        "Most in an hour today: %(most)s.": "今天单小时最高：%(most)s。",
        "Yesterday: %(calls)s calls.": "昨天接入量：%(calls)s。",
        "No bot matches.": "没有符合条件的机器人。",
        "handled by the bot alone": "仅咨询机器人",
        "other calls": "其他接入",
        "Pages of the list": "列表分页",
        "Previous": "上一页",
        "Next": "下一页",
        "Page %(page)s of %(pages)s": "第 %(page)s 页，共 %(pages)s 页",
        # a bot's page
        "Where this is": "当前位置",
        "Access code": "接入标识（接入码）",
        "Time zone": "时区",
        "Polled %(when)s": "查询于 %(when)s",
        "last success %(when)s": "上次成功：%(when)s",
        "%(num)s failures since the start": "启动以来失败 %(num)s 次",
        "The values are too old and have been removed.": "数据过旧，已移除。",
        "Calls by hour": "按小时统计的接入量",
        "Calls by day": "按天统计的接入量",
        "Replies by hour": "按小时统计的回复",
        "The bars are today's hours, the line is yesterday, the band is the usual range. The table below has every value.": (
            "柱形为今天各小时，折线为昨天，色带为通常范围。全部数据见下表。"
        ),
        "The line with points is today, the dashed line is yesterday, the band is the usual range. The table below has every"
        " value.": "带点的线为今天，虚线为昨天，色带为通常范围。全部数据见下表。",
        "Values and their meaning": "数据及其含义",
        "Value": "数据项",
        "no record": "无记录",
        "Meaning": "含义",
        "Hour by hour": "各小时数据",
        "Today's value, and yesterday's below it. A dash (–) is an hour without a record, or a ratio of nothing.": (
            "上为今天，下为昨天。“–”表示该小时没有记录，或分母为 0。"
        ),
        "Hour": "小时",
        "in progress": "进行中",
        "No such bot": "没有这个机器人",
        "It is neither configured nor discovered; its name or access code may have changed.": (
            "它既未配置也未被发现；名称或接入码可能已更改。"
        ),
        # the configuration
        "The configuration in use, with all defaults. Secrets are hidden, and each tenant's bots are counted.": (
            "当前生效的配置，含所有默认值。密钥已隐藏；各租户的机器人只显示数量。"
        ),
        "No configuration is in use yet.": "尚无生效的配置。",
        # the help
        "States": "状态",
        "The platform refused the tenant's login. Logins are suspended to avoid locking the account.": (
            "平台拒绝了租户的登录。为避免账号被锁定，已暂停登录。"
        ),
        "The last poll of a report failed. The former values stay until they are too old, and then are removed.": (
            "某个报表的最近一次查询失败。此前的数据会保留，过旧后移除。"
        ),
        "No poll has failed, but there is no recent complete hour: the platform's records are late or unusable.": (
            "查询没有失败，但没有较新的完整小时：平台的记录延迟或无法使用。"
        ),
        "The last poll succeeded, and its values are recent.": "最近一次查询成功，数据是新的。",
        "Hours and days": "小时与日期",
        "Hours and days follow the tenant's time zone. An hour is complete settle_delay after its end. An hour without a"
        " record counts as an hour without calls empty_hour_delay after its end. The current hour is normally still in"
        " progress.": (
            "小时与日期按租户的时区计算。一个小时结束后再过 settle_delay 才算完整；没有记录的小时，结束后再过"
            " empty_hour_delay 才算作没有接入。当前小时通常尚未结束。"
        ),
        "Where to find the settings": "配置项在哪里找",
        "The address and the port of the platform's load balancer. The platform's administrator knows them.": (
            "平台负载均衡（NSLB）的 IP 和端口，向平台运维索取。"
        ),
        "The tenant id: the cookie TenantId in a browser that is logged in to the tenant space.": (
            "租户ID：登录租户空间后，浏览器 Cookie 中的 TenantId。"
        ),
        "The third-party password, not the password of the web pages:": "第三方口令，不是网页的登录密码：",
        "oifde-exporter discover lists the bots of a tenant.": "oifde-exporter discover 列出租户的机器人。",
        "HTTP 401 or 403 without an error code: the platform's allow-list, or a firewall or proxy in front of it, may lack"
        " the address of this machine.": (
            "HTTP 401 或 403 且没有错误码：平台的白名单，或平台前面的防火墙、代理，可能没有放行本机地址。"
        ),
        "The platform's error codes": "平台的错误码",
        "the key does not exist": "密钥不存在",
        "Check that app_key (default: the tenant_id) is the tenant id or, with header_user, the user of the internal"
        " system.": "检查 app_key（默认为 tenant_id）是否为租户ID；配置了 header_user 时，应为内部系统的用户。",
        "the key is wrong": "密钥错误",
        "Correct the secret before you try again: each try with a wrong secret brings the account closer to being"
        " locked. The secret is the tenant's third-party password (第三方口令), not that of the web pages.": (
            "先改正密钥再重试：每次用错误的密钥登录，账号都更接近被锁定。密钥是租户的第三方口令，不是网页的登录密码。"
        ),
        "the account is locked": "账号已锁定",
        "Ask the platform's administrator to unlock the account, or wait; stop the exporter until then.": (
            "请平台运维解锁账号，或等待自动解锁；在此之前请停止 exporter。"
        ),
        "no token, or an expired one": "没有 Token，或 Token 已过期",
        "the token check failed": "Token 校验失败",
        "The exporter logs in again by itself. If this stays, check that the secret or the token belongs to this tenant, and"
        " that no other program logs in with it: the platform may end the former token at each login.": (
            "exporter 会自动重新登录。如果一直如此，检查密钥或 Token 是否属于该租户，以及是否有其他程序使用同一账号：每次登录都可能使之前的 Token 失效。"
        ),
        "internal error": "内部错误",
        "The exporter repeats the request. If this stays, ask the platform's administrator.": (
            "exporter 会重试。如果一直如此，请联系平台运维。"
        ),
        "bad parameter": "参数错误",
        "missing parameter": "缺少参数",
        "bad or missing parameter": "参数错误或缺失",
        "The platform rejects a parameter of the request: check tenant_id and access_code.": (
            "平台拒绝了请求中的参数：检查 tenant_id 和 access_code。"
        ),
        "Values": "数据项",
        "Other pages": "其他页面",
        "the metrics, for Prometheus": "供 Prometheus 采集的指标",
        "the data of these pages as JSON; ?q= searches, ?limit= and ?offset= select a part": (
            "这些页面的数据，JSON 格式；?q= 搜索，?limit= 与 ?offset= 分页"
        ),
        "for a liveness probe": "用于存活探针",
        "for a readiness probe": "用于就绪探针",
        "Metric names and their help are in English. The full reference is docs/metrics.md in the source code.": (
            "指标名称及其说明为英文。完整参考见源代码中的 docs/metrics.md。"
        ),
        "Metric": "指标",
        "Type": "类型",
        "Labels": "标签",
        # the platform's fields
        "Calls that reached the bot": "接入机器人的呼叫",
        "Left at once": "直接退出量",
        "left after exactly 1 interaction": "仅 1 次交互即退出",
        "To an agent directly": "直接转人工量",
        "transferred to an agent after 2 or 3 interactions": "2 至 3 次交互后转人工",
        "To an agent after consulting": "咨询后转人工量",
        "transferred to an agent after more than 3 interactions": "超过 3 次交互后转人工",
        "Handled by the bot alone": "仅咨询机器人量",
        "Interactions": "对话轮次",
        "Interactions between callers and the bot": "用户与机器人之间的对话轮次",
        "Interactions per call": "平均对话轮次",
        "Containment rate: calls handled by the bot alone, of its callers who went on to the bot or an agent, 0 to 1; absent"
        " without such callers": (
            "仅咨询机器人量 ÷（直接转人工量＋咨询后转人工量＋仅咨询机器人量），0 到 1；分母为 0 时无此值"
        ),
        "Interface requests": "接口调用总数",
        "Requests of the bot to backend interfaces": "机器人对后端接口的调用",
        "Interface successes": "接口调用成功数",
        "Successful requests of the bot to backend interfaces": "机器人对后端接口的成功调用",
        "Interface success ratio": "接口调用成功率",
        "Share of requests to backend interfaces that succeeded, 0 to 1; absent without requests": (
            "对后端接口的调用中成功的比例，0 到 1；没有调用时无此值"
        ),
        "Current hour": "当前小时（未结束）",
        "Last complete day": "最近一个完整日",
        "Replies": "回复数",
        "Replies of the bot": "机器人的回复",
        "Reply successes": "成功回复数",
        "Successful replies of the bot": "机器人的成功回复",
        "Unknown replies": "未知回复数",
        'Replies of the bot that say "I don\'t know"': "机器人回答“我不知道”的回复",
        "Reply success ratio": "成功回复率",
        "Share of replies that succeeded, 0 to 1; absent without replies": (
            "回复中成功的比例，0 到 1；没有回复时无此值"
        ),
        "Feedback": "参评数",
        "Ratings by users": "用户的评价",
        "Positive feedback": "满意参评数",
        "Positive ratings by users": "用户的满意评价",
        "Positive feedback ratio": "满意参评率",
        "Share of ratings that were positive, 0 to 1; absent without ratings": (
            "评价中满意的比例，0 到 1；没有评价时无此值"
        ),
        "Today so far": "今日累计（租户时区）",
    }
)
