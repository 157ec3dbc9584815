"""Addresses as numbers: words of 32 bits, or ranks among those of the training trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import ipv4_address, is_ipv4

if TYPE_CHECKING:
    from ntgbench_ctgan.columns import Reals

Addresses = npt.NDArray[np.uint64]

_WORD = np.uint64(0xFFFF_FFFF)
_SHIFT = np.uint64(32)

_PREFIX = np.uint64(0x2000 << 48)
"""2000::/3, the global addresses (RFC 4291, section 2.4)."""


@dataclass(frozen=True, eq=False)
class Known:
    """The addresses of a trace, which are numbered.

    Attributes:
        addresses: uint64 (A, 2), each once, ascending: those of IPv4, which are mapped ones, stand beside each other.
    """

    addresses: Addresses

    @staticmethod
    def of(*sides: Addresses) -> Known:
        """The addresses that occur in any of `sides`, uint64 (N, 2) each."""
        return Known(np.unique(np.concatenate(sides), axis=0))

    def ranks(self, addresses: Addresses) -> Reals:
        """The rank of each address, float64 (N,); all must be known."""
        both = np.concatenate([self.addresses, addresses])
        _, code = np.unique(both, axis=0, return_inverse=True)
        return code.reshape(-1)[len(self.addresses) :].astype(np.float64)

    def at(self, ranks: Reals, ipv6: npt.NDArray[np.bool_]) -> Addresses:
        """The address of the rank nearest to each of `ranks`, (N,), of those with the version that is wanted."""
        nearest = np.clip(np.rint(ranks), 0, len(self.addresses) - 1).astype(np.int64)
        is_short = is_ipv4(self.addresses)
        for version in (True, False):
            allowed = np.flatnonzero(is_short != version)
            wrong = (ipv6 == version) & (is_short[nearest] == version)
            if wrong.any() and len(allowed):
                after = np.clip(np.searchsorted(allowed, nearest[wrong]), 0, len(allowed) - 1)
                before = np.maximum(after - 1, 0)
                closer = np.abs(allowed[before] - nearest[wrong]) < np.abs(allowed[after] - nearest[wrong])
                nearest[wrong] = allowed[np.where(closer, before, after)]
        return self.addresses[nearest]


def words(addresses: Addresses, ipv6: bool) -> list[Reals]:
    """The 32-bit words of addresses, the most significant first, float64 (N,) each.

    There are four where a trace has IPv6, of which IPv4 addresses leave the first three 0, and else the last alone.
    """
    last = (addresses[:, 1] & _WORD).astype(np.float64)
    if not ipv6:
        return [last]
    is_long = ~is_ipv4(addresses)
    parts = (addresses[:, 0] >> _SHIFT, addresses[:, 0] & _WORD, addresses[:, 1] >> _SHIFT)
    return [*(np.where(is_long, part, np.uint64(0)).astype(np.float64) for part in parts), last]


def of_words(parts: list[Reals], ipv6: npt.NDArray[np.bool_]) -> Addresses:
    """The addresses, uint64 (N, 2), of numbers that need not be whole; which are IPv6 is given, bool (N,)."""
    whole: list[npt.NDArray[Any]] = [np.clip(np.rint(part), 0, 2**32 - 1).astype(np.uint64) for part in parts]
    short = ipv4_address(whole[-1].astype(np.uint32))
    if len(whole) == 1 or not ipv6.any():
        return short
    long = np.stack([(whole[0] << _SHIFT) | whole[1], (whole[2] << _SHIFT) | whole[3]], axis=1)
    # Numbers that are made may be those of an IPv4 address inside IPv6.
    long[is_ipv4(long), 0] |= _PREFIX
    return np.where(ipv6[:, None], long, short)
