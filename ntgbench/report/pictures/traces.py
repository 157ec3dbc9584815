"""Pictures of header traces, the real one beside synthetic ones: rate, gaps, sizes of flows, time scales, delays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ntgbench.profiles import EDGES, unpacked
from ntgbench.report.charts import Axis, Counts, Line, histogram, lines
from ntgbench.report.charts.scales import amount
from ntgbench.report.pictures.kinds import MOST_SERIES
from ntgbench.row_schema import Profile
from ntgbench.tracks.headers.profile import OCTAVES, SCALE_BINS, STEPS

PARTS = frozenset(("rate", "gaps", "flow_sizes", "scales", "delays"))
"""Parts of a profile that are drawn."""

REAL = "real trace"
"""What the real one is called: a system may be called `real`."""

MOST_ROWS = 12
"""Places of a curve whose numbers are told as text."""

Points = tuple[tuple[float, float], ...]


Trace = tuple[str, Profile]
"""Name of a system, and its profile."""


@dataclass(frozen=True)
class Curve:
    """One picture: a line for the real trace, which is a reference, and for each system."""

    part: str
    title: str
    x: Axis
    y: Axis
    series: tuple[Line, ...]

    def svg(self, seconds: float) -> str:
        """The picture; `seconds` are the time that the rate is told of."""
        about = f"{self.title} of the real trace beside synthetic ones"
        if self.part != "rate":
            return lines(self.series, self.x, self.y, about)
        edges = [i * seconds / STEPS for i in range(STEPS + 1)]
        heights = [Counts(one.name, tuple(y for _, y in one.points), one.reference) for one in self.series]
        return histogram(edges, heights, self.x, self.y, about)

    def rows(self) -> list[tuple[str, list[str]]]:
        """Some of its numbers: where on the x axis, and the numbers of all series there."""
        known = [dict(one.points) for one in self.series]
        places = sorted(set().union(*known))
        return [
            (f"{self.title}, {self.x.title}: {amount(x)}", [amount(y[x]) if x in y else "" for y in known])
            for x in places[:: -(-len(places) // MOST_ROWS) or 1]
        ]


def drawable(found: Sequence[Trace]) -> list[Trace]:
    """Those that one picture shows: of the same real trace as the first one, and at most `MOST_SERIES`."""
    return [one for one in found if one[1]["real"] == found[0][1]["real"]][:MOST_SERIES]


def drawn(found: Sequence[Trace]) -> list[tuple[str, str, str]]:
    """Name, title and SVG of each picture of traces that are `drawable` together."""
    return [(one.part, one.title, one.svg(_seconds(found))) for one in curves(found)]


def curves(found: Sequence[Trace]) -> list[Curve]:
    """The pictures of traces that are `drawable` together; none where there is no trace."""
    if not found:
        return []

    def series(part: str, points: Callable[[str], Points]) -> tuple[Line, ...]:
        made = [Line(name, points(one["synthetic"][part])) for name, one in found]
        return (Line(REAL, points(found[0][1]["real"][part]), reference=True), *made)

    def axis(title: str) -> Axis:
        return Axis(title, log=True)

    longer = axis("share as long or longer")
    octave = Axis(f"octave of {SCALE_BINS:,} bins of the span", whole=True, low=1.0, high=float(OCTAVES))
    flows, share = axis("packets of a flow"), axis("share of flows with as many or more")
    gap, wait = axis("milliseconds from one packet to the next"), axis("milliseconds that a packet waits")
    seconds, rate = Axis("seconds", low=0.0), Axis("packets per second", low=0.0)
    energy = Axis("log2 of the energy of packet counts")
    return [
        Curve("rate", "Packets over time", seconds, rate, series("rate", _rate(_seconds(found)))),
        Curve("gaps", "Gaps between packets", gap, longer, series("gaps", _above(1e-6, 96))),
        Curve("flow-sizes", "Sizes of flows", flows, share, series("flow_sizes", _above(1.0, 1))),
        Curve("scales", "Log-scale diagram", octave, energy, series("scales", _energies)),
        Curve("delays", "Delays in a queue at 80% load", wait, longer, series("delays", _above(1e-6, 1024))),
    ]


def _seconds(found: Sequence[Trace]) -> float:
    return found[0][1]["scale"].get("seconds", 0.0)


def _rate(span: float) -> Callable[[str], Points]:
    """Packets per second in each step."""
    step = span / STEPS
    return lambda text: tuple(
        (i * step, count / step if step else 0.0) for i, count in enumerate(unpacked(text, STEPS))
    )


def _above(unit: float, least: int) -> Callable[[str], Points]:
    """The share of values that are not below each edge of their bins, for edges from `least` on."""

    def points(text: str) -> Points:
        counts = unpacked(text, len(EDGES) + 1)
        above = list(accumulate(counts[:0:-1]))[::-1]
        return tuple(
            (edge * unit, count / sum(counts))
            for edge, count in zip(EDGES, above, strict=True)
            if count and edge >= least
        )

    return points


def _energies(text: str) -> Points:
    """log2 of the mean squared Haar details of each octave; 0 stands as 1 / `SCALE_BINS`, as in the suite `scaling`."""
    sums = unpacked(text, OCTAVES) if text else []
    means = [total / (SCALE_BINS >> octave) / 2**octave for octave, total in enumerate(sums, 1)]
    return tuple((float(octave), math.log2(max(one, 1 / SCALE_BINS))) for octave, one in enumerate(means, 1))
