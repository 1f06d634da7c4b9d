"""Rows, contestants and bars, and how they are measured: interleaved, and compared run by run."""

import dataclasses
import math
import statistics
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]  # a part of result.json
Values = dict[str, float]
Measure = Callable[[], Values]


@dataclasses.dataclass
class Contestant:
    """One side of a row. `side` is ours, peer, limit or old."""

    name: str
    side: str
    measure: Measure
    values: dict[str, list[float]] = dataclasses.field(default_factory=dict)

    def take(self) -> None:
        """Measures once. A name that is missing in one run is missing in all that is said of it."""
        for name, value in self.measure().items():
            if not math.isfinite(value):
                raise ValueError(f"{self.name}: {name} is {value}")
            self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        return statistics.median(self.values[name])


@dataclasses.dataclass
class Bar:
    """What a row must reach: the best of `ours` against the best of `against`, or against a figure.

    A relation ">=" takes the largest of several, "<=" the smallest. Ratios are those of one run;
    the median of them counts.
    """

    text: str
    ours: tuple[str, ...]
    goal: float
    against: tuple[str, ...] = ()
    relation: str = ">="
    value: str = "rate"
    against_value: str = "rate"
    scale: float = 1.0

    def ratios(self, contestants: dict[str, Contestant]) -> list[float]:
        best = max if self.relation == ">=" else min
        mine = [best(run) for run in zip(*[contestants[name].values[self.value]
                                           for name in self.ours])]
        if not self.against:
            return [value * self.scale for value in mine]
        theirs = [best(run) for run in zip(*[contestants[name].values[self.against_value]
                                             for name in self.against])]
        # The old way may keep nothing of a run: there is no ratio to nothing.
        ratios = [value * self.scale / other for value, other in zip(mine, theirs) if other > 0]
        if not ratios:
            raise ValueError(f"{self.text}: nothing to compare with")
        return ratios

    def met(self, ratios: list[float]) -> bool:
        middle = statistics.median(ratios)
        return middle >= self.goal if self.relation == ">=" else middle <= self.goal


@dataclasses.dataclass
class Row:
    """Contestants that are measured in turns, and the bars between them."""

    name: str
    title: str
    unit: str
    contestants: list[Contestant]
    bars: list[Bar] = dataclasses.field(default_factory=list)
    in_order: bool = False  # a contestant goes on from what the one before it has made
    shown: str = "rate"  # the value that tables and plots show
    once: bool = False  # too long to repeat
    remark: str = ""
    error: str = ""

    def measure(self, runs: int) -> None:
        for run in range(1 if self.once else runs):
            # Nobody always comes after the same neighbour, whose pages the disk may still write.
            turn = 0 if self.in_order else run % len(self.contestants)
            for contestant in self.contestants[turn:] + self.contestants[:turn]:
                contestant.take()

    def by_name(self) -> dict[str, Contestant]:
        return {contestant.name: contestant for contestant in self.contestants}

    def as_json(self) -> Json:
        contestants = [{
            "name": contestant.name,
            "side": contestant.side,
            "values": contestant.values,
            "medians": {name: contestant.median(name) for name in contestant.values},
        } for contestant in self.contestants]
        bars = []
        if not self.error:
            for bar in self.bars:
                ratios = bar.ratios(self.by_name())
                bars.append({"text": bar.text, "goal": bar.goal, "relation": bar.relation,
                             "ours": bar.ours, "against": bar.against, "value": bar.value,
                             "against_value": bar.against_value,
                             "ratio": statistics.median(ratios), "ratios": ratios,
                             "met": bar.met(ratios)})
        return {"name": self.name, "title": self.title, "unit": self.unit, "shown": self.shown,
                "remark": self.remark, "error": self.error, "contestants": contestants,
                "bars": bars}
