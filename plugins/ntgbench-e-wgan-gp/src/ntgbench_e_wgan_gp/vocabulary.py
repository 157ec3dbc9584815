"""Packets as words with learnt vectors, and vectors as packets again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from ntgbench.mapping.words import learnt, nearest, sentences
from ntgbench.traffic.trace import is_ipv4, shortest_headers
from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from ntgbench.mapping.words import Vectors
    from ntgbench.traffic.trace import PacketTrace

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

PLACES = ("ip", "ip", "port", "port", "ttl", "pkt_len")
"""Kind of each word of a packet: source, destination, source port, destination port, TTL, length."""

KINDS = tuple(dict.fromkeys(PLACES))

Byte = Annotated[int, Meta(ge=0, le=255)]


@dataclass(frozen=True)
class Sort:
    """An IP version and a protocol that occur together.

    Attributes:
        ipv4: whether it is IPv4.
        protocol: TCP or UDP.
        tos, tcp_flags, ip_id, ip_flags: fields that are not made, each as such packets most often have it.
    """

    ipv4: bool
    protocol: Byte
    tos: Byte
    tcp_flags: Byte
    ip_id: Annotated[int, Meta(ge=0, le=65_535)]
    ip_flags: Annotated[int, Meta(ge=0, le=7)]

    @staticmethod
    def of(packets: PacketTrace) -> Sort:
        """That of packets of one IP version and protocol, at least one."""
        fields = {name: _most_frequent(getattr(packets, name)) for name in ("tos", "tcp_flags", "ip_id", "ip_flags")}
        return Sort(bool(packets.is_ipv4()[0]), int(packets.protocol[0]), **fields)


class Table(NamedTuple):
    """The words of one kind."""

    values: npt.NDArray[Any]  # int64 (V,), or uint64 (V, 2) for addresses. Ascending
    vectors: Vectors  # float32 (V, w)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """All words of a training trace; nothing else can be made.

    Attributes:
        tables: words by kind, see `KINDS`.
        sorts: those that occur, at least one.
    """

    tables: dict[str, Table]
    sorts: tuple[Sort, ...]

    @staticmethod
    def learn(trace: PacketTrace, seed: int, width: int) -> tuple[Vocabulary, Numbers]:
        """The words of a trace with vectors of `width` numbers, and those of each packet as rows of the tables, (N, 6).

        Vectors are those of Word2Vec by skip-gram (Mikolov et al. 2013, arXiv 1301.3781); a sentence is the six words
        of a packet. Addresses are words by their row among all.
        """
        both = np.concatenate([trace.source, trace.destination])
        addresses, row = np.unique(both, axis=0, return_inverse=True)
        sides = row.reshape(2, -1)
        columns = [*sides, trace.source_port, trace.destination_port, trace.ttl, trace.ip_length]
        some = sentences(columns, seed)
        found = learnt([(kind, column[some]) for kind, column in zip(PLACES, columns, strict=True)], seed, width, True)
        tables = {kind: Table(values.astype(np.int64), vectors) for kind, (values, vectors) in found.items()}
        words = [np.searchsorted(tables[kind].values, column) for kind, column in zip(PLACES, columns, strict=True)]
        tables["ip"] = Table(addresses, tables["ip"].vectors)
        sort = codes(trace.is_ipv4().astype(np.uint8), trace.protocol)
        sorts = [Sort.of(trace.select(sort == one)) for one in range(int(sort.max()) + 1)]
        return Vocabulary(tables, tuple(sorts)), np.stack(words, axis=1).astype(np.int64)

    @property
    def protocols(self) -> npt.NDArray[np.uint8]:
        """Protocols that occur, ascending, uint8 (P,)."""
        return np.unique(np.array([sort.protocol for sort in self.sorts], np.uint8))

    def decode(self, vectors: Vectors, protocol: npt.NDArray[np.floating]) -> dict[str, npt.NDArray[Any]]:
        """All columns of packets but their times, (N,) each.

        A word is the nearest one of its kind by Euclidean distance, among those that make a packet that can exist: a
        destination of the source's IP version, a protocol that occurs with this version, and a length that has room
        for the headers.

        Args:
            vectors: of the six words, float32 (N, 6, w).
            protocol: scores of the protocols, (N, P); the highest one counts.
        """
        addresses, lengths = self.tables["ip"].values, self.tables["pkt_len"].values
        ipv4 = is_ipv4(addresses)
        source = self._nearest("ip", vectors[:, 0], np.isin(ipv4, [sort.ipv4 for sort in self.sorts]))
        destination, sort = np.zeros_like(source), np.zeros_like(source)
        for version in np.unique(ipv4[source]):
            rows = np.flatnonzero(ipv4[source] == version)
            destination[rows] = self._nearest("ip", vectors[rows, 1], ipv4 == version)
            usable = np.array([place for place, one in enumerate(self.sorts) if one.ipv4 == version])
            scores = np.searchsorted(self.protocols, [self.sorts[place].protocol for place in usable])
            sort[rows] = usable[np.argmax(protocol[np.ix_(rows, scores)], axis=1)]
        columns: dict[str, npt.NDArray[Any]] = {"source": addresses[source], "destination": addresses[destination]}
        for name in ("protocol", "tos", "tcp_flags", "ip_id", "ip_flags"):
            columns[name] = np.array([getattr(one, name) for one in self.sorts])[sort]
        for place, (name, kind) in enumerate([("source_port", "port"), ("destination_port", "port"), ("ttl", "ttl")]):
            columns[name] = self.tables[kind].values[self._nearest(kind, vectors[:, 2 + place])]
        least = shortest_headers(columns["protocol"], columns["source"])
        length = least.astype(np.int64)
        for bound in np.unique(least):
            rows = np.flatnonzero(least == bound)
            if (lengths >= bound).any():
                length[rows] = lengths[self._nearest("pkt_len", vectors[rows, 5], lengths >= bound)]
        return {**columns, "ip_length": length}

    def _nearest(self, kind: str, vectors: Vectors, usable: Mask | None = None) -> Numbers:
        """Rows of a table whose vectors are nearest, int64 (N,), of all rows or of the usable ones, bool (V,)."""
        known = self.tables[kind].vectors
        rows = np.arange(len(known)) if usable is None else np.flatnonzero(usable)
        # |x - k|^2 = |x|^2 - 2 (x, 1) (k, -|k|^2 / 2), so the nearest has the largest product.
        half = -0.5 * np.square(known[rows]).sum(axis=1, keepdims=True)
        ones = np.ones((len(vectors), 1), np.float32)
        found: Numbers = rows[nearest(np.hstack([vectors, ones]), np.hstack([known[rows], half]))]
        return found


def _most_frequent(values: npt.NDArray[np.integer]) -> int:
    found, count = np.unique(values, return_counts=True)
    return int(found[np.argmax(count)])
