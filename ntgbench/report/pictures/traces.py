"""Pictures of header traces, the real one beside synthetic ones: rate, gaps, sizes of flows, time scales, delays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate

from ntgbench.profiles import EDGES, unpacked
from ntgbench.report.charts import Axis, Counts, Line, histogram, lines
from ntgbench.report.pictures.kinds import MOST_SERIES
from ntgbench.row_schema import Profile
from ntgbench.tracks.headers.profile import OCTAVES, SCALE_BINS, STEPS

PARTS = frozenset(("rate", "gaps", "flow_sizes", "scales", "delays"))
"""Parts of a profile that are drawn."""

Points = tuple[tuple[float, float], ...]


def drawn(found: Sequence[tuple[str, bool, Profile]]) -> list[tuple[str, str, str]]:
    """Name, title and SVG of each picture of (system, whether it is a reference, profile); the real trace is grey.

    At most `MOST_SERIES` systems are drawn, those that come first.
    """
    if not found:
        return []
    some = found[:MOST_SERIES]
    known = some[0][2]
    span = known["scale"].get("seconds", 0.0)

    def series(part: str, points: Callable[[str], Points]) -> list[Line]:
        sides = [("real", known["real"], True), *((name, one["synthetic"], False) for name, _, one in some)]
        return [Line(name, points(side[part]), reference=real) for name, side, real in sides]

    share = Axis("share that is longer", log=True)
    told = "of the real trace beside synthetic ones"
    edges = [i * span / STEPS for i in range(STEPS + 1)]
    rates = [Counts(one.name, tuple(y for _, y in one.points), one.reference) for one in series("rate", _rate(span))]
    seconds, rate = Axis("seconds", low=0.0), Axis("packets per second", low=0.0)
    return [
        ("rate", "Packets over time", histogram(edges, rates, seconds, rate, f"Packets per second {told}")),
        (
            "gaps",
            "Gaps between packets",
            lines(
                series("gaps", _above(1e-6, 96)),
                Axis("milliseconds from one packet to the next", log=True),
                share,
                f"Gaps between packets {told}",
            ),
        ),
        (
            "flow-sizes",
            "Packets of a flow",
            lines(
                series("flow_sizes", _above(1.0, 1)),
                Axis("packets of a flow", log=True),
                Axis("share of flows with as many or more", log=True),
                f"Packets of flows {told}",
            ),
        ),
        (
            "scales",
            "Log-scale diagram",
            lines(
                series("scales", _energies),
                Axis(f"octave of {SCALE_BINS:,} bins of the span", whole=True, low=1.0, high=float(OCTAVES)),
                Axis("log2 of the energy of packet counts"),
                f"Variability of packet counts at each time scale {told}",
            ),
        ),
        (
            "delays",
            "Delay in a queue at 80% load",
            lines(
                series("delays", _above(1e-6, 1024)),
                Axis("milliseconds that a packet waits", log=True),
                share,
                f"Delays in a queue {told}",
            ),
        ),
    ]


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
