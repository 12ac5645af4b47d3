"""Expressions that count a bot once, however many exporters show it.

Two replicas, or a pod and the one that replaces it, show the same bot with different ``instance`` and ``pod``, so every
expression begins with the highest value per ``tenant_id`` and ``access_code``.
"""

from typing import Final

BOTS: Final = 'tenant_id=~"$tenant"'
"""Selects the bots of the tenants chosen on a dashboard."""

BOT: Final = 'tenant_id="$tenant", access_code="$bot"'
"""Selects the one bot that is chosen."""

PLATFORM: Final = 'platform=~"$platform"'

_BOT: Final = "tenant_id, access_code"

SOLVED: Final = "contained"
AFTER_CONSULTING: Final = "consulted_transfer"
DIRECTLY: Final = "direct_transfer"
LEFT: Final = "immediate_exit"
TO_AGENTS: Final = f"{DIRECTLY}|{AFTER_CONSULTING}"
JUDGED: Final = f"{TO_AGENTS}|{SOLVED}"
"""The outcomes of callers who consulted the bot: what autonomy is a share of."""


def once(selector: str) -> str:
    """A bot's gauge, once per bot."""
    return f"max by ({_BOT}) ({selector})"


def outcome(which: str, bots: str, offset: str = "") -> str:
    """The calls of the last complete hour with these outcomes (``a|b``), once per bot; ``offset`` as " offset 1w"."""
    selector = f'oifde_hour_call_outcomes{{{bots}, outcome=~"{which}"}}{offset}'
    return f"sum by ({_BOT}) (max by ({_BOT}, outcome) ({selector}))"


def of_all(part: str, whole: str) -> str:
    """A share of two sums; without a value where there is nothing to be a share of."""
    return f"sum({part}) / (sum({whole}) > 0)"


def of_each(part: str, whole: str) -> str:
    """A share for each bot; without a value where there is nothing to be a share of."""
    return f"{part} / ({whole} > 0)"


def with_tenant(expression: str) -> str:
    """The tenant's name as the label ``tenant``, put to an expression with ``tenant_id``."""
    names = "topk by (tenant_id) (1, max by (tenant_id, tenant) (oifde_bot_info))"
    return f"({expression}) * on (tenant_id) group_left (tenant) {names}"


def bots(*labels: str, where: str = BOTS) -> str:
    """1 for each bot, with further labels of ``oifde_bot_info``; once also while a bot is being renamed."""
    further = "".join(f", {label}" for label in labels)
    return f"topk by ({_BOT}) (1, max by ({_BOT}{further}) (oifde_bot_info{{{where}}}))"


def for_each_bot(expression: str) -> str:
    """An expression by bot with NaN for the bots it has nothing for.

    Grafana cannot match a table's queries by their labels if one of them has no series at all, and so no labels.
    """
    return f"{expression} or {bots()} * NaN"


def of_platforms(expression: str) -> str:
    """Select the bots on the chosen platforms, and add the label ``platform``."""
    return f"({expression}) * on ({_BOT}) group_left (platform) {bots('platform', where=PLATFORM)}"
