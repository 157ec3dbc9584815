"""Pictures of header traces, the real one beside synthetic ones: rate, gaps, sizes of flows, time scales, delays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from ntgbench.profiles import EDGES, unpacked
from ntgbench.report.charts import Axis, Line, lines
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
    span = known["scale"].get("span_ns", 0) / 1e9

    def series(part: str, points: object) -> list[Line]:
        sides = [("real", known["real"], True), *((name, one["synthetic"], False) for name, _, one in some)]
        return [Line(name, points(side[part]), reference=real) for name, side, real in sides]  # type: ignore[operator]

    share = Axis("share that is longer", log=True)
    told = "of the real trace beside synthetic ones"
    return [
        (
            "rate",
            "Packets over time",
            lines(
                series("rate", lambda text: _rate(text, span)),
                Axis("seconds", low=0.0),
                Axis("packets per second", low=0.0),
                f"Packets per second {told}",
            ),
        ),
        (
            "gaps",
            "Gaps between packets",
            lines(
                series("gaps", lambda text: _above(text, 1e-6)),
                Axis("milliseconds from one packet to the next", log=True),
                share,
                f"Gaps between packets {told}",
            ),
        ),
        (
            "flow-sizes",
            "Packets of a flow",
            lines(
                series("flow_sizes", lambda text: _above(text, 1.0)),
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
                series("delays", lambda text: _above(text, 1e-6)),
                Axis("milliseconds that a packet waits", log=True),
                share,
                f"Delays in a queue {told}",
            ),
        ),
    ]


def _rate(text: str, span: float) -> Points:
    """Packets per second at the middle of each step."""
    step = span / STEPS
    return tuple(((i + 0.5) * step, count / step) for i, count in enumerate(unpacked(text, STEPS)) if step)


def _above(text: str, unit: float) -> Points:
    """The share of values that are not below each edge of their bins, from the last edge that all reach."""
    counts = unpacked(text, len(EDGES) + 1)
    total = sum(counts)
    above = list(accumulate(counts[:0:-1]))[::-1]
    points = [(edge * unit, count / total) for edge, count in zip(EDGES, above, strict=True) if count]
    below = [at for at, (_, share) in enumerate(points) if share == 1.0]
    return tuple(points[below[-1] if below else 0 :])


def _energies(text: str) -> Points:
    """log2 of the mean squared Haar details of each octave; an energy of 0 stands as 1 / `SCALE_BINS`, as in the suite
    `scaling`."""
    sums = unpacked(text, OCTAVES) if text else []
    means = [total / (SCALE_BINS >> octave) / 2**octave for octave, total in enumerate(sums, 1)]
    return tuple((float(octave), math.log2(max(one, 1 / SCALE_BINS))) for octave, one in enumerate(means, 1))
