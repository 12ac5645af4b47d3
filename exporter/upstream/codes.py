"""What the platform's error codes mean, and what an operator can do: for advice, the help page and the documentation.

Source: the vendor's interface reference. It documents the meanings; what to do is inferred.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from exporter.language import Text
from exporter.upstream.errors import ACCOUNT_LOCKED, KEY_UNKNOWN, KEY_WRONG


class CodeMeaning(NamedTuple):
    """An error code in words."""

    meaning: Text
    advice: Text


_LOG_IN_AGAIN: Final = Text(
    "The exporter logs in again by itself. If this stays, check that the secret or the token belongs to this tenant, and"
    " that no other program logs in with it: the platform may end the former token at each login."
)
_INTERNAL: Final = Text("The exporter repeats the request. If this stays, ask the platform's administrator.")
_CHECK_IDS: Final = Text("The platform rejects a parameter of the request: check tenant_id and access_code.")

CODES: Final[Mapping[int, CodeMeaning]] = MappingProxyType(
    {
        KEY_UNKNOWN: CodeMeaning(
            Text("the key does not exist"),
            Text(
                "Check that app_key (default: the tenant_id) is the tenant id or, with header_user, the user of the internal"
                " system."
            ),
        ),
        KEY_WRONG: CodeMeaning(
            Text("the key is wrong"),
            Text(
                "Correct the secret before you try again: each try with a wrong secret brings the account closer to being"
                " locked. The secret is the tenant's third-party password (第三方口令), not that of the web pages."
            ),
        ),
        ACCOUNT_LOCKED: CodeMeaning(
            Text("the account is locked"),
            Text("Ask the platform's administrator to unlock the account, or wait; stop the exporter until then."),
        ),
        900001: CodeMeaning(Text("no token, or an expired one"), _LOG_IN_AGAIN),
        900002: CodeMeaning(Text("the token check failed"), _LOG_IN_AGAIN),
        10000001: CodeMeaning(Text("internal error"), _INTERNAL),
        200900002: CodeMeaning(Text("internal error"), _INTERNAL),
        10000002: CodeMeaning(Text("bad parameter"), _CHECK_IDS),
        10000003: CodeMeaning(Text("missing parameter"), _CHECK_IDS),
        200900003: CodeMeaning(Text("bad or missing parameter"), _CHECK_IDS),
    }
)
"""Logins first."""

SECRET_PATH: Final = "配置中心 > 机器人管理 > 流程设置 > 系统管理 > 系统设置 > API口令设置 > 第三方口令"  # noqa: S105 - its place
"""Where the platform's pages show the app secret."""
