"""The load of a link over time: packets and bytes in equal bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Series = npt.NDArray[np.float64]

BINS = 200
"""Equal bins of the real trace's span."""


@dataclass(frozen=True, eq=False)
class Load:
    """What a link carries in each bin.

    Attributes:
        packet_rate: packets, float64 (bins,).
        throughput: bytes, float64 (bins,).
    """

    packet_rate: Series
    throughput: Series


def load(trace: PacketTrace, span_ns: int) -> Load:
    """The load in 200 bins of `span_ns` from the trace's own first packet on; what comes later is left out.

    Bins hold their beginning; the last one holds its end too. `span_ns` is at least 1.
    """
    since = trace.time_ns - trace.time_ns.min()
    inside = since <= span_ns
    return _counted(np.minimum(since[inside] * BINS // span_ns, BINS - 1), trace.ip_length[inside], BINS)


def load_as_reference(trace: PacketTrace, start_ns: int, span_ns: int) -> Load:
    """As CascadeNet's code does it: the clock is that of the real trace, and there are bins up to the last packet only.

    Packets outside the real trace's span are left out, and so are those at its very start.
    """
    share = (trace.time_ns - start_ns) / span_ns
    inside = (share > 0) & (share <= 1)
    return _counted(np.minimum((share[inside] * BINS).astype(np.int64), BINS - 1), trace.ip_length[inside], 0)


def _counted(bins: npt.NDArray[np.int64], length: npt.NDArray[np.int32], least: int) -> Load:
    packets = np.bincount(bins, minlength=least).astype(np.float64)
    return Load(packets, np.bincount(bins, length, least).astype(np.float64))
