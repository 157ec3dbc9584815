"""A queue that traces are sent through: delays, losses, and how those of two traces differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Floats = npt.NDArray[np.float64]

LOADS = {"50": 0.5, "80": 0.8, "95": 0.95}
"""Mean load of the queue under the real trace, by the ending of the metrics' names."""

BUFFER = 100_000
"""Bytes that the finite buffer holds."""


def queue_replay(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:  # noqa: ARG001
    """`queue_*` and `loss_*`: both traces through queues of one capacity, which the real trace loads to 50, 80, 95%.

    `queue_*`: earth mover's distance between the delays of the packets of both, divided by the mean delay of the real
    ones. `loss_*`: absolute difference between the shares of bytes that do not fit a buffer of `BUFFER` bytes.
    """
    if not real.span_ns:
        return dict.fromkeys(
            [f"{kind}_{load}" for kind in ("queue", "loss") for load in LOADS],
            "the packets of the real trace have one time, so no capacity gives a load",
        )
    real, synthetic = real.sorted_by_time(), synthetic.sorted_by_time()
    values: dict[str, float | str] = {}
    for name, load in LOADS.items():
        capacity = int(real.ip_length.sum(dtype=np.int64)) / real.span_ns / load
        backlog = [waiting(trace, capacity) for trace in (real, synthetic)]
        mean = float(backlog[0].mean())
        values[f"queue_{name}"] = (
            quantile_distance(*backlog) / mean if mean else "no packet of the real trace waits at this load"
        )
        lost = [lost_share(trace, capacity, BUFFER) for trace in (real, synthetic)]
        values[f"loss_{name}"] = abs(lost[1] - lost[0])
    return values


def waiting(trace: PacketTrace, capacity: float) -> Floats:
    """Bytes that wait before each packet, float64 (N,), in a queue that sends `capacity` bytes/ns; times are in order.

    Divided by `capacity` it is the delay of the packet before it is sent itself. Lindley's recursion (1952)
    W <- max(0, W + b - C dt) is the walk of bytes come minus bytes that could be sent, above its least value so far.
    The walk is worked out from whole sums, so errors do not add up over a long trace; it is rounded to a thousandth of
    a byte, so that a packet that comes just when the queue has become empty does not wait.
    """
    length = trace.ip_length.astype(np.int64)
    before = np.cumsum(length) - length
    walk: Floats = np.round(before - capacity * (trace.time_ns - trace.time_ns[0]), 3)
    return walk - np.minimum.accumulate(walk)


def quantile_distance(first: Floats, second: Floats) -> float:
    """Earth mover's distance of two samples of any sizes: the mean distance of their quantiles, exactly.

    As `scipy.stats.wasserstein_distance`, which needs several times as long: it searches values, where levels do.
    """
    first, second, ours, theirs = np.sort(first), np.sort(second), len(first), len(second)
    if ours == theirs:
        return float(np.abs(first - second).mean())
    # Levels in units of 1 / (ours * theirs) at which either quantile steps.
    level = np.sort(np.concatenate([np.arange(ours) * theirs, np.arange(theirs) * ours]))
    width = np.diff(level, append=ours * theirs)
    distance = np.abs(first[level // theirs] - second[level // ours])
    return float((width * distance).sum()) / (ours * theirs)


def lost_share(trace: PacketTrace, capacity: float, buffer: float) -> float:
    """Share of bytes that find the buffer full, 0..1, in a queue that sends `capacity` bytes/ns; times are in order.

    Of a packet that fits in part, the rest is lost: V <- min(K, max(0, V - C dt) + b), the queue between two barriers.
    A step is x -> min(high, max(low, x + shift)), and so are steps one after the other. So the trace is cut into as
    many blocks as a block has packets; the steps of all blocks are put together at once, then the blocks one by one.
    """
    length = trace.ip_length.astype(np.float64)
    drained = capacity * np.diff(trace.time_ns, prepend=trace.time_ns[:1])
    side = int(np.ceil(np.sqrt(len(length))))
    # Packet i of every block in row i. Packets of no bytes at no distance fill the last block.
    steps, drains = (
        np.pad(values, (0, side * side - len(values))).reshape(side, side).T.copy() for values in (length, drained)
    )
    start = _starts(steps, drains, buffer)
    lost = 0.0
    for come, sent in zip(steps, drains, strict=True):
        level = np.maximum(start - sent, 0.0) + come
        start = np.minimum(level, buffer)
        lost += float((level - start).sum())
    return lost / float(length.sum())


def _starts(steps: Floats, drains: Floats, buffer: float) -> Floats:
    """Bytes in the buffer at the beginning of each block (a column of `steps` and `drains`)."""
    blocks = steps.shape[1]
    shift, low, high = np.zeros(blocks), np.full(blocks, -np.inf), np.full(blocks, np.inf)
    for come, sent in zip(steps, drains, strict=True):
        # The step after those before: low <= high, so the order of minimum and maximum does not matter.
        shift += come - sent
        low, high = (np.minimum(np.maximum(bound - sent, 0.0) + come, buffer) for bound in (low, high))
    start = np.zeros(blocks)
    for block in range(blocks - 1):
        start[block + 1] = min(high[block], max(low[block], start[block] + shift[block]))
    return start
