"""Which earlier packet has the 5-tuple of a packet, or the reverse: an option that STAN's paper does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_stan.layout import Numbers


def links(trace: PacketTrace, most: int) -> Numbers:
    """The link of each packet, int64 (N,), to the last packet before it between the same two ends.

    2 k - 1 when that is k packets before and has the same 5-tuple, 2 k when it has the reverse, and 0 when it is more
    than `most` packets before, or there is none.
    """
    address = np.concatenate([trace.source, trace.destination])
    one, other = np.split(
        codes(address[:, 0], address[:, 1], np.concatenate([trace.source_port, trace.destination_port])), 2
    )
    pair = codes(np.minimum(one, other), np.maximum(one, other), trace.protocol)
    order = np.argsort(pair, kind="stable")
    follows = np.diff(pair[order], prepend=-1) == 0
    before = np.roll(order, 1)
    back = np.where(follows, order - before, 0)
    reverse = one[order] != one[before]
    found = np.zeros(len(trace), np.int64)
    found[order] = np.where(follows & (back <= most), 2 * back - 1 + reverse, 0)
    return found
