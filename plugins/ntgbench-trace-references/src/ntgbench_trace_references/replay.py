"""Systems that give back the trace they were fitted on: `real`, `shifted` and `zero`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.interfaces import NoParameters
from ntgbench_trace_references.kept import Kept, at_times, beginning

if TYPE_CHECKING:
    import numpy as np

    from ntgbench.traffic.trace import PacketTrace

_LEAST_SHIFT_NS = 10**9

_LAST_NS = 2**63 - 1


class Real(Kept[NoParameters]):
    """The trace itself: exactly what it was fitted on when asked for as much, and otherwise its beginning.

    There is no more real traffic than that, so a request for more packets or a longer time gets all of it.
    """

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:  # noqa: ARG002
        """The first packets, as many as asked for, in no more than the time asked for."""
        return beginning(self.trace, packets, span_ns)


class Shifted(Kept[NoParameters]):
    """The trace with its clock set forward, by one to two times its duration and at least a second.

    It is set forward by less where 64 bits cannot hold such times.
    """

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """The first packets, all of them later by the same time."""
        part = beginning(self.trace, packets, span_ns)
        least = max(self.trace.span_ns, _LEAST_SHIFT_NS)
        # In 64 bits, no packet may be later than there are times.
        left = _LAST_NS - max(int(part.time_ns[-1]), 0)
        return at_times(part, part.time_ns + rng.integers(min(least, left), min(2 * least, left + 1)))


class Zero(Kept[NoParameters]):
    """The trace with all packets of a flow at the middle of the flow: neither gaps nor durations are left."""

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:  # noqa: ARG002
        """The first packets, each at the middle between the first and the last packet of its flow."""
        part = beginning(self.trace, packets, span_ns)
        flows = part.flows
        begin, end = part.time_ns[flows.heads()], part.time_ns[flows.order[flows.last]]
        return at_times(part, (begin + (end - begin) // 2)[flows.number])
