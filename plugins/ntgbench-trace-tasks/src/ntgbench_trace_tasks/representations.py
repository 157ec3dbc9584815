"""Flows as rows of numbers: the representations of NetML, in numpy.

Sources: NetML (Yang, Kpotufe, Feamster: "An Efficient One-Class SVM for Anomaly Detection in the Internet of Things",
arXiv 2104.11146; https://github.com/noise-lab/netml) with what CascadeNet's evaluation asks of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import SHORTEST_HEADERS, TCP, UDP

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntgbench.traffic.trace import PacketTrace

Rows = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

WINDOWS = 200
"""Windows of SAMP_NUM and SAMP_SIZE, each as long as this part of the real trace."""

LARGE_FLOW = 0.9
"""Quantile of the packets of a real flow that sets how many packets of each flow are looked at."""

MOST_PACKETS = 1024
"""Packets of a flow that are looked at, at most: otherwise a few flows of many packets make rows without end."""


@dataclass(frozen=True, eq=False)
class FlowPackets:
    """F flows of at least two packets, numbered by their first packet in time, and their P packets flow by flow."""

    time_ns: Numbers  # int64 (P,)
    length: Numbers  # int64 (P,). Bytes
    shortest: Numbers  # int64 (P,). Bytes that CascadeNet's evaluation sees: 40 of TCP, 28 of UDP
    first: Numbers  # int64 (F,). Where each flow begins
    count: Numbers  # int64 (F,). Packets of each flow, at least 2

    def __len__(self) -> int:
        return len(self.first)

    @property
    def duration_ns(self) -> Numbers:
        """From the first to the last packet of each flow, int64 (F,)."""
        duration: Numbers = self.time_ns[self.first + self.count - 1] - self.time_ns[self.first]
        return duration

    @property
    def number(self) -> Numbers:
        """The flow of each packet, int64 (P,)."""
        return np.repeat(np.arange(len(self)), self.count)

    @staticmethod
    def of(trace: PacketTrace, most: int, seed: int) -> FlowPackets:
        """The flows of a trace, or `most` of them drawn without replacement if there are more."""
        flows = trace.flows
        chosen = np.flatnonzero(flows.count >= 2)
        if len(chosen) > most:
            chosen = np.sort(np.random.default_rng(seed).choice(chosen, most, replace=False))
        count = flows.count[chosen]
        first = np.cumsum(count) - count
        packets = flows.order[np.arange(count.sum()) + np.repeat(flows.first[chosen] - first, count)]
        headers = np.where(trace.protocol[packets] == TCP, SHORTEST_HEADERS[TCP], SHORTEST_HEADERS[UDP])
        return FlowPackets(
            trace.time_ns[packets], trace.ip_length[packets].astype(np.int64), headers.astype(np.int64), first, count
        )

    def headers_alone(self) -> FlowPackets:
        """The same flows of packets without payload."""
        return replace(self, length=self.shortest)


@dataclass(frozen=True)
class Measures:
    """What the real flows set for both sides.

    Attributes:
        packets: packets of each flow that are looked at, at least 2.
        span_ns: from the first packet of any real flow to the last.
    """

    packets: int
    span_ns: int

    @staticmethod
    def of(real: FlowPackets) -> Measures:
        """Measures of real flows; at least one flow."""
        packets = int(np.quantile(real.count, LARGE_FLOW))
        return Measures(min(packets, MOST_PACKETS), int(real.time_ns.max() - real.time_ns.min()))


def _padded(values: npt.NDArray[np.number], first: Numbers, count: Numbers, width: int) -> Rows:
    """The first `width` values of each flow, zeros behind shorter ones, float64 (F, width)."""
    place = np.arange(width)
    index = np.minimum(first[:, None] + place, max(len(values) - 1, 0))
    return np.where(place < count[:, None], values[index], 0).astype(np.float64)


def _gaps(flows: FlowPackets, width: int) -> Rows:
    gap = np.diff(flows.time_ns, append=flows.time_ns[-1:]) / 1e9
    return _padded(gap, flows.first, flows.count - 1, width)


def iat(flows: FlowPackets, measures: Measures) -> Rows:
    """Gaps between packets, in seconds."""
    return _gaps(flows, measures.packets - 1)


def size(flows: FlowPackets, measures: Measures) -> Rows:
    """Lengths of packets."""
    return _padded(flows.length, flows.first, flows.count, measures.packets)


def iat_size(flows: FlowPackets, measures: Measures) -> Rows:
    """Gap and length in turn: (gap 1, length 1, gap 2, length 2, ..., length of the last packet)."""
    width = measures.packets
    rows = np.zeros((len(flows), 2 * width - 1))
    rows[:, 0::2] = _gaps(flows, width)
    rows[:, 1::2] = _padded(flows.length, flows.first, flows.count - 1, width - 1)
    short = np.flatnonzero(flows.count <= width)
    rows[short, 2 * flows.count[short] - 2] = flows.length[(flows.first + flows.count - 1)[short]]
    return rows


def stats(flows: FlowPackets, measures: Measures) -> Rows:  # noqa: ARG001
    """Twelve statistics of each flow.

    Duration in seconds; packets and bytes a second, 0 without duration; mean, standard deviation, quartiles, least and
    greatest of the lengths; packets; bytes.
    """
    seconds = flows.duration_ns / 1e9
    total = np.add.reduceat(flows.length, flows.first)
    mean = total / flows.count
    square = np.add.reduceat((flows.length - mean[flows.number]) ** 2, flows.first)
    in_order = np.sort(flows.number << 32 | flows.length) & 0xFFFF_FFFF

    def quantile(share: float) -> Rows:
        place = share * (flows.count - 1)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, flows.count - 1)
        low, high = in_order[flows.first + below], in_order[flows.first + above]
        between: Rows = low + (high - low) * (place - below)
        return between

    def a_second(amount: Numbers) -> Rows:
        return np.divide(amount, seconds, out=np.zeros(len(flows)), where=seconds > 0)

    return np.column_stack(
        [
            seconds,
            a_second(flows.count),
            a_second(total),
            mean,
            np.sqrt(square / flows.count),
            *(quantile(share) for share in (0.25, 0.5, 0.75)),
            np.minimum.reduceat(flows.length, flows.first),
            np.maximum.reduceat(flows.length, flows.first),
            flows.count,
            total,
        ]
    )


def _sampled(flows: FlowPackets, measures: Measures, weight: npt.NDArray[np.number]) -> Rows:
    # In floating-point seconds from the trace's start, as the known values were made: a packet on an edge may fall
    # before it.
    seconds = (flows.time_ns - flows.time_ns.min()) / 1e9
    since = seconds - np.repeat(seconds[flows.first], flows.count)
    window = np.minimum(since / (max(measures.span_ns, 1) / 1e9 / WINDOWS), WINDOWS).astype(np.int64)
    inside = window < WINDOWS
    cell = (flows.number * WINDOWS + window)[inside]
    total = np.bincount(cell, weight[inside].astype(np.float64), len(flows) * WINDOWS)
    return np.asarray(total, np.float64).reshape(len(flows), WINDOWS)


def samp_num(flows: FlowPackets, measures: Measures) -> Rows:
    """Packets in each of 200 windows from a flow's first packet on."""
    return _sampled(flows, measures, np.ones(len(flows.length)))


def samp_size(flows: FlowPackets, measures: Measures) -> Rows:
    """Bytes in each of 200 windows from a flow's first packet on."""
    return _sampled(flows, measures, flows.length)


REPRESENTATIONS: dict[str, Callable[[FlowPackets, Measures], Rows]] = {
    "iat": iat,
    "size": size,
    "iat_size": iat_size,
    "stats": stats,
    "samp_num": samp_num,
    "samp_size": samp_size,
}
"""By name: each makes rows, float64 (F, columns), of flows and of the real flows' measures."""

WITHOUT_LENGTHS = ("iat", "samp_num")
"""Representations that lengths do not change."""
