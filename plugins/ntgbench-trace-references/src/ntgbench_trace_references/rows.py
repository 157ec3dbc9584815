"""Systems that draw packets one by one: `poisson` and `marginals`."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.interfaces import NoParameters
from ntgbench.traffic.trace_flows import codes
from ntgbench_trace_references.kept import Kept

if TYPE_CHECKING:
    import numpy.typing as npt

    from ntgbench.traffic.trace import PacketTrace


class Poisson(Kept[NoParameters]):
    """Packets of the training trace, drawn with replacement, with exponential gaps between them."""

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """Exactly as many packets as asked for, from the first to the last moment."""
        rows = rng.integers(len(self.trace), size=packets)
        time_ns = _times(self.trace, rng.exponential(size=packets - 1), span_ns)
        return replace(self.trace.select(rows), time_ns=time_ns)


class Marginals(Kept[NoParameters]):
    """Every column drawn by itself with replacement, and so are the gaps between packets.

    Only packets of one protocol and IP version exchange columns, and the two lengths stay together, because other
    packets cannot exist.
    """

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """Exactly as many packets as asked for, from the first to the last moment."""
        kind = codes(self.trace.protocol, self.trace.is_ipv4().astype(np.uint8))
        by_kind = np.argsort(kind, kind="stable")
        count = np.bincount(kind)
        first = np.cumsum(count) - count
        drawn = kind[rng.integers(len(kind), size=packets)]
        gap = np.diff(self.trace.time_ns, prepend=self.trace.time_ns[:1])
        gap = rng.choice(gap[1:] if len(gap) > 1 else gap, packets - 1).astype(np.float64)
        rows = {
            name: by_kind[first[drawn] + rng.integers(count[drawn])]
            for name in (field.name for field in fields(self.trace))
            if name not in ("time_ns", "payload_length")
        }
        rows["payload_length"] = rows["ip_length"]
        columns = {name: getattr(self.trace, name)[row] for name, row in rows.items()}
        return replace(self.trace, time_ns=_times(self.trace, gap, span_ns), **columns)


def _times(trace: PacketTrace, gap: npt.NDArray[np.float64], span_ns: int) -> npt.NDArray[np.int64]:
    """Times from the start of `trace` that last exactly `span_ns` ns, with gaps in the proportions of `gap`, (N - 1,).

    Gaps that are all 0 stay 0.
    """
    after = np.cumsum(gap)
    total = after[-1] if len(after) and after[-1] > 0 else 1.0
    time_ns = np.full(len(gap) + 1, trace.time_ns[0])
    # Beyond 2**53 ns, 104 days, a float may be rounded up.
    time_ns[1:] += np.minimum((after / total * span_ns).astype(np.int64), span_ns)
    return time_ns
