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
        "Figures are those of the metrics: what is withdrawn there is not shown here either.": (
            "数据与指标一致：指标中已撤下的数据，这里也不显示。"
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
        "Well": "正常",
        "no answer in time": "响应超时",
        "no connection": "无法连接",
        "no trusted TLS connection": "无法建立可信的 TLS 连接",
        "HTTP error": "HTTP 错误",
        "login or token refused": "登录或令牌被拒绝",
        "error of the platform": "平台返回错误",
        "unusable answer": "响应内容无效",
        "internal error of the exporter": "本程序内部错误",
        "%(reason)s, for %(time)s": "%(reason)s，已持续 %(time)s",
        "%(what)s; %(next)s": "%(what)s；%(next)s",
        "%(report)s: the platform's records lack a documented field, so its metrics are absent. The log names the field.": (
            "%(report)s：平台的记录缺少接口文档中的字段，相关指标因此缺失。日志中有该字段的名称。"
        ),
        "Login failed": "登录失败",
        ": the app secret is wrong": "：密钥（app secret）错误",
        ": the app key is unknown": "：app key 不存在",
        ": the account is locked": "：账号已被锁定",
        "next try %(when)s": "下次尝试：%(when)s",
        "no further try until the secret changes or the configuration is reloaded": (
            "在密钥更改或重新加载配置之前，不再尝试"
        ),
        "tried again with the next poll": "下次查询时重试",
        "in order": "正常",
        "The first poll has not ended yet.": "首次查询尚未结束。",
        "The platform's records are late.": "平台的记录迟迟未到。",
        "Figures withdrawn; last success %(when)s": "数据已撤下；上次成功：%(when)s",
        # the overview
        "Bots by state": "按状态分类的机器人",
        "All": "全部",
        "Platforms and tenants": "平台与租户",
        "%(num)s platforms do not answer": "%(num)s 个平台无响应",
        "%(num)s platforms answer": "%(num)s 个平台响应正常",
        "%(num)s platforms not asked yet": "%(num)s 个平台尚未查询",
        "%(num)s tenants not in order": "%(num)s 个租户异常",
        "%(num)s tenants in order": "%(num)s 个租户正常",
        "Platforms": "平台",
        "Platform": "平台",
        "State": "状态",
        "Bots answered": "查询成功的机器人",
        "Last answer": "最近响应",
        "answers": "响应正常",
        "no bot is answered": "所有机器人均查询失败",
        "not asked yet": "尚未查询",
        "%(some)s of %(all)s": "%(some)s / %(all)s",
        "No bot is configured or discovered.": "没有配置或发现任何机器人。",
        "Tenants": "租户",
        "Tenant": "租户",
        "Login": "登录",
        "Token expires": "令牌到期",
        "Discovery": "自动发现",
        "Discovery failed": "自动发现失败",
        "No tenant is configured.": "没有配置任何租户。",
        "All %(all)s tenants": "全部 %(all)s 个租户",
        "(%(unwell)s not in order)": "（%(unwell)s 个异常）",
        "All bots": "全部机器人",
        "Search": "搜索",
        "Name, access code, tenant, label": "名称、接入码、租户、标签",
        "Renew every 30 s": "每 30 秒刷新",
        "%(num)s bots found": "找到 %(num)s 个机器人",
        "Show all, worst first": "显示全部，问题最大的在前",
        "Worst first: what fails, then what lost most callers to agents against yesterday's same hour, then the lowest"
        " autonomy.": "问题最大的在前：先是查询失败的，其次是转人工的呼叫比昨天同一小时增加最多的，再按自助率从低到高。",
        "Bot": "机器人",
        "Last complete hour": "最近一个完整小时",
        "Autonomy": "自助率",
        "Against yesterday": "较昨日",
        "%(change)s pts": "%(change)s 个百分点",
        "Calls": "呼叫量",
        "Calls today": "今日呼叫量",
        "By hour": "按小时",
        "Polled": "查询时间",
        "No record today yet.": "今天还没有记录。",
        "Most in an hour today: %(most)s.": "今天单小时最多：%(most)s 通。",
        "Yesterday: %(calls)s calls.": "昨天：%(calls)s 通呼叫。",
        "No bot matches.": "没有符合条件的机器人。",
        "served by the bot alone": "机器人独立服务",
        "other calls": "其他呼叫",
        "Pages of the list": "列表分页",
        "Previous": "上一页",
        "Next": "下一页",
        "Page %(page)s of %(pages)s": "第 %(page)s 页，共 %(pages)s 页",
        # a bot's page
        "Where this is": "当前位置",
        "Access code": "接入码",
        "Time zone": "时区",
        "Polled %(when)s": "查询于 %(when)s",
        "last success %(when)s": "上次成功：%(when)s",
        "%(num)s failures since the start": "启动以来失败 %(num)s 次",
        "The figures are too old and have been withdrawn.": "数据过旧，已撤下。",
        "Calls by hour": "按小时统计的呼叫",
        "Calls by day": "按天统计的呼叫",
        "Replies by hour": "按小时统计的答复",
        "Bars are today's hours, the line is yesterday. The table below has every figure.": (
            "柱形为今天各小时，折线为昨天。全部数据见下表。"
        ),
        "The line with points is today, the dashed one yesterday. The table below has every figure.": (
            "带点的线为今天，虚线为昨天。全部数据见下表。"
        ),
        "Figures, and what they mean": "各项数据及其含义",
        "Figure": "数据项",
        "no record": "无记录",
        "Meaning": "含义",
        "Hour by hour": "各小时数据",
        "Above today's figure, below it yesterday's; – is an hour without a record, or nothing to judge.": (
            "上为今天，下为昨天；“–”表示该小时没有记录，或无从计算。"
        ),
        "Hour": "小时",
        "in progress": "进行中",
        "No such bot": "没有这个机器人",
        "It is neither configured nor discovered; its name or access code may have changed.": (
            "它既未配置也未被发现；名称或接入码可能已更改。"
        ),
        # the configuration
        "What is in use now, with every default. Secrets are never shown; of each tenant's bots only the number is.": (
            "当前生效的配置，含所有默认值。密钥从不显示；各租户的机器人只显示数量。"
        ),
        "No configuration is in use yet.": "尚无生效的配置。",
        # the help
        "States": "状态",
        "The platform refused the tenant's login. None is tried for now, to spare the account from being locked.": (
            "平台拒绝了租户的登录。为避免账号被锁定，暂不再尝试登录。"
        ),
        "The last poll of a report failed. The figures before stay until they are too old, and then are withdrawn.": (
            "某个报表的最近一次查询失败。此前的数据会保留，直到过旧后撤下。"
        ),
        "Polls succeed or hang, but there is no recent complete hour: the platform's records are late, or cannot be"
        " placed.": "查询没有失败，但没有较新的完整小时：平台的记录迟到，或无法归入时段。",
        "The last poll succeeded, and its figures are recent.": "最近一次查询成功，数据是新的。",
        "Hours and days": "小时与日期",
        "Hours and days are those of the tenant's time zone. An hour is complete some minutes after it ended"
        " (settle_delay); an hour without a record counts as one without calls only later (empty_hour_delay). The newest"
        " hour known is normally still in progress.": (
            "小时与日期按租户的时区计算。一个小时结束若干分钟后（settle_delay）才算完整；没有记录的小时要更晚"
            "（empty_hour_delay）才算作没有呼叫。已知的最新小时通常仍在进行中。"
        ),
        "Figures": "数据项",
        "Other pages": "其他页面",
        "the metrics, for Prometheus": "供 Prometheus 采集的指标",
        "what these pages show, as JSON; ?q= searches, ?limit= and ?offset= page": (
            "这些页面的数据，JSON 格式；?q= 搜索，?limit= 与 ?offset= 分页"
        ),
        "for a liveness probe": "用于存活探针",
        "for a readiness probe": "用于就绪探针",
        "The names are the same in every language; their help is in English. The whole reference is docs/metrics.md, which"
        " comes with the program's source.": (
            "指标名称不随语言变化，其说明为英文。完整参考见随源代码提供的 docs/metrics.md。"
        ),
        "Metric": "指标",
        "Type": "类型",
        "Labels": "标签",
        # figures
        "Calls that reached the bot": "接入机器人的呼叫",
        "Left at once": "未咨询即退出",
        "left at once, after exactly 1 interaction": "仅 1 次交互即退出",
        "To an agent directly": "直接转人工",
        "went to an agent directly, after 2 or 3 interactions": "2 至 3 次交互后直接转人工",
        "To an agent after consulting": "咨询后转人工",
        "went to an agent after more than 3 interactions": "超过 3 次交互后转人工",
        "Served by the bot alone": "机器人独立服务",
        "Interactions": "交互次数",
        "Interactions between callers and the bot": "客户与机器人之间的交互",
        "Interactions per call": "平均每通交互次数",
        "Share of consulting callers whom the bot served without an agent, 0 to 1; absent when there were none": (
            "咨询的客户中未转人工、由机器人独立服务的比例，0 到 1；无人咨询时无此值"
        ),
        "Interface requests": "接口调用次数",
        "Calls the bot made to outside interfaces": "机器人对外部接口的调用",
        "Interface successes": "接口调用成功次数",
        "Calls to outside interfaces that succeeded": "对外部接口的成功调用",
        "Interface success ratio": "接口调用成功率",
        "Share of calls to outside interfaces that succeeded, 0 to 1; absent when none was made": (
            "对外部接口的调用中成功的比例，0 到 1；没有调用时无此值"
        ),
        "Newest hour known, normally still in progress": "已知的最新小时，通常仍在进行中",
        "Last day that is over": "最近一个完整日",
        "Replies": "答复数",
        "Replies of the bot": "机器人的答复",
        "Reply successes": "成功答复数",
        "Replies that succeeded": "成功的答复",
        "Unknown replies": "“不知道”答复数",
        'Replies that said "I don\'t know"': "回答“我不知道”的答复",
        "Reply success ratio": "答复成功率",
        "Share of replies that succeeded, 0 to 1; absent when there were none": (
            "答复中成功的比例，0 到 1；没有答复时无此值"
        ),
        "Feedback": "评价数",
        "Judgements of users": "用户的评价",
        "Positive feedback": "好评数",
        "Judgements of users that were positive": "用户的好评",
        "Positive feedback ratio": "好评率",
        "Share of users' judgements that were positive, 0 to 1; absent when there were none": (
            "用户评价中好评的比例，0 到 1；没有评价时无此值"
        ),
        "The local day so far": "当地时间今日累计",
    }
)
