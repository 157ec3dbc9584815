"""A packet trace of drawn connections and packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.collisions import kept_apart
from ntgbench.traffic.trace import ACK, FIN, SYN, TCP, UDP, PacketTrace, shortest_headers
from ntgbench_bayes_net import bins
from ntgbench_bayes_net.attributes import PLAN

if TYPE_CHECKING:
    from ntgbench_bayes_net.model import Model

Numbers = npt.NDArray[np.int64]


def decoded(
    model: Model,
    values: list[Numbers],
    count: Numbers,
    state: Numbers,
    after: Numbers,
    start: Numbers,
    rng: np.random.Generator,
) -> PacketTrace:
    """The trace in the order of time.

    Args:
        model: what it is made by.
        values: category of each node of the network, int64 (C,).
        count: packets of each connection, int64 (C,).
        state: state of each packet, int64 (N,), connection by connection.
        after: time of each packet since its connection's start in ns, int64 (N,).
        start: time of each connection's start since that of the trace in ns, int64 (C,).
        rng: for what is left open by the categories.
    """
    known = dict(zip(PLAN.nodes, values, strict=True))
    attributes, chain = model.attributes, model.chain
    kind = known["kind"]
    tcp, toward = kind & 8 > 0, kind & 2 > 0
    ports = {name: bins.drawn(known[name], attributes.edges[name], rng, even=True) for name in ("service", "port")}
    ends = kept_apart(
        {
            "source": attributes.hosts.drawn(known["client"], rng),
            "destination": attributes.hosts.drawn(known["server"], rng),
            "source_port": ports["port"].astype(np.uint16),
            "destination_port": ports["service"].astype(np.uint16),
            "protocol": np.where(tcp, TCP, UDP).astype(np.uint8),
        },
        rng,
    )
    _, back, flags, header, no_id, payload = chain.states[state].T
    of = np.repeat(np.arange(len(count)), count)
    to_server = (back == 0) == toward[of]
    protocol = ends["protocol"][of]
    source = np.where(to_server[:, None], ends["source"][of], ends["destination"][of])
    length = bins.drawn(payload, chain.payload, rng)
    flags = np.where(protocol == TCP, flags, 0)
    header = np.maximum(header, shortest_headers(protocol, source))
    mark = attributes.marks[np.where(back, known["marks_back"][of], known["marks"][of])]
    begin = (np.cumsum(count) - count)[of]
    columns: dict[str, npt.NDArray[Any]] = {
        "time_ns": model.start_ns + start[of] + after,
        "source": source,
        "destination": np.where(to_server[:, None], ends["destination"][of], ends["source"][of]),
        "source_port": np.where(to_server, ends["source_port"][of], ends["destination_port"][of]),
        "destination_port": np.where(to_server, ends["destination_port"][of], ends["source_port"][of]),
        "protocol": protocol,
        "ip_length": header + length,
        "payload_length": length,
        "ttl": mark[:, 0],
        "tcp_flags": flags,
        "tos": mark[:, 1],
        "ip_flags": mark[:, 2],
        "ip_id": _ids(mark[:, 3] > 0, no_id > 0, back, of, begin, rng),
    }
    if model.sequences:
        sequence, acknowledgement = _sequences(flags, length, back, of, begin, rng)
        columns["tcp_sequence"] = np.where(protocol == TCP, sequence, 0)
        columns["tcp_acknowledgement"] = np.where((protocol == TCP) & (flags & ACK > 0), acknowledgement, 0)
    return PacketTrace.of(**columns).sorted_by_time()


def _ids(
    counts_up: npt.NDArray[np.bool_],
    none: npt.NDArray[np.bool_],
    back: Numbers,
    of: Numbers,
    begin: Numbers,
    rng: np.random.Generator,
) -> Numbers:
    """IP ids: of each side they count up from a random one, or are random; 0 where there is none."""
    first = rng.integers(0, 2**16, (int(of[-1]) + 1, 2))[of, back]
    own = np.where(back > 0, _before(back * ~none, begin), _before((1 - back) * ~none, begin))
    ids = np.where(counts_up, first + own, rng.integers(1, 2**16, len(of)))
    # 1 comes after 65,535, as 0 says that there is none.
    return np.where(none, 0, (ids - 1) % 65_535 + 1)


def _sequences(
    flags: Numbers, length: Numbers, back: Numbers, of: Numbers, begin: Numbers, rng: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Sequence numbers and acknowledgements of packets that all arrive, in order: RFC 9293, section 3.4."""
    initial = rng.integers(0, 2**32, (int(of[-1]) + 1, 2))
    sent = length + (flags & SYN > 0) + (flags & FIN > 0)
    so_far = [_before(np.where(back == side, sent, 0), begin) + initial[of, side] for side in (0, 1)]
    one, other = np.where(back > 0, so_far[1], so_far[0]), np.where(back > 0, so_far[0], so_far[1])
    return one % 2**32, other % 2**32


def _before(values: Numbers, begin: Numbers) -> Numbers:
    """Sum of the values before each packet in its connection; `begin` is where that begins."""
    sums = np.cumsum(values) - values
    found: Numbers = sums - sums[begin]
    return found
