"""Segmentation: which packets of a trace make one biflow, and which way each of them goes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError
from ntgbench.traffic.flows import WITHOUT_PAYLOAD, FlowTable
from ntgbench.traffic.handshakes import begin_connections
from ntgbench.traffic.trace import ACK, RST, SYN, PacketTrace
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Sequence

IDLE_TIMEOUT = 120.0  # seconds without a packet after which a biflow has ended, unless told otherwise
ACTIVE_TIMEOUT = 1800.0  # seconds after which a biflow ends although it goes on, unless told otherwise

_NEVER = 2**63 - 1
# Odd and without pattern: the golden ratio as a 64-bit fraction, Knuth, The Art of Computer Programming 3, 6.4.
_MULTIPLIER = np.uint64(0x9E37_79B9_7F4A_7C15)


@dataclass(frozen=True, eq=False)
class Heads:
    """What segmentation looks at of N packets: columns of a `PacketTrace`."""

    time_ns: npt.NDArray[np.int64]
    source: npt.NDArray[np.uint64]
    destination: npt.NDArray[np.uint64]
    source_port: npt.NDArray[np.uint16]
    destination_port: npt.NDArray[np.uint16]
    protocol: npt.NDArray[np.uint8]
    payload_length: npt.NDArray[np.int32]
    tcp_flags: npt.NDArray[np.uint8]
    tcp_sequence: npt.NDArray[np.uint32]
    tcp_acknowledgement: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.time_ns)


HEADS = tuple(field.name for field in fields(Heads))


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The F biflows of a trace of N packets, numbered in the order of their first packets."""

    flow: npt.NDArray[np.int64]  # int64 (N,). Biflow of each packet
    upstream: npt.NDArray[np.bool_]  # bool (N,). Whether each packet goes from client to server
    order: npt.NDArray[np.int64]  # int64 (N,). The packets biflow by biflow, in the order of capture within each
    # int64 (F + 1,). Biflow f holds packets order[offsets[f]]..order[offsets[f + 1] - 1]
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def segment(
    trace: PacketTrace, idle_timeout: float = IDLE_TIMEOUT, active_timeout: float = ACTIVE_TIMEOUT
) -> Segmentation:
    """Biflows: packets of one 5-tuple, both ways.

    A new biflow begins after more than `idle_timeout` seconds without a packet, with the first packet more than
    `active_timeout` seconds after the biflow's first, and with the handshake of another TCP connection: a SYN or
    SYN-ACK whose sequence number is new, and that does not fit what the open connection has sent and acknowledged. So a
    connection that reuses its 5-tuple is a new biflow, whether or not a FIN or RST was seen; a SYN that comes late, is
    sent again or was captured twice begins nothing; and packets after a FIN or RST belong to the old one.

    Upstream is the direction of the biflow's first SYN, opposite to its first SYN-ACK when that comes first, and the
    direction of its first packet when there is neither.

    Raises:
        TrafficError: a timeout is not positive.
    """
    idle_ns, active_ns = timeouts_ns(idle_timeout, active_timeout)
    low_first, order, same = by_five_tuple(trace)
    time = trace.time_ns[order]
    begins = np.ones(len(trace), np.bool_)
    begins[1:] = ~same | (np.diff(time) > idle_ns)
    begin_connections(begins, trace, order, low_first)
    split_long(begins, time, active_ns)
    starts = np.flatnonzero(begins)
    counts = np.diff(starts, append=len(trace))
    # Number the biflows by their first packet, and move their packets to where the number says.
    rank = np.argsort(order[starts])
    number = np.empty_like(rank)
    number[rank] = np.arange(len(rank))
    offsets = np.concatenate([[0], np.cumsum(counts[rank])]).astype(np.int64)
    position = np.arange(len(trace)) + np.repeat(offsets[:-1][number] - starts, counts)
    by_flow = np.empty_like(order)
    by_flow[position] = order
    flow = np.empty_like(order)
    flow[order] = np.repeat(number, counts)
    of_packet = np.repeat(np.arange(len(rank)), counts[rank])
    client_low, _ = clients(trace, low_first, by_flow, of_packet, offsets[:-1])
    return Segmentation(flow, low_first == client_low[flow], by_flow, offsets)


def timeouts_ns(idle_timeout: float, active_timeout: float) -> tuple[float, int]:
    """Both in nanoseconds. Raises TrafficError unless they are positive."""
    if not (idle_timeout > 0 and active_timeout > 0):
        raise TrafficError(f"timeouts are positive seconds, not {idle_timeout} (idle) and {active_timeout} (active)")
    return idle_timeout * 1e9, int(min(active_timeout * 1e9, _NEVER))


def clients(
    trace: PacketTrace | Heads,
    low_first: npt.NDArray[np.bool_],
    order: npt.NDArray[np.int64],
    flow: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Which side of each biflow is the client.

    Args:
        trace: N packets.
        low_first: bool (N,). Whether the lower endpoint sends each packet of the trace.
        order: int64 (N,). The packets, biflow by biflow.
        flow: int64 (N,). The biflow of each packet in `order`.
        starts: int64 (F,). Where in `order` each biflow begins.

    Returns:
        bool (F,), whether the client is the lower endpoint; and where in `order` the packet is that tells it.
    """
    tells = starts.copy()
    handshake = np.flatnonzero(trace.tcp_flags[order] & (SYN | RST) == SYN)[::-1]
    # Backwards, so that the first packet of a biflow is written last and stays.
    tells[flow[handshake]] = handshake
    flags = trace.tcp_flags[order[tells]]
    return low_first[order[tells]] ^ (flags & (SYN | RST | ACK) == SYN | ACK), tells


def flow_table(
    trace: PacketTrace,
    segmentation: Segmentation,
    class_of: str | Sequence[str],
    session: object = None,
) -> tuple[FlowTable, Counter[str]]:
    """The biflows as a table, in the order of their first packets, and what `FlowTable.from_packets` changed.

    `class_of` is the class of all biflows or one for each, else TrafficError; `session` is that of all of them.
    """
    count = len(segmentation)
    class_of = [class_of] * count if isinstance(class_of, str) else class_of
    if len(class_of) != count:
        given = pluralised(len(class_of), "class")
        raise TrafficError(f"{given} for {pluralised(count, 'biflow')}; give one, or one for each")
    order, offsets = segmentation.order, segmentation.offsets
    kept = trace.payload_length[order] > 0
    packets = order[kept]
    flows, changes = FlowTable.from_packets(
        counts=np.diff(np.concatenate([[0], np.cumsum(kept)])[offsets]),
        length=trace.payload_length[packets],
        upstream=segmentation.upstream[packets],
        class_of=class_of,
        iat=np.diff(trace.time_ns[packets], prepend=0) / 1e9,
        session=None if session is None else [session] * count,
    )
    return flows, Counter({WITHOUT_PAYLOAD: int(np.count_nonzero(~kept))}) + changes


def by_five_tuple(
    trace: PacketTrace | Heads,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Bring the packets of each 5-tuple together, in both directions.

    Returns:
        low_first: bool (N,). Whether the lower endpoint sends the packet.
        order: int64 (N,). The packets 5-tuple by 5-tuple, in the order of capture within each.
        same: bool (N - 1,). Whether packets order[i] and order[i + 1] share their 5-tuple.
    """
    source, destination = trace.source.T, trace.destination.T
    differs = source != destination
    low_first = np.where(
        differs[0],
        source[0] < destination[0],
        np.where(differs[1], source[1] < destination[1], trace.source_port <= trace.destination_port),
    )
    ports = np.where(
        low_first,
        trace.source_port.astype(np.uint64) << np.uint64(16) | trace.destination_port,
        trace.destination_port.astype(np.uint64) << np.uint64(16) | trace.source_port,
    )
    ports |= trace.protocol.astype(np.uint64) << np.uint64(32)
    key = [ports, *np.where(low_first, source, destination), *np.where(low_first, destination, source)]
    # One sort by a hash of the key is faster than a sort by its five parts, which is needed if two keys share a hash.
    mixed = np.zeros(len(trace), np.uint64)
    for part in key:
        mixed = (mixed ^ part) * _MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    order = np.argsort(mixed, kind="stable")
    same = np.diff(mixed[order]) == 0
    equal = np.logical_and.reduce([np.diff(part[order]) == 0 for part in key])
    if not np.array_equal(same, equal):
        order = np.lexsort(key)
        equal = np.logical_and.reduce([np.diff(part[order]) == 0 for part in key])
    return low_first, order, equal


def split_long(begins: npt.NDArray[np.bool_], time_ns: npt.NDArray[np.int64], longest_ns: int) -> None:
    """Set `begins` where biflows go on for longer than `longest_ns`."""
    starts = np.flatnonzero(begins)
    if not len(starts):
        return
    ends = np.append(starts[1:], len(begins))
    long = np.maximum.reduceat(time_ns, starts) - time_ns[starts] > longest_ns
    for start, end in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
        # A packet that is later than all limits so far is later than all packets so far: the running maximum is exact.
        clock = np.maximum.accumulate(time_ns[start:end])
        at = 0
        while (at := int(np.searchsorted(clock, min(int(clock[at]) + longest_ns, _NEVER), "right"))) < len(clock):
            begins[start + at] = True
