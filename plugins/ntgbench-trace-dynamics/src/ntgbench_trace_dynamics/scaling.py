"""The log-scale diagram of packet counts: their variability at every time scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BINS = 1 << 14
"""Bins of the span that packets are counted in."""

FEWEST = 8
"""Coefficients that an octave has at least: the last one is octave 11."""


def diagrams(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:
    """`diagram`, and after the semi-experiments `diagram_starts`, `diagram_gaps`: mean distance of two diagrams.

    Each trace is counted in bins of its own span. The draws of a semi-experiment are the same for both traces.
    """
    if not (real.span_ns and synthetic.span_ns):
        side = "synthetic" if real.span_ns else "real"
        reason = f"the packets of the {side} trace have one time, so there are no time scales"
        return dict.fromkeys(("diagram", "diagram_starts", "diagram_gaps"), reason)
    both: list[dict[str, Floats]] = []
    for trace in (real, synthetic):
        begin, span = int(trace.time_ns.min()), trace.span_ns
        times = {
            "diagram": trace.time_ns - begin,
            "diagram_starts": starts_redrawn(trace, np.random.default_rng([seed, 1])),
            "diagram_gaps": gaps_shuffled(trace, np.random.default_rng([seed, 2])),
        }
        both.append({name: diagram(counts(time, span)) for name, time in times.items()})
    return {name: float(np.abs(both[0][name] - both[1][name]).mean()) for name in both[0]}


def counts(time: Numbers, span: int) -> Numbers:
    """Packets in each of `BINS` equal bins of 0..span, int64 (BINS,); the last bin holds its end. Integers only."""
    whole, rest = divmod(span, BINS)
    bins = np.arange(1, BINS)
    # The first time of bin k is k span / BINS, rounded up; the product itself may not fit 64 bits.
    edges = bins * whole + -(-bins * rest // BINS)
    below = np.searchsorted(np.sort(time), edges)
    return np.diff(below, prepend=0, append=len(time))


def energies(values: npt.NDArray[np.number]) -> tuple[Floats, Numbers]:
    """Mean squared Haar detail coefficients of `values`, octave by octave from the finest, and their numbers.

    An octave j has len(values) / 2**j coefficients: the sum of 2**(j-1) values minus that of the next ones, divided by
    2**(j/2). Octaves with fewer than `FEWEST` are left out. Of uncorrelated values each energy is their variance.
    """
    found, numbers = [], []
    scale = 2
    while len(values) // 2 >= FEWEST:
        first, second = values[0::2], values[1::2]
        found.append(float(np.mean(np.square((first - second).astype(np.float64)))) / scale)
        numbers.append(len(first))
        values, scale = first + second, 2 * scale
    return np.array(found), np.array(numbers)


def diagram(packets: Numbers) -> Floats:
    """log2 of the energies of packet counts in `BINS` bins, octaves 1 to 11.

    An energy of 0, of counts that are all the same, stands as 1 / BINS: no other energy of whole numbers is less.
    """
    return np.log2(np.maximum(energies(packets)[0], 1 / BINS))


def starts_redrawn(trace: PacketTrace, rng: np.random.Generator) -> Numbers:
    """Times of the packets in ns after the trace's begin when each flow starts at random and is the same inside.

    Flow by flow. Starts are uniform where the whole flow fits in the span (Hohn, Veitch & Abry 2003, A-Pois).
    """
    flows = trace.flows
    time = trace.time_ns[flows.order]
    start, end = time[flows.first], time[flows.last]
    drawn = (rng.random(len(flows)) * (trace.span_ns - (end - start) + 1)).astype(np.int64)
    times: Numbers = time + np.repeat(drawn - start, flows.count)
    return times


def gaps_shuffled(trace: PacketTrace, rng: np.random.Generator) -> Numbers:
    """Times of the packets in ns after the trace's begin when the gaps inside each flow are put in a random order.

    Flow by flow. Starts and ends of flows stay (Hohn, Veitch & Abry 2003, P-shuffling of gaps).
    """
    flows = trace.flows
    gaps, flow = flows.gaps_ns(trace.time_ns)
    # Keys that sort by flow first. Two draws that are equal once added keep their order.
    shuffled = gaps[np.argsort(flow + rng.random(len(gaps)), kind="stable")]
    steps = np.zeros(len(trace), np.int64)
    inside = np.ones(len(trace), bool)
    inside[flows.first] = False
    steps[inside] = shuffled
    after = np.cumsum(steps)
    start = trace.time_ns[flows.heads()] - trace.time_ns.min()
    times: Numbers = after + np.repeat(start - after[flows.first], flows.count)
    return times


@dataclass(frozen=True)
class Slope:
    """Slope of a diagram, and the half width of its 95% interval; 2 H - 1 for fractional Gaussian noise."""

    value: float
    error: float

    @property
    def hurst(self) -> float:
        """The Hurst exponent that such a slope means."""
        return (self.value + 1) / 2


def slope(values: npt.NDArray[np.number], first: int = 1) -> Slope:
    """Slope of log2 energy over the octaves from `first` on, by weighted least squares; the energies are not 0.

    Veitch & Abry (IEEE Trans. Information Theory 45(3), 1999), equations 10 to 12: log2 of a mean of n squares is too
    low by g(n) = digamma(n/2) / ln 2 - log2(n/2), and varies by zeta(2, n/2) / ln(2)**2, which weighs the octaves.
    """
    from scipy.special import digamma, zeta

    energy, number = (one[first - 1 :] for one in energies(values))
    octave = np.arange(first, first + len(energy))
    height = np.log2(energy) - (digamma(number / 2) / np.log(2) - np.log2(number / 2))
    weight = np.log(2) ** 2 / zeta(2, number / 2)
    around = octave - np.average(octave, weights=weight)
    spread = float((weight * around**2).sum())
    return Slope(float((weight * around * height).sum()) / spread, 1.96 / np.sqrt(spread))
