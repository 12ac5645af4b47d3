"""The result of judging one bot: a poll makes it, and the metrics and the status page show it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from exporter.judging.judge import Signal
from exporter.judging.usual import Expected


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a bot differs from its usual behaviour now.

    ``history_seconds`` counts whole known days of its past. ``expected`` belongs to the hour that ``Snapshot.hour`` shows.
    ``expect_today`` computes the expected values of the local day's hours, by the start of each hour in epoch seconds, for
    charts.
    """

    history_seconds: float
    expected: Expected | None = None
    signals: Mapping[str, Signal] = field(default_factory=dict)
    expect_today: Callable[[], Mapping[float, Expected]] = field(default=dict, compare=False)

    @property
    def worst(self) -> tuple[str, Signal] | None:
        """The name of the signal with the highest score, and the signal; None if no score is above 0."""
        name = max(self.signals, key=lambda name: self.signals[name].score, default=None)
        return (name, self.signals[name]) if name is not None and self.signals[name].score > 0 else None
