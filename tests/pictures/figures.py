"""Numbers and times as the panels write them."""

from datetime import UTC, datetime

_SI = ((1e9, "Bil"), (1e6, "Mil"), (1e3, "K"))
_BYTES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
_TIMES = ((86400, "days"), (3600, "hours"), (60, "mins"), (1, "s"), (1e-3, "ms"))


def written(value: float, unit: str, decimals: int | None, now: float) -> str:
    """A value with its unit, by Grafana's name for it; ``now`` in epoch seconds."""
    match unit:
        case "percentunit":
            text = f"{value * 100:z.{1 if decimals is None else decimals}f}%"
        case "dateTimeFromNow":
            text = f"{_scaled(now - value / 1000, _TIMES, 0)} ago"
        case "s":
            text = _scaled(value, _TIMES, decimals) if abs(value) > 1e-9 else "0 s"
        case "bytes":
            text = _scaled(value, _BYTES, decimals)
        case "reqps":
            text = f"{_plain(value, decimals)} req/s"
        case "short":
            text = _scaled(value, _SI, decimals)
        case _:
            text = _plain(value, decimals)
    return text


def _scaled(value: float, steps: tuple[tuple[float, str], ...], decimals: int | None) -> str:
    for size, name in steps:
        if abs(value) >= size:
            return f"{_plain(value / size, 1 if decimals is None else decimals)} {name}"
    return _plain(value, decimals)


def _plain(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:z.{decimals}f}"  # no figure is -0
    return f"{value:.0f}" if value == round(value) else f"{value:.3g}"


def clock(at: float, length: float) -> str:
    """A moment on the axis of a panel that shows ``length`` seconds."""
    moment = datetime.fromtimestamp(at, UTC)
    if length > 86400:
        return moment.strftime("%d %b %H:%M")
    return moment.strftime("%H:%M" if length > 1800 else "%H:%M:%S")
