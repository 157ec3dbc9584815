"""What sketches count in a trace: its largest sources and flows, and how wrong sketches are about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ntgbench.traffic.trace import PacketTrace

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HEAVY_SHARE, FEWEST_HEAVY = 0.001, 10
"""Heavy hitters are the largest 0.1% of the keys, and at least ten of them, or all that there are."""

DEPTHS = (1, 2, 4, 8)
"""Rows of the sketches. All sketches have the same memory, so those of more rows have shorter ones."""

USUAL = 4
"""Rows of the sketches whose errors are metrics by themselves."""

LEAST_COUNTERS = 16
"""Counters of a sketch: as many as a quarter of the keys of the real trace, rounded up to a power of two, or these."""

REPEATS = 20
"""Draws of the hashes that an error is averaged over."""


def sketches(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:
    """`hh_*`, `cms_*`, `cs_*` of sources and of flows (5-tuples), and `sketch_ranking`: packets of heavy hitters.

    The error of numbers is the sum of their absolute errors divided by the sum of what they should be. `hh_*`: error of
    the shares of packets that the largest, second largest, ... key has, over the heavy hitters of the real trace.
    `cms_*`, `cs_*`: relative difference between the errors that a count-min sketch (Cormode & Muthukrishnan 2005) and a
    count sketch (Charikar, Chen & Farach-Colton 2002) make about the heavy hitters of each trace (NetShare, Yin et al.
    2022). `sketch_ranking`: Spearman's rank correlation of the errors of count-min and
    count sketches of 1, 2, 4 and 8 rows in the same memory: 1 when they rank the same; the mean of sources and flows.
    """
    from scipy.stats import spearmanr

    values: dict[str, float | str] = {}
    ranks: list[float] = []
    for name, sizes in (("sources", _sources), ("flows", _flows)):
        ours, theirs = sizes(synthetic), sizes(real)
        heavy = theirs[: _heavy(theirs)] / len(real)
        found = np.zeros(len(heavy))
        found[: len(ours)] = ours[: len(heavy)] / len(synthetic)
        values[f"hh_{name}"] = _error(found, heavy)
        errors = _errors(theirs, ours, seed)
        for kind in ("cms", "cs"):
            true, made = errors[f"{kind}{USUAL}"]
            values[f"{kind}_{name}"] = (
                abs(made - true) / true if true else "the sketch makes no error in the real trace"
            )
        true, made = np.array(list(errors.values())).T
        if np.ptp(true) and np.ptp(made):
            ranks.append(float(spearmanr(true, made).statistic))
    values["sketch_ranking"] = (
        float(np.mean(ranks)) if ranks else "all sketches make the same error in one of the traces"
    )
    return values


def _sources(trace: PacketTrace) -> Numbers:
    """Packets of each source address, the largest first."""
    heads = trace.source[trace.flows.heads()]
    packets = np.bincount(codes(heads[:, 0], heads[:, 1]), trace.flows.count)
    return np.sort(packets.astype(np.int64))[::-1]


def _flows(trace: PacketTrace) -> Numbers:
    """Packets of each flow, the largest first."""
    return np.sort(trace.flows.count)[::-1]


def _heavy(sizes: Numbers) -> int:
    return min(max(int(np.ceil(HEAVY_SHARE * len(sizes))), FEWEST_HEAVY), len(sizes))


def _errors(real: Numbers, synthetic: Numbers, seed: int) -> dict[str, list[float]]:
    """Mean error of each sketch ("cms4" has four rows) about the heavy hitters of either trace.

    The hashes are ideal: each key falls anywhere with the same chance, by a seeded draw. Keys are numbered by their
    size, and the n-th largest of both traces draw the same, so addresses do not count and chance hits both alike.
    """
    keys = max(len(real), len(synthetic))
    counters = max(1 << ((len(real) - 1) // 4).bit_length(), LEAST_COUNTERS)
    found: dict[str, list[float]] = {f"{kind}{depth}": [0.0, 0.0] for kind in ("cms", "cs") for depth in DEPTHS}
    rng = np.random.default_rng(seed)
    for depth in DEPTHS:
        for _ in range(REPEATS):
            # The lowest bit is the sign that the count sketch counts a key with.
            rows = [rng.integers(2 * (counters // depth), size=keys) for _ in range(depth)]
            for side, sizes in enumerate((real, synthetic)):
                heavy = sizes[: _heavy(sizes)]
                for kind, estimate in zip(("cms", "cs"), _estimates(sizes, rows, len(heavy)), strict=True):
                    found[f"{kind}{depth}"][side] += _error(estimate, heavy) / REPEATS
    return found


def _error(found: Floats, right: npt.NDArray[np.number]) -> float:
    return float(np.abs(found - right).sum() / right.sum())


def _estimates(sizes: Numbers, rows: list[Numbers], heavy: int) -> Iterator[Floats]:
    """Packets of the `heavy` largest keys: what a count-min sketch tells, then a count sketch; float64 (heavy,)."""
    plain, signed = [], []
    for row in rows:
        place = row[: len(sizes)]
        counted = np.bincount(place, sizes, int(place.max()) // 2 * 2 + 2)
        even, odd = counted[0::2], counted[1::2]
        bucket, negative = place[:heavy] >> 1, place[:heavy] & 1
        plain.append((even + odd)[bucket])
        signed.append((even - odd)[bucket] * (1 - 2 * negative))
    yield np.min(plain, axis=0)
    yield np.median(signed, axis=0)
