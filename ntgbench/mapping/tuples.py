"""5-tuples as numbers: addresses bit by bit, ports and protocol as learnt vectors or bit by bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.mapping.words import WIDTH
from ntgbench.traffic.trace import TCP, UDP, ipv4_address, is_ipv4

if TYPE_CHECKING:
    from ntgbench.mapping.words import Vectors, Words
    from ntgbench.traffic.trace import PacketTrace

Bits = npt.NDArray[np.uint8]

_LAST_32 = np.array([0, 0xFFFF_FFFF], np.uint64)

_PREFIX = np.uint64(0x2000 << 48)
"""2000::/3, the global addresses (RFC 4291, section 2.4)."""


@dataclass(frozen=True, eq=False)
class Tuples:
    """How the 5-tuple of a flow becomes bits and vectors, and these become a 5-tuple again.

    Bits are those of source and destination address, most significant first; then, without words, those of the two
    ports and whether the protocol is UDP; then, where the trace has IPv6, whether the flow is IPv6. IPv4 takes the last
    32 of 128 bits there.

    Attributes:
        ipv6: whether addresses have 128 bits, because a flow of the training trace is IPv6.
        words: vectors of ports and protocols, or None when these are bits.
    """

    ipv6: bool
    words: Words | None

    @property
    def address_bits(self) -> int:
        """Bits of one address."""
        return 128 if self.ipv6 else 32

    @property
    def bits(self) -> int:
        """Bits of a 5-tuple."""
        return 2 * self.address_bits + (33 if self.words is None else 0) + int(self.ipv6)

    @property
    def vectors(self) -> int:
        """Vectors of a 5-tuple: source port, destination port, protocol."""
        return 0 if self.words is None else 3

    @property
    def width(self) -> int:
        """Numbers of a 5-tuple: two for a bit, ten for a vector; 158 for IPv4 with words."""
        return 2 * self.bits + WIDTH * self.vectors

    def encode(self, heads: PacketTrace) -> Bits:
        """Bits of the 5-tuple of each packet, uint8 (F, bits). The words are those that `Words.index` finds."""
        parts: list[npt.NDArray[Any]] = [self._address_bits(heads.source), self._address_bits(heads.destination)]
        if self.words is None:
            parts += [_bits(heads.source_port), _bits(heads.destination_port), (heads.protocol == UDP)[:, None]]
        if self.ipv6:
            parts.append(~heads.is_ipv4()[:, None])
        return np.concatenate(parts, axis=1, dtype=np.uint8)

    def decode(self, bits: Bits, vectors: Vectors) -> dict[str, npt.NDArray[Any]]:
        """The columns of the 5-tuples for bits, uint8 (F, bits), and vectors, float32 (F, 30) or (F, 0)."""
        size = self.address_bits
        sides = {"source": bits[:, :size], "destination": bits[:, size : 2 * size]}
        ipv6 = bits[:, -1].astype(bool) if self.ipv6 else np.zeros(len(bits), bool)
        columns: dict[str, npt.NDArray[Any]] = {name: _address(side, ipv6) for name, side in sides.items()}
        if self.words is None:
            ports = _numbers(bits[:, 2 * size : 2 * size + 32], ">u2")
            columns["source_port"], columns["destination_port"] = ports.T
            columns["protocol"] = np.where(bits[:, 2 * size + 32], UDP, TCP).astype(np.uint8)
        else:
            columns["source_port"] = self.words.nearest_ports(vectors[:, :WIDTH])
            columns["destination_port"] = self.words.nearest_ports(vectors[:, WIDTH : 2 * WIDTH])
            columns["protocol"] = self.words.nearest_protocols(vectors[:, 2 * WIDTH :])
        return columns

    def _address_bits(self, address: npt.NDArray[np.uint64]) -> Bits:
        if self.ipv6:
            # Without the prefix that says that an address is IPv4, which has a bit of its own.
            address = np.where(is_ipv4(address)[:, None], address & _LAST_32, address)
        return _bits(address)[:, -self.address_bits :]


def _bits(values: npt.NDArray[Any]) -> Bits:
    """The bits of the unsigned integers of each row, most significant first, uint8 (N, bits) for (N,) or (N, n)."""
    octets = np.ascontiguousarray(values, values.dtype.newbyteorder(">")).view(np.uint8)
    return np.unpackbits(octets.reshape(len(values), -1), axis=1)


def _numbers(bits: Bits, kind: str) -> npt.NDArray[Any]:
    """The inverse of `_bits` for a type such as ">u2", (N, n)."""
    return np.packbits(bits, axis=1).view(kind).astype(kind.replace(">", ""))


def _address(bits: Bits, ipv6: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """Addresses as the halves that a trace holds, uint64 (N, 2)."""
    short = ipv4_address(_numbers(bits[:, -32:], ">u4")[:, 0])
    if not ipv6.any():
        return short
    long = _numbers(bits, ">u8")
    # Bits drawn at random may be those of an IPv4 address inside IPv6.
    long[is_ipv4(long), 0] |= _PREFIX
    return np.where(ipv6[:, None], long, short)
