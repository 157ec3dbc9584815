"""5-tuples as numbers: addresses bit by bit, ports and protocol as learnt vectors or bit by bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import TCP, UDP, ipv4_address, is_ipv4
from ntgbench_cascadenet.words import WIDTH

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.words import Vectors, Words

Bits = npt.NDArray[np.uint8]

_PREFIX = np.uint64(0x2000 << 48)


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
        parts = [self._address_bits(heads.source), self._address_bits(heads.destination)]
        if self.words is None:
            parts += [_bits(heads.source_port, 16), _bits(heads.destination_port, 16), _bits(heads.protocol == UDP, 1)]
        if self.ipv6:
            parts.append(_bits(~heads.is_ipv4(), 1))
        return np.concatenate(parts, axis=1)

    def decode(self, bits: Bits, vectors: Vectors) -> dict[str, npt.NDArray[Any]]:
        """The columns of the 5-tuples for bits, uint8 (F, bits), and vectors, float32 (F, 30) or (F, 0)."""
        size = self.address_bits
        sides = {"source": bits[:, :size], "destination": bits[:, size : 2 * size]}
        ipv6 = bits[:, -1].astype(bool) if self.ipv6 else np.zeros(len(bits), bool)
        columns: dict[str, npt.NDArray[Any]] = {name: _address(side, ipv6) for name, side in sides.items()}
        if self.words is None:
            ports = bits[:, 2 * size : 2 * size + 32]
            columns["source_port"] = _number(ports[:, :16]).astype(np.uint16)
            columns["destination_port"] = _number(ports[:, 16:]).astype(np.uint16)
            columns["protocol"] = np.where(bits[:, 2 * size + 32], UDP, TCP).astype(np.uint8)
        else:
            columns["source_port"] = self.words.nearest_ports(vectors[:, :WIDTH])
            columns["destination_port"] = self.words.nearest_ports(vectors[:, WIDTH : 2 * WIDTH])
            columns["protocol"] = self.words.nearest_protocols(vectors[:, 2 * WIDTH :])
        return columns

    def _address_bits(self, address: npt.NDArray[np.uint64]) -> Bits:
        low = _bits(address[:, 1] & np.uint64(0xFFFFFFFF), 32)
        if not self.ipv6:
            return low
        ipv4 = is_ipv4(address)[:, None]
        high = np.concatenate([_bits(address[:, 0], 64), _bits(address[:, 1] >> np.uint64(32), 32)], axis=1)
        return np.concatenate([np.where(ipv4, np.uint8(0), high), low], axis=1)


def _bits(values: npt.NDArray[Any], width: int) -> Bits:
    """The last `width` bits of each value, most significant first, uint8 (N, width)."""
    shifts = np.arange(width - 1, -1, -1, dtype=np.uint64)
    found: Bits = (values.astype(np.uint64)[:, None] >> shifts & np.uint64(1)).astype(np.uint8)
    return found


def _number(bits: Bits) -> npt.NDArray[np.uint64]:
    """The number that the bits of each row are, uint64 (N,), at most 64 bits."""
    number = np.zeros(len(bits), np.uint64)
    for column in bits.T:
        number = number << np.uint64(1) | column
    return number


def _address(bits: Bits, ipv6: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """Addresses as the halves that a trace holds, uint64 (N, 2)."""
    address = ipv4_address(_number(bits[:, -32:]).astype(np.uint32))
    if bits.shape[1] == 128:
        long = np.stack([_number(bits[:, :64]), _number(bits[:, 64:])], axis=1)
        # Bits drawn at random may be those of an IPv4 address inside IPv6.
        long[is_ipv4(long), 0] |= _PREFIX
        address = np.where(ipv6[:, None], long, address)
    return address
