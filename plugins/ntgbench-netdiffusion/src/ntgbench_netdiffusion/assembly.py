"""A trace of images of flows: addresses and times, which header bits do not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.collisions import DYNAMIC, PORTS, kept_apart
from ntgbench.traffic.trace import PacketTrace, ipv4_address, is_ipv4
from ntgbench_netdiffusion.nprint import decode
from ntgbench_netdiffusion.repair import repaired

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntgbench_netdiffusion.nprint import Bits

Numbers = npt.NDArray[np.int64]
Addresses = npt.NDArray[np.uint64]
Columns = dict[str, npt.NDArray[Any]]

HOSTS = (0x0100_0000, 0xE000_0000)
"""IPv4 addresses of hosts: from 1.0.0.0 to 223.255.255.255 (RFC 1122, section 3.2.1.3)."""

GLOBAL = np.uint64(0x2000 << 48)
"""2000::/3, the global IPv6 addresses (RFC 4291, section 2.4)."""


class Learnt(Protocol):
    """What a trace needs of a model: see `saving.Model`."""

    @property
    def start_ns(self) -> int: ...  # noqa: D102
    @property
    def packets(self) -> float: ...  # noqa: D102
    @property
    def longest(self) -> int: ...  # noqa: D102
    @property
    def pairs(self) -> Addresses | None: ...  # noqa: D102


class Choices(Protocol):
    """What a trace needs of the parameters: see `NetDiffusionParameters`."""

    @property
    def ports(self) -> str: ...  # noqa: D102
    @property
    def repair(self) -> bool: ...  # noqa: D102


def assembled(
    images: Callable[[int, np.random.Generator], Bits],
    model: Learnt,
    p: Choices,
    request: tuple[int, int],
    rng: np.random.Generator,
    most: int,
) -> PacketTrace:
    """As many packets as asked for, of as many flows as that takes; the last flow is cut.

    Flows come one after the other, and all packets are evenly spaced: images say nothing of times.

    Args:
        images: draws whole images, int8 (F, rows, WIDTH), of so many flows.
        model: what was learnt.
        p: parameters.
        request: packets, and span in ns.
        rng: draws.
        most: flows that are made at a time.
    """
    packets, span_ns = request
    parts: list[Columns] = []
    made = flows = 0
    while made < packets:
        mean = made / flows if flows else model.packets
        count = min(most, max(1, round((packets - made) / mean)))
        drawn = images(count, rng)
        found, flow_of = packets_of(repaired(drawn, model.longest) if p.repair else drawn)
        parts.append({**found, "flow": flow_of + flows})
        made, flows = made + len(flow_of), flows + count
    columns = {name: np.concatenate([part[name] for part in parts])[:packets] for name in parts[0]}
    flow, ipv6 = columns.pop("flow"), columns.pop("ipv6")
    columns |= addresses(flow, ipv6, model.pairs, rng)
    if p.ports == "random":
        columns |= random_ports(flow, rng)
    if p.repair:
        columns |= told_apart(columns, flow, rng)
    return PacketTrace.of(time_ns=evenly(packets, model.start_ns, span_ns), **columns)


def random_addresses(ipv6: npt.NDArray[np.bool_], rng: np.random.Generator) -> Addresses:
    """An address for each flow, uint64 (F, 2)."""
    four = ipv4_address(rng.integers(*HOSTS, len(ipv6), dtype=np.uint32))
    six = rng.integers(0, 2**64, (len(ipv6), 2), dtype=np.uint64)
    six[:, 0] = six[:, 0] >> np.uint64(3) | GLOBAL
    return np.where(ipv6[:, None], six, four)


def packets_of(rows: Bits) -> tuple[Columns, Numbers]:
    """The columns of the packets of images, see `decode`, flow by flow, and the flow of each packet, int64 (N,)."""
    flow, rank = np.nonzero((rows != -1).any(2))
    return decode(rows[flow, rank]), flow


def addresses(flow: Numbers, ipv6: npt.NDArray[np.bool_], pairs: Addresses | None, rng: np.random.Generator) -> Columns:
    """Source and destination of each packet, the same in all packets of a flow that have one IP version.

    Args:
        flow: of each packet, int64 (N,), from 0 on.
        ipv6: which packets are IPv6, bool (N,).
        pairs: source and destination, uint64 (P, 4), of which each flow gets one; without, addresses are random.
        rng: draws.
    """
    count = int(flow.max()) + 1
    ends = np.empty((len(flow), 4), np.uint64)
    for version in (False, True):
        packets = ipv6 == version
        if not packets.any():
            continue
        if pairs is None:
            of = np.full(count, version)
            drawn = np.concatenate([random_addresses(of, rng), random_addresses(of, rng)], axis=1)
        else:
            drawn = rng.choice(pairs[is_ipv4(pairs[:, :2]) != version], count)
        ends[packets] = drawn[flow[packets]]
    return {"source": ends[:, :2], "destination": ends[:, 2:]}


def random_ports(flow: Numbers, rng: np.random.Generator) -> Columns:
    """Ports from the dynamic range (RFC 6335, section 6), the same in all packets of a flow."""
    drawn = rng.integers(DYNAMIC, PORTS, (2, int(flow.max()) + 1))
    return {"source_port": drawn[0][flow], "destination_port": drawn[1][flow]}


def told_apart(columns: Columns, flow: Numbers, rng: np.random.Generator) -> Columns:
    """Ports with which no two flows have one 5-tuple, see `kept_apart`; each flow has one 5-tuple before."""
    heads = np.flatnonzero(np.diff(flow, prepend=-1))
    names = ("source", "destination", "source_port", "destination_port", "protocol")
    kept = kept_apart({name: columns[name][heads] for name in names}, rng)
    return {name: kept[name][flow] for name in ("source_port", "destination_port")}


def evenly(packets: int, start_ns: int, span_ns: int) -> Numbers:
    """Evenly spaced times, int64 (packets,), the first at the start and the last at the end of the span."""
    between = max(packets - 1, 1)
    # Exact in whole numbers: products of spans and packets may exceed 64 bits.
    whole, rest = divmod(span_ns, between)
    index = np.arange(packets, dtype=np.int64)
    times: Numbers = start_ns + index * whole + index * rest // between
    return times
