"""The messages in Chinese (Simplified), by the English ones; of a message with a plural, by the plural."""

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
        ": ": "：",
        ", ": "，",
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
        "usual range": "正常范围",
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
            "柱形为今天各小时，折线为昨天，色带为正常范围。全部数据见下表。"
        ),
        "The line with points is today, the dashed line is yesterday, the band is the usual range. The table below has every"
        " value.": "带点的线为今天，虚线为昨天，色带为正常范围。全部数据见下表。",
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
        "Values": "数据项",
        "Other pages": "其他页面",
        "the metrics, for Prometheus": "供 Prometheus 采集的指标",
        "the data of these pages as JSON; ?q= searches, ?limit= and ?offset= select a part": (
            "这些页面的数据，JSON 格式；?q= 搜索，?limit= 与 ?offset= 分页"
        ),
        "for a liveness probe": "用于存活探针",
        "for a readiness probe": "用于就绪探针",
        "The full reference is docs/metrics.md in the source code.": "完整参考见源代码中的 docs/zh/metrics.md。",
        "Metric": "指标",
        "Type": "类型",
        "Labels": "标签",
        # the help: where the platform has the settings, and its error codes
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
        # the platform's fields
        "calls that reached the bot": "到达机器人的电话和会话",
        "Left at once": "直接退出量",
        "left after exactly 1 interaction": "仅 1 轮对话即退出",
        "To an agent directly": "直接转人工量",
        "transferred to an agent after 2 or 3 interactions": "2 至 3 轮对话后转人工",
        "To an agent after consulting": "咨询后转人工量",
        "transferred to an agent after more than 3 interactions": "超过 3 轮对话后转人工",
        "Handled by the bot alone": "仅咨询机器人量",
        "Interactions": "对话轮次",
        "interactions between callers and the bot": "用户与机器人之间的对话轮次",
        "Interactions per call": "平均对话轮次",
        "containment rate: calls handled by the bot alone, of its callers who went on to the bot or an agent, 0 to 1; absent"
        " without such callers": (
            "仅咨询机器人量 ÷（直接转人工量＋咨询后转人工量＋仅咨询机器人量），0 到 1；分母为 0 时无此值"
        ),
        "Interface requests": "接口调用总数",
        "requests of the bot to backend interfaces": "机器人对后端接口的调用",
        "Interface successes": "接口调用成功数",
        "successful requests of the bot to backend interfaces": "机器人对后端接口的成功调用",
        "Interface success ratio": "接口调用成功率",
        "share of requests to backend interfaces that succeeded, 0 to 1; absent without requests": (
            "对后端接口的调用中成功的比例，0 到 1；没有调用时无此值"
        ),
        "Current hour": "当前小时（未结束）",
        "Last complete day": "最近一个完整日",
        "Replies": "回复数",
        "replies of the bot": "机器人的回复",
        "Reply successes": "成功回复数",
        "successful replies of the bot": "机器人的成功回复",
        "Unknown replies": "未知回复数",
        'replies of the bot that say "I don\'t know"': "机器人回答“我不知道”的回复",
        "Reply success ratio": "成功回复率",
        "share of replies that succeeded, 0 to 1; absent without replies": (
            "回复中成功的比例，0 到 1；没有回复时无此值"
        ),
        "Feedback": "参评数",
        "ratings by users": "用户的评价",
        "Positive feedback": "满意参评数",
        "positive ratings by users": "用户的满意评价",
        "Positive feedback ratio": "满意参评率",
        "share of ratings that were positive, 0 to 1; absent without ratings": (
            "评价中满意的比例，0 到 1；没有评价时无此值"
        ),
        "Today so far": "今日累计（租户时区）",
        # the help of the metrics
        "%(window)s: %(help)s (%(field)s)": "%(window)s：%(help)s（%(field)s）",
        "%(window)s, %(metric)s: %(series)s": "%(window)s，%(metric)s：%(series)s",
        "%(value)s = %(help)s (%(field)s)": "%(value)s＝%(help)s（%(field)s）",
        "%(one)s; %(other)s": "%(one)s；%(other)s",
        "%(window)s: start time (recordTime)": "%(window)s：开始时间（recordTime）",
        "%(window)s: 1 if the platform has a record of it, 0 if the exporter infers that it had no calls": (
            "%(window)s：平台有其记录时为 1，exporter 推定其没有接入时为 0"
        ),
        "call outcomes": "接入去向",
        "interactions per call": "平均对话轮次",
        "Today so far in the tenant's time zone": "今日累计（租户时区）",
        "Always 1; the labels are the bot's platform, its tenant's name and its own labels from the configuration": (
            "恒为 1；标签为机器人所在的平台、租户名称，以及配置中为它设置的标签"
        ),
        "1 if the last poll of the bot's report succeeded, else 0": "最近一次查询机器人的报表成功时为 1，否则为 0",
        "Time of the last successful poll of the bot's report; absent before the first": (
            "最近一次成功查询机器人报表的时间；首次成功之前无此值"
        ),
        "Failed polls of the bot's report": "查询机器人报表失败的次数",
        "Anomalies in the tenant's reports; each is counted once, however often it is polled": (
            "租户报表中的异常数；同一异常无论查询多少次只计一次"
        ),
        "Records of the tenant's reports that were added or changed after their hour or day had settled": (
            "租户报表中，在小时或日期算作完整之后新增或修改的记录数"
        ),
        "Expiry time of the token fetched for the tenant (expireTime); absent without one": (
            "为租户获取的 Token 的到期时间（expireTime）；没有 Token 时无此值"
        ),
        "1 while the tenant's logins are suspended to avoid locking its account, else 0": (
            "为避免账号被锁定而暂停租户的登录时为 1，否则为 0"
        ),
        "1 if the last discovery of the tenant's bots succeeded, else 0; only with discovery enabled": (
            "最近一次自动发现租户的机器人成功时为 1，否则为 0；仅在启用自动发现时有此值"
        ),
        "Time of the last successful discovery of the tenant's bots; absent before the first": (
            "最近一次成功自动发现租户机器人的时间；首次成功之前无此值"
        ),
        "Bots of the tenant that are polled because the platform lists them (accessInfoList), without configured ones": (
            "因平台列出（accessInfoList）而采集的租户机器人数，不含已配置的"
        ),
        "Last complete hour: usual %(value)s, from the bot's own past": "最近一个完整小时：%(value)s的通常水平，由机器人自身的历史得出",
        "Last complete hour: %(value)s, lower end of the range of 99 of 100 such hours": (
            "最近一个完整小时：%(value)s的下限，100 个这样的小时有 99 个在范围内"
        ),
        "Last complete hour: %(value)s, upper end of the range of 99 of 100 such hours": (
            "最近一个完整小时：%(value)s的上限，100 个这样的小时有 99 个在范围内"
        ),
        "number of calls": "接入量",
        "autonomy ratio": "净自助解决率",
        "interface success ratio": "接口调用成功率",
        "Length of the bot's known past, in whole days": "机器人已知历史的时长，以整天计",
        "Difference between the bot's present and its usual behaviour, in standard deviations; 0 if it is usual": (
            "机器人当前偏离通常水平的标准差倍数；处于通常水平时为 0"
        ),
        "Size of the difference in the window with the highest score: 0.2 is 20 points of a ratio, or 20 % of the calls": (
            "分数最高的时间窗口中的偏离幅度：0.2 表示比率相差 20 个百分点，或接入量相差 20%"
        ),
        "Length of the window with the highest score": "分数最高的时间窗口的长度",
        # failures of requests to the platform
        "%(one)s, %(other)s": "%(one)s、%(other)s",
        "an array": "数组",
        "an object": "对象",
        "a string": "字符串",
        "a number": "数字",
        "a boolean": "布尔值",
        "null": "null",
        "an array or an object": "数组或对象",
        "HTTP status %(status)s: redirects are not followed": "HTTP 状态码 %(status)s：不跟随重定向",
        "HTTP status %(status)s": "HTTP 状态码 %(status)s",
        "the answer is %(kind)s, not %(wanted)s": "响应内容是%(kind)s，应为%(wanted)s",
        "the answer's errorCode is not a number": "响应中的 errorCode 不是数字",
        "the answer is not UTF-8": "响应内容不是 UTF-8 编码",
        "the answer is nested too deeply": "响应内容嵌套过深",
        "the answer is not JSON: a number has too many digits": "响应内容不是 JSON：数字过长",
        "the answer is not JSON: %(what)s at character %(place)s": "响应内容不是 JSON：第 %(place)s 个字符处，%(what)s",
        "the answer is empty": "响应内容为空",
        "the answer is HTML or XML, not JSON": "响应内容是 HTML 或 XML，不是 JSON",
        "%(refusal)s, %(error)s": "%(refusal)s，%(error)s",
        "the platform's error %(code)s: %(message)s": "平台错误码 %(code)s：%(message)s",
        "the platform's error %(code)s": "平台错误码 %(code)s",
        "not tried %(until)s: %(error)s": "%(until)s不再尝试：%(error)s",
        "the login failed: %(error)s: the platform, or what is in front of it, may not allow this machine's address": (
            "登录失败：%(error)s；平台或其前面的网关可能没有放行本机地址"
        ),
        "the login failed: %(error)s": "登录失败：%(error)s",
        "a token just fetched was refused: %(error)s": "刚获取的 Token 被拒绝：%(error)s",
        "the login failed: %(error)s; the secret %(problem)s": "登录失败：%(error)s；密钥%(problem)s",
        "the secret %(problem)s": "密钥%(problem)s",
        "begins or ends with a blank": "首尾有空白字符",
        "is in quotation marks": "带有引号",
        "contains a quotation mark": "含有引号",
        "contains a full-width character": "含有全角字符",
        "contains an invisible character": "含有不可见字符",
        "Correct it before the first login, unless the platform has it so: wrong secrets lock the account.": (
            "除非平台上的密钥确实如此，否则请在首次登录之前改正：错误的密钥会使账号被锁定。"
        ),
        "until the app_secret is changed": "更换 app_secret 之前",
        "for %(wait).0f s": "%(wait).0f 秒内",
        "for %(wait).0f s, or until the token is changed": "%(wait).0f 秒内或更换 Token 之前",
        "there is no app_secret: %(error)s": "没有 app_secret：%(error)s",
        "there is no token: %(error)s": "没有 Token：%(error)s",
        "the token was refused: %(error)s": "Token 被拒绝：%(error)s",
        "the answer holds no authToken": "响应中没有 authToken",
        "the answer has more than %(size)s MiB": "响应内容超过 %(size)s MiB",
        "no complete answer while its caller was waiting": "等待期间没有收到完整的响应",
        "no complete answer within %(timeout)g s": "%(timeout)g 秒内没有收到完整的响应",
        "no answer within %(budget)g s, retries included": "含重试，%(budget)g 秒内没有收到响应",
        "no login within %(budget)g s, retries included": "含重试，%(budget)g 秒内没有登录成功",
        "no complete listing within %(budget)g s": "%(budget)g 秒内没有取得完整的机器人列表",
        "no TLS connection": "无法建立 TLS 连接",
        "no TLS connection: %(problem)s": "无法建立 TLS 连接：%(problem)s",
        "the certificate is not trusted: %(problem)s": "证书不受信任：%(problem)s",
        "the handshake failed": "握手失败",
        "no reason given": "未给出原因",
        "the proxy does not connect: %(cause)s": "代理没有建立连接：%(cause)s",
        "cannot connect to the proxy: %(cause)s": "无法连接代理：%(cause)s",
        "the host name cannot be resolved: %(cause)s": "无法解析主机名：%(cause)s",
        "cannot connect: %(cause)s": "无法连接：%(cause)s",
        "the connection was closed before the answer": "连接在响应之前被关闭",
        "the connection was lost: %(cause)s": "连接中断：%(cause)s",
        "the connection was lost in the middle of the answer": "连接在响应途中中断",
        "the answer is not HTTP": "响应不是 HTTP",
        "the url is not valid": "url 无效",
        "the answer cannot be decompressed": "响应内容无法解压",
        "the answer has no array accessInfoList": "响应中没有数组 accessInfoList",
        "a row is not an object": "某一行不是对象",
        "a row belongs to another tenant": "某一行属于其他租户",
        "a row has no accessCode": "某一行没有 accessCode",
        "the listing is incomplete: %(gaps)s": "机器人列表不完整：%(gaps)s",
        "%(rows)s of %(total)s bots of the source %(source)s": "来源 %(source)s 的 %(total)s 个机器人只列出 %(rows)s 个",
        "pages of the source %(source)s overlap": "来源 %(source)s 的分页有重叠",
        "more than %(rows)s bots are listed": "列出的机器人超过 %(rows)s 个",
        "the platform is unreachable, nothing was sent: %(failure)s": "平台不可达，没有发送请求：%(failure)s",
        "cannot read the file: %(reason)s": "无法读取文件：%(reason)s",
        "invalid file name": "文件名无效",
        "%(path)s: %(reason)s": "%(path)s：%(reason)s",
        "the secret is empty": "密钥为空",
        "the secret has more than one line": "密钥超过一行",
        "the file is larger than %(size)s KiB": "文件超过 %(size)s KiB",
        "the file is not UTF-8 text": "文件不是 UTF-8 文本",
        "internal error: %(name)s": "内部错误：%(name)s",
        "the platform lists no bots any more; the %(kept)s known bots are kept until the next listing confirms it": (
            "平台不再列出任何机器人；在下次查询确认之前，保留已知的 %(kept)s 个机器人"
        ),
        "%(problem)s; its keys: %(keys)s": "%(problem)s；其中的键：%(keys)s",
        "%(refusal)s: the port expects TLS": "%(refusal)s：该端口要求 TLS",
        "%(files)s cannot be loaded: %(reason)s": "%(files)s 无法加载：%(reason)s",
        "cert_file and key_file": "cert_file 和 key_file",
        "%(keys)s%(problem)s": "%(keys)s%(problem)s",
        "the answer does not tell the health of the platform": "响应中没有平台的健康状况",
        "%(name)s is %(value)s": "%(name)s 为 %(value)s",
        "the answer has too many headers": "响应头过多",
        "the answer has two Content-Length headers": "响应中有两个 Content-Length 头",
        "the answer has both Content-Length and Transfer-Encoding": "响应中同时有 Content-Length 和 Transfer-Encoding",
        "the answer's Content-Length is not a number": "响应的 Content-Length 不是数字",
        "the answer's chunks are broken": "响应的分块传输格式错误",
        "the answer has a header that is not valid HTTP": "响应中有不符合 HTTP 规范的头",
        "the answer has a header of more than %(size)s KiB": "响应中有超过 %(size)s KiB 的头",
        "the answer is not valid HTTP": "响应不符合 HTTP 规范",
        "the answer's status line is not valid HTTP": "响应的状态行不符合 HTTP 规范",
        "the answer is TLS, not HTTP": "响应是 TLS，不是 HTTP",
        "the port answers without TLS": "该端口的响应没有使用 TLS",
        "the server does not know the name": "服务器不认识该域名",
        "the server asks for a client certificate, or rejects the configured one": "服务器要求客户端证书，或拒绝了已配置的证书",
        "no TLS version or cipher in common: the platform offers %(offer)s": (
            "没有双方都支持的 TLS 版本或加密套件：平台提供的是 %(offer)s"
        ),
        "the connection was closed during the TLS handshake with the proxy": "与代理的 TLS 握手期间连接被关闭",
        "the connection was closed during the TLS handshake": "TLS 握手期间连接被关闭",
        "the proxy's certificate is not trusted: %(problem)s": "代理的证书不受信任：%(problem)s",
        "no TLS connection to the proxy: %(problem)s": "无法与代理建立 TLS 连接：%(problem)s",
        "no TLS connection: %(problem)s (%(code)s)": "无法建立 TLS 连接：%(problem)s（%(code)s）",
        # advice on failures
        "%(error)s. %(advice)s": "%(error)s。%(advice)s",
        "%(where)s: %(message)s": "%(where)s：%(message)s",
        "Check that the url is right and the platform is up. If it is only slow, raise request_timeout.": (
            "请检查 url 是否正确、平台是否在运行。如果只是响应慢，请增大 request_timeout。"
        ),
        "Check the url (http or https, host, port), and that this machine can reach it. If it can only do so through a proxy, set proxy_url.": (
            "请检查 url（http 或 https、主机、端口），以及本机能否访问该地址。如果只能通过代理访问，请设置 proxy_url。"
        ),
        "If the certificate is self-signed or from a private authority, set tls_config.ca_file.": (
            "如果证书是自签名的，或由私有 CA 签发，请设置 tls_config.ca_file。"
        ),
        "Check that the url leads to the platform itself. If it does, read its log, or that of the proxy in front of it.": (
            "请检查 url 是否指向平台本身。如果是，请查看平台或其前面的代理的日志。"
        ),
        "Check that the secret or the token belongs to this tenant, and that it may use the platform's API.": (
            "请检查密钥或 Token 是否属于该租户，以及是否有权调用平台的接口。"
        ),
        "The platform reports an error of its own. Try again later; if it stays, ask the platform's administrator.": (
            "平台自身返回了错误。请稍后再试；如果一直如此，请联系平台运维。"
        ),
        "Check that the url leads to the platform itself, and not to a login page or a proxy in front of it.": (
            "请检查 url 是否指向平台本身，而不是登录页面或平台前面的代理。"
        ),
        "%(advice)s docs/where-to-find.md and the help page of the exporter show where the platform has them.": (
            "%(advice)s在平台的哪里找到它们，见 docs/zh/where-to-find.md 和 exporter 的帮助页。"
        ),
        "Check that the platform's allow-list, or the firewall or proxy in front of it, lets this machine in.": (
            "请检查平台的白名单，或其前面的防火墙、代理，是否允许本机访问。"
        ),
        "The exporter polls the bots that are listed, and removes none. Try again; if it stays, list the bots under bots.": (
            "exporter 会采集已列出的机器人，不会移除任何机器人。请重试；如果一直如此，请在 bots 中逐个列出机器人。"
        ),
        "Check that the url is the platform's, with its port and its path prefix if it has one.": (
            "请检查 url 是否为平台的地址，包括端口，以及可能有的路径前缀。"
        ),
        "The platform asks for fewer requests: lower requests_per_second.": "平台要求减少请求，请减小 requests_per_second。",
        "Check the user and the password in proxy_url.": "请检查 proxy_url 中的用户名和密码。",
        "The answer is JSON, but not as the platform documents it; a gateway may have changed it. oifde-exporter query --explain"
        " shows its form without values: report it to the exporter's developers.": (
            "响应是 JSON，但与平台文档不符，可能被网关修改过。oifde-exporter query --explain 会显示其结构（不含数值），"
            "请反馈给 exporter 的开发者。"
        ),
        "The port expects TLS: begin the url with https.": "该端口要求 TLS，url 请以 https 开头。",
        "If the platform has no TLS on this port, begin the url with http; otherwise correct the port.": (
            "如果平台在该端口没有启用 TLS，url 请以 http 开头；否则请改正端口。"
        ),
        "Check that the files exist, and hold certificates and keys in PEM format.": (
            "请检查文件是否存在，内容是否为 PEM 格式的证书和密钥。"
        ),
        "Ask the administrator of the platform, or of the proxy in front of it, to correct the answer; curl -v shows it.": (
            "请平台运维或平台前面代理的管理员改正响应，curl -v 可以看到响应的内容。"
        ),
        "If the certificate is self-signed or from a private authority, such as that of a proxy that inspects TLS, set"
        " tls_config.ca_file.": (
            "如果证书是自签名的，或由私有 CA 签发（例如会检查 TLS 流量的代理），请设置 tls_config.ca_file。"
        ),
        "If the proxy's certificate is self-signed or from a private authority, set proxy_ca_file.": (
            "如果代理的证书是自签名的，或由私有 CA 签发，请设置 proxy_ca_file。"
        ),
        "Set tls_config.server_name to the name in the certificate; openssl s_client -connect HOST:PORT shows it.": (
            "请把 tls_config.server_name 设为证书中的域名，openssl s_client -connect HOST:PORT 可以看到它。"
        ),
        "Set tls_config.cert_file and key_file to a client certificate that the platform accepts.": (
            "请在 tls_config.cert_file 和 key_file 中设置平台认可的客户端证书。"
        ),
        "Update TLS on the platform. Until then, tls_config.min_version: TLS10 allows old versions, ciphers and keys.": (
            "请升级平台的 TLS。在此之前，可以用 tls_config.min_version: TLS10 允许旧的版本、加密套件和密钥。"
        ),
        "Check that the port expects TLS. If the platform asks for a client certificate, set tls_config.cert_file and key_file.": (
            "请检查该端口是否要求 TLS。如果平台要求客户端证书，请设置 tls_config.cert_file 和 key_file。"
        ),
        "Raise the limit of open files: ulimit -n, or LimitNOFILE in systemd.": (
            "请提高打开文件数的上限：ulimit -n，或 systemd 中的 LimitNOFILE。"
        ),
        "Renew the certificate on the platform, and check this machine's clock.": "请更新平台的证书，并检查本机的时钟。",
        "Check the scheme and the port of proxy_url.": "请检查 proxy_url 的协议和端口。",
        # anomalies in reports
        "a record of another date than the one asked for (by day: of a later one, or of one more than 60 days before)": (
            "有记录的日期与查询的不同（按天：更晚，或早于 60 天以上）"
        ),
        "Check timezone: it must match the time zone the platform uses for day boundaries.": (
            "请检查 timezone，它必须与平台划分日期所用的时区一致。"
        ),
        "a value of a record decreased": "记录中的某个值变小",
        "The platform corrected a record. No action is needed unless it happens often.": (
            "平台修改了记录。除非经常发生，否则无需处理。"
        ),
        "a record of another tenant, bot or report": "有其他租户、机器人或报表的记录",
        "Check tenant_id and access_code. oifde-exporter query --explain shows what came, and what the exporter does with it.": (
            "请检查 tenant_id 和 access_code。oifde-exporter query --explain 会显示收到的内容及其处理方式。"
        ),
        "two records of the same hour or day": "同一小时或同一天有两条记录",
        "oifde-exporter query --explain shows what came, and what the exporter does with it.": (
            "oifde-exporter query --explain 会显示收到的内容及其处理方式。"
        ),
        "a record is missing that an earlier report had": "先前报表中有的记录消失了",
        "The platform removed a record. No action is needed unless it happens often.": (
            "平台删除了记录。除非经常发生，否则无需处理。"
        ),
        "an item that is not a record, or has no usable recordTime": "有的项不是记录，或没有可用的 recordTime",
        "a value that is not a number, negative or out of range": "有的值不是数字、为负数或超出范围",
        "a documented field that no record of a report has": "报表的所有记录都缺少某个文档所列的字段",
        "The platform may have renamed the field: compare it with the unknown fields. oifde-exporter query --explain shows what"
        " came, and what the exporter does with it.": (
            "平台可能改了字段名，请与未知字段对照。oifde-exporter query --explain 会显示收到的内容及其处理方式。"
        ),
        "a field that the exporter does not know": "有 exporter 不认识的字段",
        "A newer version of the exporter may know the field.": "更新版本的 exporter 可能认识该字段。",
        "asked for %(date)s": "查询的是 %(date)s",
        "a number with thousands separators": "是带千位分隔符的数字",
        "%(unit)s instead of milliseconds": "单位是%(unit)s，不是毫秒",
        "seconds": "秒",
        "microseconds": "微秒",
        "missing: %(missing)s; unknown: %(unknown)s": "缺少：%(missing)s；未知：%(unknown)s",
        "none": "无",
        # check
        "problem": "错误",
        "warning": "警告",
        "note": "提示",
        "%(level)s: %(where)s: %(what)s": "%(level)s：%(where)s：%(what)s",
        "%(where)s (%(bots)s)": "%(where)s（%(bots)s）",
        "%(where)s (%(detail)s)": "%(where)s（%(detail)s）",
        "%(names)s and %(more)s more": "%(names)s 等，另有 %(more)s 个",
        "%(tenant)s on %(platform)s": "平台 %(platform)s 的租户 %(tenant)s",
        "Example: %(example)s": "示例：%(example)s",
        "%(name)s is valid.": "%(name)s 有效。",
        "This shard has no tenants.": "本分片没有租户。",
        "platform": "平台",
        "tenant": "租户",
        "tenants": "租户",
        "bots": "机器人",
        "requests/s": "请求/秒",
        "after\nmidnight": "零点\n之后",
        "allowed": "上限",
        "requests\na day": "每天\n请求数",
        "ok": "正常",
        "failed": "失败",
        "+ discovery may add bots; --live counts them": "+ 自动发现可能增加机器人，--live 会计入",
        "%(platform)s: the first round takes %(time)s; an answer may take %(slowest)s on average.": (
            "%(platform)s：第一轮查询需 %(time)s；平均响应时间不能超过 %(slowest)s。"
        ),
        "%(platform)s: the history takes %(requests)s requests once, over at least %(time)s.": (
            "%(platform)s：获取历史需一次性发送 %(requests)s 个请求，至少用时 %(time)s。"
        ),
        "Prometheus: up to %(series)s series, %(per_bot)s per bot.": (
            "Prometheus：最多 %(series)s 条时间序列，每个机器人 %(per_bot)s 条。"
        ),
        "polling needs %(rate).3g requests per second %(when)s, but %(allowed)g are allowed, so polls are less frequent than"
        " poll_interval": (
            "%(when)s查询每秒需 %(rate).3g 个请求，而上限为 %(allowed)g，因此达不到 poll_interval 的频率"
        ),
        "polling needs %(rate).3g of the allowed %(allowed)g requests per second after midnight, which leaves little for"
        " retries": "零点之后查询每秒需 %(rate).3g 个请求，上限为 %(allowed)g，留给重试的余量很小",
        "all day": "全天",
        "after midnight": "零点之后",
        "Raise poll_interval, or requests_per_second if the platform allows.": (
            "请增大 poll_interval；平台允许时，也可以增大 requests_per_second。"
        ),
        "Raise poll_interval, or max_concurrency if the platform allows.": (
            "请增大 poll_interval；平台允许时，也可以增大 max_concurrency。"
        ),
        "the url is not https, so others on the network can read secrets and tokens": (
            "url 不是 https，网络上的其他人可以看到密钥和 Token"
        ),
        "Use the platform's https port if it has one.": "平台有 https 端口时，请使用它。",
        "insecure_skip_verify accepts any certificate, so others on the network can impersonate the platform": (
            "insecure_skip_verify 接受任何证书，网络上的其他人可以冒充平台"
        ),
        "min_version %(version)s allows old TLS versions and ciphers, which others on the network may break": (
            "min_version %(version)s 允许旧的 TLS 版本和加密套件，网络上的其他人可能破解"
        ),
        "Update TLS on the platform, then remove min_version.": "请升级平台的 TLS，然后删除 min_version。",
        "timezone %(zone)s is behind UTC: the sign in such names is reversed": (
            "时区 %(zone)s 比 UTC 晚：这类名称中的正负号是相反的"
        ),
        "Write the name of a place, like Asia/Shanghai for UTC+8.": "请写地名，如 UTC+8 用 Asia/Shanghai。",
        "Set tls_config.ca_file to the platform's certificate instead.": "请改为把 tls_config.ca_file 设为平台的证书。",
        "every user of this machine can read %(path)s": "本机的所有用户都能读取 %(path)s",
        "there is no secret: %(error)s": "没有密钥：%(error)s",
        "Write the secret; the daemon waits for it.": "请写入密钥，exporter 会等待它。",
        "stale_after (%(stale_after)g s) is not longer than poll_interval (%(interval)g s), so series disappear between two polls": (
            "stale_after（%(stale_after)g 秒）不大于 poll_interval（%(interval)g 秒），时间序列会在两次查询之间消失"
        ),
        "Remove stale_after, or set it to three poll intervals.": "请删除 stale_after，或设为 poll_interval 的三倍。",
        "discovery fails: %(error)s": "自动发现失败：%(error)s",
        "discovery finds no bot": "自动发现没有找到机器人",
        "Check that include and exclude match a bot. oifde-exporter discover lists all bots.": (
            "请检查 include 和 exclude 能否匹配到机器人。oifde-exporter discover 会列出所有机器人。"
        ),
        "a record begins in the future": "有记录的开始时间在将来",
        "Check timezone. If it matches the platform's, the platform may name hours by their end: compare an hour whose calls you"
        " know.": "请检查 timezone。如果与平台一致，平台可能以小时的结束时间命名小时：请与一个已知接入量的小时对照。",
        "%(time)s in %(zone)s": "%(time)s（%(zone)s）",
        "no record in the last 30 days": "最近 30 天没有记录",
        "no record in the last 30 days, though bound to the tenant": "最近 30 天没有记录，但已绑定到该租户",
        "no record in the last 30 days, and not bound to the tenant": "最近 30 天没有记录，也没有绑定到该租户",
        "Check the access code; oifde-exporter discover lists all bots. A new bot has no record either.": (
            "请检查接入码，oifde-exporter discover 会列出所有机器人。新建的机器人也没有记录。"
        ),
        "the platform's clock is %(skew).0f s ahead of this machine's": "平台的时钟比本机快 %(skew).0f 秒",
        "the platform's clock is %(skew).0f s behind this machine's": "平台的时钟比本机慢 %(skew).0f 秒",
        "Correct the clock that is wrong. This machine's clock decides which hours are complete.": (
            "请校正不准的时钟。哪些小时算完整，由本机的时钟决定。"
        ),
        "answers take %(time).2f s on average, but max_concurrency %(most)s allows %(slowest).2f s": (
            "平均响应时间为 %(time).2f 秒，而 max_concurrency 为 %(most)s 时不能超过 %(slowest).2f 秒"
        ),
        "the platform is not healthy: %(problem)s": "平台自检异常：%(problem)s",
        "Ask the platform's operators. Until it is fixed, other errors may have the same cause.": (
            "请联系平台运维。在修复之前，其他错误可能也由此引起。"
        ),
        "the health check does not work: %(error)s": "健康检查不可用：%(error)s",
        "Remove health_check if the platform has no interface servicemonitor.": (
            "如果平台没有 servicemonitor 接口，请删除 health_check。"
        ),
        # query
        "%(bot)s (%(code)s) of %(tenant)s": "%(bot)s（%(code)s），%(tenant)s",
        "report %(report)s of %(date)s in %(zone)s, as of %(time)s": "%(date)s 的 %(report)s 报表，时区 %(zone)s，截至 %(time)s",
        "Request": "请求",
        "Answer: %(rows)s records": "响应：%(rows)s 条记录",
        "The platform has no record: the date is in the future.": "平台没有记录：该日期在将来。",
        "The platform has no record at that time: there were no calls, or there is no such bot.": (
            "当时平台没有记录：没有接入，或没有这个机器人。"
        ),
        "The platform has no record: there were no calls, or there is no such bot.": (
            "平台没有记录：没有接入，或没有这个机器人。"
        ),
        "hour": "小时",
        "day": "日期",
        "sum": "合计",
        "* not complete yet": "* 尚未完整",
        "calls": "接入量",
        "left\nat\nonce": "直接\n退出",
        "agent\nat\nonce": "直接\n转人工",
        "agent\nlater": "咨询后\n转人工",
        "bot\nalone": "仅咨询\n机器人",
        "inter-\nactions": "对话\n轮次",
        "per\ncall": "平均\n对话\n轮次",
        "auton-\nomy": "净自助\n解决率",
        "inter-\nface\ncalls": "接口\n调用",
        "inter-\nface\nok": "调用\n成功",
        "ok\nshare": "调用\n成功率",
        "replies": "回复数",
        "reply\nsuccesses": "成功\n回复数",
        "unknown\nreplies": "未知\n回复数",
        "reply\nsuccess\nratio": "成功\n回复率",
        "feedback": "参评数",
        "positive\nfeedback": "满意\n参评数",
        "positive\nfeedback\nratio": "满意\n参评率",
        "%(kind)s: %(where)s": "%(kind)s：%(where)s",
        "Record %(number)s": "记录 %(number)s",
        "Record %(number)s: %(time)s": "记录 %(number)s：%(time)s",
        "no sample contains one of its fields": "没有样本包含它的字段",
        "no sample: %(why)s": "没有样本：%(why)s",
        "adds to %(counter)s": "计入 %(counter)s",
        "All samples of the report": "该报表的全部样本",
        "Form of the answer to the login, without its values": "登录响应的结构（不含数值）",
        "Form of the answer, without its values": "响应的结构（不含数值）",
        "no gauge shows this record": "没有指标展示这条记录",
        "%(where)s, %(detail)s": "%(where)s，%(detail)s",
        "skipped: %(meaning)s (%(where)s)": "跳过：%(meaning)s（%(where)s）",
        "%(what)s; counted in %(counter)s": "%(what)s；计入 %(counter)s",
        "%(value)s means that there was nothing to measure": "%(value)s 表示分母为 0",
        "the value is %(problem)s": "该值%(problem)s",
        "not a whole number, 0 or more": "不是不小于 0 的整数",
        "not a number from 0 to 1": "不是 0 到 1 之间的数",
        "not 0 or more": "小于 0 或不是数字",
        "the record does not have the field": "记录中没有该字段",
        "the record is not used": "没有使用该记录",
        "this exporter does not know the field": "本版本的 exporter 不认识该字段",
        "%(metrics)s: shown": "%(metrics)s：展示",
        "%(metrics)s: not shown: %(why)s": "%(metrics)s：不展示：%(why)s",
        "oifde_*_total: counted": "oifde_*_total：计入",
        "oifde_*_total: not counted: %(why)s": "oifde_*_total：不计入：%(why)s",
        "complete at %(time)s (settle_delay)": "%(time)s 起才算完整（settle_delay）",
        "%(period)s is a newer record": "%(period)s 的记录更新",
        "%(period)s is a newer complete hour": "%(period)s 是更新的完整小时",
        "%(period)s is a newer complete day": "%(period)s 是更新的完整日",
        "this report has no counters": "该报表没有计数器",
        "the counters count the day before until all its hours are complete, or until %(time)s": (
            "前一天的所有小时完整之前，计数器仍统计前一天，最晚到 %(time)s"
        ),
        "the counters count %(date)s": "计数器统计的是 %(date)s",
        "not of %(date)s, the date of the request: only used if it is the newest record": (
            "不属于所查询的日期 %(date)s：只有是最新记录时才使用"
        ),
        "not used: another record of the same hour was stored later or has more calls": (
            "未使用：同一小时有另一条保存得更晚或接入量更大的记录"
        ),
        "not used: the record begins after --at": "未使用：记录的开始时间晚于 --at",
        "No hour of %(date)s is complete yet. Until then, the metrics show an hour of the day before.": (
            "%(date)s 还没有完整的小时。在此之前，指标展示前一天的小时。"
        ),
        "No hour of %(date)s is complete yet. Until then, the metrics show %(hour)s, from the report of the day before"
        " (--date=%(before)s).": (
            "%(date)s 还没有完整的小时。在此之前，指标展示 %(hour)s，来自前一天的报表（--date=%(before)s）。"
        ),
        "The last complete hour is %(hour)s. It has no record, and counts as an hour without calls since %(since)s"
        " (empty_hour_delay).": (
            "最近一个完整小时为 %(hour)s。它没有记录，从 %(since)s 起算作没有接入（empty_hour_delay）。"
        ),
        "%(hour)s was in progress at that time; its values are the platform's current ones.": (
            "%(hour)s 当时尚未结束，其数据为平台当前的数据。"
        ),
        "The counters show 0 for the new day until %(time)s.": "在 %(time)s 之前，计数器为新的一天显示 0。",
        "Judgement": "与历史比较",
        "The history cannot be fetched: %(error)s": "无法获取历史：%(error)s",
        "%(known)s of the last %(days)s days are known.": "最近 %(days)s 天中，已有 %(known)s 天的历史。",
        "Too few days are known to judge the bot.": "历史太短，无法评估该机器人。",
        "signal": "信号",
        "window": "窗口",
        "expected": "预期",
        "actual": "实际",
        "spread": "标准差",
        "score": "分数",
        "size": "幅度",
        "* over: the newest hours are as usual again": "* 已结束：最近几小时已恢复正常",
        # the choice of tenants and bots
        "%(name)s (%(id)s)": "%(name)s（%(id)s）",
        "%(code)s of tenant %(tenant)s": "%(code)s（%(tenant)s）",
        "%(name)r": "%(name)r",
        "%(name)r (did you mean %(similar)r?)": "%(name)r（是否为 %(similar)r？）",
        "no tenant has the name or id %(name)s; the tenants are: %(known)s": (
            "没有名称或租户ID为%(name)s的租户；已有的租户：%(known)s"
        ),
        "there are several bots; choose one with --bot=ACCESS_CODE or --tenant=NAME: %(bots)s": (
            "有多个机器人，请用 --bot=接入码 或 --tenant=名称 选择：%(bots)s"
        ),
        "several bots have the name %(name)r; choose one with --bot=ACCESS_CODE or --tenant=NAME: %(bots)s": (
            "有多个机器人名为 %(name)r，请用 --bot=接入码 或 --tenant=名称 选择：%(bots)s"
        ),
        "no bot has the name or access code %(name)s; the bots are: %(known)s. With --tenant=NAME, any access code works;"
        " oifde-exporter discover lists them.": (
            "没有名称或接入码为%(name)s的机器人；已有的机器人：%(known)s。加上 --tenant=名称 可以使用任何接入码，"
            "oifde-exporter discover 会列出它们。"
        ),
        "history.days is 0 in the configuration, so nothing is judged": "配置中 history.days 为 0，因此不作评估",
        "--from is after --to, which is yesterday at most": "--from 晚于 --to，而 --to 最晚为昨天",
        # discover
        "access code": "接入码",
        "bot": "机器人",
        "source": "来源",
        "kind": "类型",
        "state": "状态",
        "voice navigation": "语音导航",
        "outbound": "外呼",
        "chatbot": "智能问答",
        "IVR flow": "IVR 流程",
        "configured": "已配置",
        "discovered": "自动发现",
        "not polled": "未采集",
        "%(bound)s bound, %(others)s not polled.": "已绑定 %(bound)s 个，其中 %(others)s 个未采集。",
        "%(code)s is configured, but not bound. Check the access code.": "%(code)s 已配置，但没有绑定，请检查接入码。",
        "Ignored %(rows)s rows: %(reason)s.": "忽略 %(rows)s 行：%(reason)s。",
        # backtest
        "days of bots": "机器人天数",
        "begin": "开始",
        "end": "结束",
        "alert": "告警",
        "number": "次数",
        "per 100\nbot-months": "每 100 个\n机器人月",
        "all": "合计",
        "%(bots)s bots, %(days)s days; %(judged)s days of bots could be judged.": (
            "%(bots)s 个机器人，%(days)s 天；可评估 %(judged)s 个机器人日。"
        ),
        # captures
        "wrote %(path)s; read it before you send it": "已写入 %(path)s；发送之前请先阅读其内容",
        # check --live --watch
        "%(time)s %(where)s: %(what)s": "%(time)s %(where)s：%(what)s",
        "%(where)s: %(what)s": "%(where)s：%(what)s",
        "%(tenant)s, %(bot)s": "%(tenant)s，机器人 %(bot)s",
        "the first answer for %(day)s has %(records)s records, %(others)s of another date": (
            "%(day)s 的首次响应有 %(records)s 条记录，其中 %(others)s 条属于其他日期"
        ),
        "the record of %(hour)s appeared, %(delay)s": "%(hour)s 的记录出现，在%(delay)s",
        "the record of %(hour)s changed, %(delay)s": "%(hour)s 的记录改变，在%(delay)s",
        "No hour with calls ended during the watch. Watch for 2h or more, in the busy part of the day.": (
            "观察期间没有一个有接入的小时结束。请在繁忙时段观察 2h 或更久。"
        ),
        "%(hours)s hours of bots ended: %(early)s had a record before their end, %(late)s after it, %(none)s have none.": (
            "各机器人共有 %(hours)s 个小时结束：%(early)s 个在结束之前已有记录，%(late)s 个在结束之后才有，%(none)s 个没有记录。"
        ),
        "Records appeared %(range)s.": "记录出现的时间：%(range)s。",
        "The last change came %(delay)s.": "最后一次改变在%(delay)s。",
        "No record changed after the end of its hour.": "小时结束之后，没有记录改变。",
        "Use at least settle_delay: %(settle)sm and empty_hour_delay: %(empty)sm.": (
            "配置应不低于 settle_delay: %(settle)sm 和 empty_hour_delay: %(empty)sm。"
        ),
        "The records have no usable dbRecordTime.": "记录中没有可用的 dbRecordTime。",
        "By dbRecordTime, records were stored %(range)s.": "按 dbRecordTime，记录入库的时间：%(range)s。",
        "The report by hour has no record %(ages)s days ago.": "%(ages)s 天前，小时报表都没有记录。",
        "The report by hour has records %(reach)s days ago.": "小时报表有 %(reach)s 天前的记录。",
        "The report by hour has records %(reach)s days ago, and none %(beyond)s days ago.": (
            "小时报表有 %(reach)s 天前的记录，没有 %(beyond)s 天前的记录。"
        ),
        "%(time)s after the end of the hour": "小时结束之后 %(time)s",
        "%(time)s before the end of the hour": "小时结束之前 %(time)s",
        "%(first)s to %(last)s": "%(first)s 到 %(last)s",
        "There is no bot to watch.": "没有可观察的机器人。",
        "Watching %(bots)s, every %(n)s s.": "观察 %(bots)s，每 %(n)s 秒一次。",
        # errors of a configuration
        "%(place)s: %(problem)s": "%(place)s: %(problem)s",
        "%(problem)s; %(advice)s": "%(problem)s；%(advice)s",
        "%(problem)s (%(where)s)": "%(problem)s（%(where)s）",
        "%(problem)s (%(place)s)": "%(problem)s（%(place)s）",
        "in %(folder)s": "位于 %(folder)s",
        "did you mean %(name)s?": "是否为 %(name)s？",
        "use one of %(values)s": "可选值：%(values)s",
        "remove it": "请删除",
        "name another file with --config.file, write one as config.example.yaml and docs/configuration.md show, or try the"
        " exporter without one: oifde-exporter demo": (
            "请用 --config.file 指定其他文件，或参照 config.example.yaml 和 docs/zh/configuration.md 编写；"
            "没有配置也可以试用：oifde-exporter demo"
        ),
        "%(variable)s contains the YAML itself; to name a file, set %(variable)s_FILE": (
            "%(variable)s 的内容是 YAML 本身；要指定文件，请设置 %(variable)s_FILE"
        ),
        "the file is empty; write at least %(key)s": "文件为空，至少要写 %(key)s",
        "`key: value` lines are expected": "应为 `key: value` 形式的行",
        "`key: value` lines are expected, at least %(key)s": "应为 `key: value` 形式的行，至少要有 %(key)s",
        "the text is not UTF-8; save the file in that encoding": "文本不是 UTF-8 编码，请用该编码保存文件",
        "the text contains a control character (U+%(code)04X); remove it": "文本含有控制字符（U+%(code)04X），请删除",
        "the text is not YAML: %(problem)s; %(hint)s": "文本不是 YAML：%(problem)s；%(hint)s",
        "%(problem)s that began on line %(line)s": "%(problem)s（开始于第 %(line)s 行）",
        "between { and }, put ${NAME} in quotes": "在 { 和 } 之间，请给 ${NAME} 加引号",
        "look for a wrong indent, a tab or a missing quote, here or above": "请检查此处或上方是否缩进错误、有制表符或缺少引号",
        "the key ends with the full-width colon %(colon)s (U+%(code)04X); write a : and a blank": (
            "键以全角冒号 %(colon)s（U+%(code)04X）结尾，请改为半角冒号加空格"
        ),
        "a second document begins; keep one, and remove the --- before the other": (
            "这里开始了第二个文档，只能保留一个，请删除另一个及其前面的 ---"
        ),
        "aliases expand to more than %(most)s values; use fewer": "别名展开后超过 %(most)s 个值，请减少",
        "the nesting is deeper than %(most)s levels": "嵌套超过 %(most)s 层",
        "an alias has no anchor above it; if the * is part of a text, put the text in quotes": (
            "别名之前没有对应的锚点；如果 * 是文本的一部分，请给文本加引号"
        ),
        "an alias is inside its own anchor": "别名位于它自己的锚点之内",
        "a key is not text; write `key: value`": "键不是文本，请写成 `key: value`",
        "<< takes an alias of a mapping, or a list of them": "<< 的值应为映射的别名，或其列表",
        "duplicate key, first on line %(first)s; keep one": "键重复，第一次出现在第 %(first)s 行，请保留一个",
        "the environment does not set %(names)s; set it, or write $$ for a dollar": (
            "环境变量 %(names)s 没有设置，请设置；如果是美元符号，请写 $$"
        ),
        "${ begins the name of a variable, as in ${NAME}; write $$ for a dollar": (
            "${ 是变量名的开头，如 ${NAME}；如果是美元符号，请写 $$"
        ),
        "the environment sets %(names)s to bytes that are not UTF-8; set it to text": (
            "环境变量 %(names)s 的值不是 UTF-8 文本，请改为文本"
        ),
        "quote it: %(line)s": "请加引号：%(line)s",
        "YAML reads %(text)s as no value; write one, remove the key, or %(quote)s": (
            "YAML 把 %(text)s 读作空值；请写一个值，或删除该键；如果是文本，%(quote)s"
        ),
        "YAML reads the ! at the beginning as a tag; to write text, put it in quotes": (
            "YAML 把开头的 ! 读作标签；如果是文本，请加引号"
        ),
        "YAML reads %(text)s as %(reading)s; %(quote)s": "YAML 把 %(text)s 读作%(reading)s；%(quote)s",
        "YAML reads the value as %(reading)s; put it in quotes": "YAML 把该值读作%(reading)s，请加引号",
        "the number %(value)s": "数字 %(value)s",
        "true or false": "布尔值 true 或 false",
        "a date": "日期",
        "the value is missing; write one, or remove the key": "缺少值，请写一个，或删除该键",
        "the key is missing; write %(what)s": "缺少该键，请写%(what)s",
        "the platforms to report on": "要采集的平台",
        "the platform's URL up to /oifde/rest/api, like https://host:port or https://host/prefix": (
            "平台的 URL，到 /oifde/rest/api 之前为止，如 https://host:port 或 https://host/prefix"
        ),
        "the tenants of this platform": "该平台的租户",
        "the tenant's id on the platform, in quotes": "平台上的租户ID，要加引号",
        "how the exporter logs in for this tenant": "该租户的登录方式",
        "the bot's access code on the platform, in quotes": "平台上该机器人的接入码，要加引号",
        "unknown key; did you mean %(name)s?": "未知的键，是否为 %(name)s？",
        "unknown key; remove it, or use one of %(keys)s": "未知的键，请删除，或改用：%(keys)s",
        "unknown key here; it belongs at the top level": "键的位置不对，它属于最顶层",
        "unknown key here; it belongs in %(block)s": "键的位置不对，它属于 %(block)s",
        "a block is expected; write `key: value` lines, indented under the key": (
            "应为一个块，请在该键下方缩进书写 `key: value` 行"
        ),
        "a block is expected; write `name: value` lines, indented under the key": (
            "应为一个块，请在该键下方缩进书写 `name: value` 行"
        ),
        "a list is expected; write each item on a line that begins with `- `": "应为列表，请每项一行，以 `- ` 开头",
        "the list is empty; write at least one item": "列表为空，至少要写一项",
        "text is expected, not a list or a block": "应为文本，而不是列表或块",
        "the value is empty": "值为空",
        "a whole number is expected": "应为整数",
        "a number is expected": "应为数字",
        "true or false is expected": "应为 true 或 false",
        "the value must be %(ge)s or more": "值不能小于 %(ge)s",
        "the value must be more than %(gt)g": "值必须大于 %(gt)g",
        "unknown value; write %(expected)s": "未知的值，可选值：%(expected)s",
        "the unit is missing; write %(value)ss for seconds, or use ms, m, h, d, w or y": (
            "缺少单位；秒请写 %(value)ss，也可以用 ms、m、h、d、w、y"
        ),
        "a duration is a whole number with a unit, like 500ms, 60s, 10m, 1h30m or 1d": (
            "时长应为带单位的整数，如 500ms、60s、10m、1h30m、1d"
        ),
        "a duration is expected; write whole numbers with units, the largest first, like 500ms, 60s or 1h30m": (
            "应为时长，请写带单位的整数，大单位在前，如 500ms、60s、1h30m"
        ),
        "the duration is too long; the maximum is 100y": "时长过长，最长为 100y",
        "the duration is too long; the maximum is 24h": "时长过长，最长为 24h",
        "the duration must be longer than 0": "时长必须大于 0",
        "the interval is too short; the minimum is 1s": "间隔过短，最短为 1s",
        "unknown IANA time zone; %(hint)s": "未知的 IANA 时区；%(hint)s",
        "write one like Asia/Shanghai": "请参照 Asia/Shanghai 的写法",
        "an offset does not say when daylight saving begins; write the name of a place, like Asia/Shanghai": (
            "时差不能说明夏令时从何时开始，请写地名，如 Asia/Shanghai"
        ),
        "a date is expected; write it like 2026-12-24": "应为日期，请参照 2026-12-24 的写法",
        "a URL is expected; write https://host:port": "应为 URL，请写 https://host:port",
        "the URL of a server is expected; write http://host:port or https://host:port": (
            "应为服务器的 URL，请写 http://host:port 或 https://host:port"
        ),
        "the URL must not contain a user or a password; write them under auth": "URL 中不能有用户名和密码，请写在 auth 中",
        "the URL must not contain a query or a fragment; remove the part from ? or #": (
            "URL 中不能有查询参数和锚点，请删除 ? 或 # 及其后的部分"
        ),
        "the URL must not contain spaces or control characters": "URL 中不能有空格和控制字符",
        "the URL %(problem)s; write it in ASCII": "URL %(problem)s，请用 ASCII 字符书写",
        "the exporter appends %(path)s; remove it": "exporter 会自动加上 %(path)s，请删除",
        "the label name is invalid; use letters, digits and _, and no digit first": (
            "标签名无效，只能用字母、数字和 _，且不能以数字开头"
        ),
        "the label name is invalid; Prometheus reserves names that begin with __": (
            "标签名无效，以 __ 开头的名称由 Prometheus 保留"
        ),
        "the exporter sets this label itself; choose another name": "该标签由 exporter 自己设置，请换一个名称",
        "the value %(problem)s; remove it, or write it in ASCII": "该值%(problem)s，请删除，或用 ASCII 字符书写",
        "the value must not contain line breaks or other control characters": "值中不能有换行和其他控制字符",
        "the regular expression is invalid": "正则表达式无效",
        "the regular expression is invalid; look at character %(place)s": "正则表达式无效，请检查第 %(place)s 个字符",
        "the regular expression is invalid; it is too long or repeats too much": "正则表达式无效，过长或重复过多",
        "the file name is invalid": "文件名无效",
        "the file has no certificates in PEM format": "文件中没有 PEM 格式的证书",
        "the folder does not exist (%(place)s); create it, or correct the name": (
            "文件夹不存在（%(place)s），请创建，或改正名称"
        ),
        "the value must be 0, or from %(least)s to %(most)s": "值必须为 0，或 %(least)s 到 %(most)s",
        "unknown country; %(hint)s": "未知的国家；%(hint)s",
        "write its ISO 3166-1 code, like CN": "请写 ISO 3166-1 代码，如 CN",
        "no part of the country with this code has its own holidays; %(fix)s": "该国没有此代码的、有自己节假日的地区；%(fix)s",
        "cert_file and key_file must be a certificate and its unencrypted key, in PEM format": (
            "cert_file 和 key_file 必须是 PEM 格式的证书及其未加密的私钥"
        ),
        "the list is empty; write at least one bot": "列表为空，至少要写一个机器人",
        "the key is missing; write the bots to report on": "缺少该键，请写要采集的机器人",
        "%(problem)s, or discovery: {} to find them": "%(problem)s，或写 discovery: {} 来自动发现",
        "%(problem)s, or enable discovery": "%(problem)s，或启用 discovery",
        "%(other)s has the same name; give each platform its own": "%(other)s 的名称相同，每个平台的名称必须不同",
        "%(other)s has the same host, the default name; give both platforms a name": (
            "%(other)s 的主机相同，而默认以主机为名称，请给两个平台各取一个名称"
        ),
        "auth takes exactly one of %(keys)s; found %(found)s": "auth 中只能写 %(keys)s 之一，实际有：%(found)s",
        "%(key)s needs %(partner)s beside it": "%(key)s 需要与 %(partner)s 一起设置",
        "%(other)s is the same tenant; merge the two": "%(other)s 是同一个租户，请合并",
        "%(other)s is the same tenant, and discovery may find the same bots; list them, without discovery": (
            "%(other)s 是同一个租户，自动发现可能找到相同的机器人，请逐个列出机器人，不用自动发现"
        ),
        "%(other)s is the same bot; remove one": "%(other)s 是同一个机器人，请删除一个",
        "settle_delay is longer than empty_hour_delay; shorten it, or lengthen the other": (
            "settle_delay 大于 empty_hour_delay，请减小前者，或增大后者"
        ),
        "empty_hour_delay is shorter than settle_delay, which defaults to %(default)s; lengthen it": (
            "empty_hour_delay 小于 settle_delay（默认为 %(default)s），请增大"
        ),
        "duplicate report; remove one": "报表重复，请删除一个",
    }
)
