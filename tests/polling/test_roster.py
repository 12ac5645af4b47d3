"""The bots of a tenant, from one listing after another."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Bot, Discovery
from exporter.polling.roster import Roster, choose_bots

Names = Mapping[str, str]


def after(*listings: str | Names) -> Roster:
    """Return the roster after some listings; ``"a b"`` lists two bots whose names are their codes."""
    roster = Roster()
    for listed in listings:
        roster = roster.update({code: code for code in listed.split()} if isinstance(listed, str) else listed)
    return roster


@pytest.mark.parametrize(
    ("listings", "bots", "missing", "doubted"),
    [
        ([], "", "", False),
        ([""], "", "", False),
        (["", ""], "", "", False),
        (["", "a"], "a", "", False),
        (["b a"], "a b", "", False),
        (["a", "a b"], "a b", "", False),
        # Removed only after a second listing.
        (["a b", "a"], "a b", "b", False),
        (["a b", "a", "a"], "a", "", False),
        (["a b", "a", "a b"], "a b", "", False),
        (["a b", "a", "a b", "a"], "a b", "b", False),
        (["a b c", "a b", "a c"], "a b c", "b", False),
        (["a b c", "a b", "a"], "a b", "b", False),
        (["a b", "c"], "a b c", "a b", False),
        (["a b", "c", "c"], "c", "", False),
        # The first empty listing is ignored.
        (["a b", ""], "a b", "", True),
        (["a b", "", "a b"], "a b", "", False),
        (["a b", "", "a"], "a b", "b", False),
        (["a b", "", ""], "a b", "a b", False),
        (["a b", "", "", ""], "", "", False),
        (["a b", "", "", "", ""], "", "", False),
        (["a b", "", "", "", "c"], "c", "", False),
        (["a b", "", "", "a"], "a", "", False),
        # A bot that was missing before is still missing.
        (["a b", "a", ""], "a b", "b", True),
        (["a b", "a", "", "a"], "a", "", False),
        (["a", "", "a", ""], "a", "", True),
        (["a", "", "a", "", "a"], "a", "", False),
    ],
)
def test_bots_by_one_listing_after_another(listings: list[str], bots: str, missing: str, doubted: bool) -> None:
    """A single listing removes no bot."""
    roster = after(*listings)

    assert (bots.split(), frozenset(missing.split()), doubted) == (list(roster.names), roster.missing, roster.doubted)


def test_a_new_name_is_used() -> None:
    """A listed name is used at once; a missing bot keeps its last name."""
    roster = after({"a": "Anna", "b": "Bea"}, {"a": "Anne"})

    assert {"a": "Anne", "b": "Bea"} == roster.names


LISTINGS = st.lists(st.dictionaries(st.sampled_from("abcde"), st.sampled_from("xyz")), max_size=8)


def test_an_incomplete_listing_only_adds() -> None:
    """A bot that it lacks neither goes missing nor is removed; one that it has is not missing any more."""
    roster = after("a b c", "a").add({"b": "b", "d": "d"})

    assert (["a", "b", "c", "d"], frozenset("c")) == (list(roster.names), roster.missing)
    assert not after("a", "").add({"b": "b"}).update({}).names.keys() ^ {"a", "b"}


@given(LISTINGS)
def test_any_listings(listings: list[dict[str, str]]) -> None:
    """The bots of the last listing have its names. A bot that two listings in a row lack is dropped, unless both are empty."""
    roster = after(*listings)

    last, before = ([{}, {}, *listings][-1], [{}, {}, *listings][-2])
    assert last.items() <= roster.names.items()
    if last and before:
        assert roster.names.keys() <= last.keys() | before.keys()
    assert roster.missing == roster.names.keys() - last.keys() or roster.doubted
    assert list(roster.names) == sorted(roster.names)


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (".*", "", "1 2 3 4"),
        ("", "", ""),
        ("test", "", ""),
        ("test.*", "", "2"),
        ("(?i)test.*", "", "2 3"),
        (".*test.*", "", "2 4"),
        ("1|2", "", "1 2"),
        (".", "2|3", "1 4"),
        (".*", "(?i).*test.*", "1"),
        (".*", ".*", ""),
        ("账单.*", "", "1"),
    ],
)
def test_the_rules_match_names_and_codes(include: str, exclude: str, expected: str) -> None:
    """Each expression must match a whole name or a whole access code."""
    names = {"1": "账单助手", "2": "test bot", "3": "Test", "4": "latest"}
    rules = Discovery(600, re.compile(include), re.compile(exclude))

    assert expected.split() == [bot.access_code for bot in choose_bots((), names, rules)]


def test_configured_bots_stay_unchanged() -> None:
    """A configured bot keeps its name and labels, whatever the rules say. Another bot may have the same name."""
    own = Bot("1", "mine", {"team": "care"})
    rules = Discovery(600, re.compile(".*"), re.compile("mine|theirs"))

    bots = choose_bots((own,), {"1": "theirs", "2": "bot", "3": "bot", "4": "theirs"}, rules)

    assert (own, Bot("2", "bot", {}), Bot("3", "bot", {})) == bots
