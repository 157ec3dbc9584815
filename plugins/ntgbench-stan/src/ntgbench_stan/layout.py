"""Which columns a packet has, and what their numbers mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.collisions import PORTS, SYSTEM_END
from ntgbench.traffic.trace import TCP, PacketTrace, shortest_headers

if TYPE_CHECKING:
    from ntgbench_stan.parameters import StanParameters

Numbers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

BUCKET = 100
"""Ports of a bucket, above the system ports, each of which is a bucket of its own."""

MAPPED = (0,) * 10 + (255, 255)
"""The octets that an IPv4 address begins with when it is written as an IPv6 one."""

OCTETS = 16

FIELDS = ("protocol", "ip_flags", "ttl", "tos", "tcp_flags")
"""Header fields whose values are classes."""


@dataclass(frozen=True)
class Column:
    """A column: a whole number in 0..size-1.

    Attributes:
        name: what it is.
        size: classes, or bins of a mixture.
        mixture: whether its head is a mixture of Gaussians and not a softmax.
    """

    name: str
    size: int
    mixture: bool = False


@dataclass(frozen=True, eq=False)
class Layout:
    """The columns of a packet and their values, learnt from a trace.

    Attributes:
        start_ns: time of the first packet.
        longest: log(1 + x) of the longest time between packets in ns, x.
        lengths: shortest and longest packet in bytes.
        values: by name, the values of classes, ascending; of addresses by octet, "octet0" first, both sides together:
            the last four octets, or all of them when there is a "version" (4, 6). "length" has the most frequent
            lengths, and "port" all ports of both sides.
        port_count: how often each of these ports occurs.
        links: see the parameters.
        bins: bins of the time between packets.
    """

    start_ns: int
    longest: float
    lengths: tuple[int, int]
    values: dict[str, Numbers]
    port_count: Numbers
    links: int
    bins: int

    @staticmethod
    def of(trace: PacketTrace, p: StanParameters) -> Layout:
        """The layout of a trace of at least one packet."""
        addresses = octets(np.concatenate([trace.source, trace.destination]))
        ipv6 = not bool(trace.is_ipv4().all())
        values = {name: _distinct(getattr(trace, name)) for name in FIELDS}
        if ipv6:
            values["version"] = _distinct(np.where(trace.is_ipv4(), 4, 6))
        kept = addresses if ipv6 else addresses[:, -4:]
        values |= {f"octet{i}": _distinct(column) for i, column in enumerate(kept.T)}
        port, count = np.unique(np.concatenate([trace.source_port, trace.destination_port]), return_counts=True)
        length, often = np.unique(trace.ip_length, return_counts=True)
        values["port"] = port.astype(np.int64)
        values["length"] = np.sort(length[np.argsort(-often, kind="stable")[: p.exact_lengths]]).astype(np.int64)
        gaps = np.diff(trace.time_ns)
        return Layout(
            start_ns=int(trace.time_ns[0]),
            longest=float(np.log1p(gaps.max(initial=0))),
            lengths=(int(length[0]), int(length[-1])),
            values=values,
            port_count=count.astype(np.int64),
            links=p.links,
            bins=p.bins,
        )

    @property
    def ipv6(self) -> bool:
        """Whether there are addresses of 16 octets."""
        return "version" in self.values

    @property
    def octets(self) -> int:
        """Octets of an address: 4 or 16."""
        return OCTETS if self.ipv6 else 4

    @cached_property
    def buckets(self) -> Numbers:
        """The buckets that have ports, ascending."""
        return _distinct(bucket(self.values["port"]))

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns in the order in which they are drawn."""
        sizes = {name: len(known) for name, known in self.values.items()}
        ends = [(f"{end}{i}", sizes[f"octet{i}"]) for end in ("source", "destination") for i in range(self.octets)]
        found = [Column("gap", self.bins, mixture=True)]
        if self.links:
            found.append(Column("link", 1 + 2 * self.links))
        if self.ipv6:
            found.append(Column("version", sizes["version"]))
        found += [Column(name, size) for name, size in ends]
        found.append(Column("protocol", sizes["protocol"]))
        found += [Column(f"{end}_port", len(self.buckets)) for end in ("source", "destination")]
        found += [Column(name, sizes[name]) for name in FIELDS[1:]]
        # The last class stands for all other lengths.
        found.append(Column("exact", sizes["length"] + 1))
        found.append(Column("length", self.lengths[1] - self.lengths[0] + 1, mixture=True))
        return tuple(found)

    @cached_property
    def at(self) -> dict[str, int]:
        """The place of each column by its name."""
        return {column.name: i for i, column in enumerate(self.columns)}

    @cached_property
    def tuple_columns(self) -> tuple[Numbers, Numbers]:
        """The places of the columns of a 5-tuple, and those of the reverse 5-tuple in the same order."""
        names = ["version"] if self.ipv6 else []
        ends = [f"source{i}" for i in range(self.octets)], [f"destination{i}" for i in range(self.octets)]
        forward = [*names, *ends[0], *ends[1], "protocol", "source_port", "destination_port"]
        backward = [*names, *ends[1], *ends[0], "protocol", "destination_port", "source_port"]
        return np.array([self.at[name] for name in forward]), np.array([self.at[name] for name in backward])

    def encode(self, trace: PacketTrace, links: Numbers | None = None) -> Numbers:
        """The columns of a trace, int64 (N, K); the time before the first packet is 0.

        Args:
            trace: packets of which each value is a value of the layout.
            links: column of links, int64 (N,), see `ntgbench_stan.links`; needed when the layout has them.
        """
        found = {name: np.searchsorted(self.values[name], getattr(trace, name)) for name in FIELDS}
        gap = np.log1p(np.diff(trace.time_ns, prepend=trace.time_ns[:1]))
        found["gap"] = np.minimum(gap / max(self.longest, 1e-9) * self.bins, self.bins - 1).astype(np.int64)
        if links is not None:
            found["link"] = links
        if self.ipv6:
            found["version"] = np.searchsorted(self.values["version"], np.where(trace.is_ipv4(), 4, 6))
        for end in ("source", "destination"):
            for i, column in enumerate(octets(getattr(trace, end))[:, -self.octets :].T):
                found[f"{end}{i}"] = np.searchsorted(self.values[f"octet{i}"], column)
            found[f"{end}_port"] = np.searchsorted(self.buckets, bucket(getattr(trace, f"{end}_port")))
        length = trace.ip_length.astype(np.int64)
        known = self.values["length"]
        place = np.searchsorted(known, length)
        is_known = np.append(known, -1)[place] == length
        found["exact"] = np.where(is_known, place, len(known))
        found["length"] = length - self.lengths[0]
        return np.column_stack([found[column.name] for column in self.columns]).astype(np.int64)

    def known(self, codes: Numbers, linked: bool = True) -> npt.NDArray[np.bool_]:
        """Which columns follow from those before, so that nothing is drawn, bool (N, K), for codes (N, K).

        With `linked` false, 5-tuples do not follow from links.
        """
        found = np.zeros(codes.shape, bool)
        found[:, self.at["length"]] = codes[:, self.at["exact"]] < len(self.values["length"])
        if self.ipv6:
            found[:, self.prefix[0]] |= (self.values["version"][codes[:, self.at["version"]]] == 4)[:, None]
        if self.links and linked:
            found[:, self.tuple_columns[0]] |= (codes[:, self.at["link"]] > 0)[:, None]
        return found

    @cached_property
    def prefix(self) -> tuple[Numbers, Numbers]:
        """With IPv6, the places of the octets that all IPv4 addresses begin with, and their codes."""
        names = [(end, i) for end in ("source", "destination") for i in range(len(MAPPED))] if self.ipv6 else []
        places = [self.at[f"{end}{i}"] for end, i in names]
        codes = [int(np.searchsorted(self.values[f"octet{i}"], MAPPED[i])) for _, i in names]
        return np.array(places, np.int64), np.array(codes, np.int64)

    def decode(self, codes: Numbers, ports: Numbers, time_ns: Numbers) -> PacketTrace:
        """A trace of columns (N, K), exact ports (N, 2) and times (N,). Packets have room for their headers."""
        fields = {name: self.values[name][codes[:, self.at[name]]] for name in FIELDS}
        ends = {}
        for end in ("source", "destination"):
            whole = np.tile(np.array([*MAPPED, 0, 0, 0, 0], np.uint8), (len(codes), 1))
            for i in range(self.octets):
                whole[:, OCTETS - self.octets + i] = self.values[f"octet{i}"][codes[:, self.at[f"{end}{i}"]]]
            ends[end] = whole.view(">u8").astype(np.uint64)
        fields["tcp_flags"] = np.where(fields["protocol"] == TCP, fields["tcp_flags"], 0)
        length = codes[:, self.at["length"]] + self.lengths[0]
        least = shortest_headers(fields["protocol"].astype(np.uint8), ends["source"])
        return PacketTrace.of(
            time_ns=time_ns,
            **ends,
            source_port=ports[:, 0],
            destination_port=ports[:, 1],
            ip_length=np.maximum(length, least),
            **fields,
        )

    def gaps_ns(self, codes: Numbers, within: Reals) -> Reals:
        """Times between packets, float64 (N,), of the bins (N,) and the place inside the bin on a log scale, 0..1."""
        gaps: Reals = np.expm1((codes + within) / self.bins * self.longest)
        return gaps


def bucket(ports: npt.NDArray[Any]) -> Numbers:
    """The bucket of each port, int64 (N,): the port itself below 1024, and then one for each hundred."""
    port = ports.astype(np.int64)
    return np.where(port < SYSTEM_END, port, SYSTEM_END + (port - SYSTEM_END) // BUCKET)


def bucket_ends(buckets: Numbers) -> tuple[Numbers, Numbers]:
    """First port of each bucket, and the one after its last, int64 (N,) each."""
    first = np.where(buckets < SYSTEM_END, buckets, SYSTEM_END + (buckets - SYSTEM_END) * BUCKET)
    return first, np.minimum(np.where(buckets < SYSTEM_END, first + 1, first + BUCKET), PORTS)


def octets(address: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """The 16 octets of addresses (N, 2), the first one first, uint8 (N, 16)."""
    return np.ascontiguousarray(address.astype(">u8")).view(np.uint8).reshape(len(address), OCTETS)


def _distinct(values: npt.NDArray[Any]) -> Numbers:
    return np.unique(values).astype(np.int64)
