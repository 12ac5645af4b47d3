from datetime import date

import pytest

from exporter.judging.daykinds import Calendar, DayKind


def test_every_day_is_what_its_weekday_says_without_a_calendar() -> None:
    """A Saturday is a rest day, the first of January is not known to be one."""
    calendar = Calendar()

    assert DayKind.REST == calendar.kind(date(2026, 5, 9))
    assert DayKind.WORKING == calendar.kind(date(2026, 1, 1))


@pytest.mark.parametrize(
    ("country", "day", "kind"),
    [
        ("CN", date(2026, 10, 1), DayKind.HOLIDAY),
        ("CN", date(2026, 10, 10), DayKind.WORKING),  # a Saturday that makes up for the holidays
        ("CN", date(2026, 10, 11), DayKind.REST),
        ("US", date(2014, 11, 27), DayKind.HOLIDAY),
        ("US", date(2014, 11, 28), DayKind.SPECIAL),  # alone between a holiday and a weekend
        ("US", date(2014, 12, 30), DayKind.SPECIAL),  # between Christmas and the new year
        ("US", date(2014, 12, 23), DayKind.WORKING),
        ("US", date(2019, 12, 26), DayKind.SPECIAL),  # six days before the new year
        ("US", date(2019, 12, 31), DayKind.SPECIAL),  # six days after Christmas
        ("FR", date(2016, 5, 10), DayKind.WORKING),  # between holidays that are eight days apart
        ("SA", date(2026, 6, 12), DayKind.REST),  # a Friday
        ("SA", date(2026, 6, 14), DayKind.WORKING),  # a Sunday
    ],
)
def test_a_country_knows_holidays_and_swapped_working_days(country: str, day: date, kind: DayKind) -> None:
    """Working weekends, bridge days and other weekends than Saturday and Sunday are known."""
    assert kind == Calendar(country).kind(day)


def test_a_subdivision_has_holidays_of_its_own() -> None:
    """Melbourne has a holiday for a horse race, Sydney has not."""
    cup = date(2015, 11, 3)

    assert DayKind.HOLIDAY == Calendar("AU", "VIC").kind(cup)
    assert DayKind.WORKING == Calendar("AU", "NSW").kind(cup)


def test_special_days_count_before_anything_else() -> None:
    """A user's word stands above the weekday and the country."""
    day = date(2026, 10, 1)

    assert DayKind.SPECIAL == Calendar("CN", special_days=[day]).kind(day)


@pytest.mark.parametrize(("country", "subdivision"), [("XX", ""), ("US", "Bavaria")])
def test_an_unknown_place_is_an_error(country: str, subdivision: str) -> None:
    """A typing error does not pass for a country without holidays."""
    with pytest.raises(ValueError, match=subdivision or country):
        Calendar(country, subdivision)
