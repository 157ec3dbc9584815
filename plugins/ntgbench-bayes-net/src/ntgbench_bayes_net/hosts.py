"""Addresses as categories: hosts that are seen often, and prefixes for all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import is_ipv4
from ntgbench.traffic.trace_flows import codes

Numbers = npt.NDArray[np.int64]
Addresses = npt.NDArray[np.uint64]

HIDDEN = ((0, 0), (8, 8), (16, 64), (32, 128))
"""Bits that a category leaves open, of IPv4 and of IPv6: it stands for one host, or for all with the other bits."""

LEAST = 2
"""How often what a category stands for must occur, but for the last ones."""


@dataclass(frozen=True, eq=False)
class Hosts:
    """H categories of addresses."""

    prefix: Addresses  # uint64 (H, 2). The open bits are 0
    hidden: Numbers  # int64 (H,). Open bits, one of `HIDDEN`
    ipv4: npt.NDArray[np.bool_]  # bool (H,)

    def __len__(self) -> int:
        return len(self.hidden)

    @staticmethod
    def of(address: Addresses, words: int) -> tuple[Hosts, Numbers]:
        """Categories of addresses, uint64 (N, 2), and that of each, int64 (N,); `words` at most of each openness."""
        ipv4 = is_ipv4(address)
        number = np.full(len(address), -1)
        prefixes, hidden, made = [], [], 0
        for step, (four, six) in enumerate(HIDDEN):
            rest = np.flatnonzero(number < 0)
            if not len(rest):
                break
            bits = np.where(ipv4[rest], four, six)
            masked = _masked(address[rest], bits)
            code = codes(masked[:, 0], masked[:, 1], ipv4[rest].astype(np.uint8))
            count = np.bincount(code)
            first = np.zeros(len(count), np.int64)
            first[code[::-1]] = np.arange(len(code))[::-1]
            kept = np.arange(len(count))
            if step < len(HIDDEN) - 1:
                kept = np.sort(np.argsort(-count, kind="stable")[:words])
                kept = kept[count[kept] >= LEAST]
            new = np.full(len(count), -1)
            new[kept] = made + np.arange(len(kept))
            number[rest] = new[code]
            prefixes.append(masked[first[kept]])
            hidden.append(bits[first[kept]])
            made += len(kept)
        prefix = np.concatenate(prefixes)
        return Hosts(prefix, np.concatenate(hidden), is_ipv4(prefix)), number

    def drawn(self, number: Numbers, rng: np.random.Generator) -> Addresses:
        """An address of each category, uint64 (N, 2)."""
        address, hidden, ipv4 = self.prefix[number].copy(), self.hidden[number], self.ipv4[number]
        random = rng.integers(0, 2**64, (2, len(number)), dtype=np.uint64)
        low_bits = np.minimum(hidden, 64)
        address[:, 1] |= random[0] & _ones(low_bits)
        # Neither the network itself nor its broadcast address.
        last = (address[:, 1] & np.uint64(0xFF)) % np.uint64(254) + np.uint64(1)
        address[:, 1] = np.where(hidden > 0, (address[:, 1] & ~np.uint64(0xFF)) | last, address[:, 1])
        # Of any IPv4 or IPv6 address: one that a single host can have.
        anywhere = ipv4 & (hidden == HIDDEN[-1][0])
        first = np.uint64(1) + random[1] % np.uint64(223)
        first = np.where(first == 127, np.uint64(128), first)
        four = (np.uint64(0xFFFF) << np.uint64(32)) | (first << np.uint64(24)) | (address[:, 1] & np.uint64(0xFFFFFF))
        address[:, 1] = np.where(anywhere, four, address[:, 1])
        six = (np.uint64(0b001) << np.uint64(61)) | (random[1] >> np.uint64(3))
        address[:, 0] = np.where(hidden == 128, six, address[:, 0])
        return address


def _ones(bits: Numbers) -> npt.NDArray[np.uint64]:
    """Numbers whose last `bits` bits are 1, at most 64."""
    most = np.uint64(2**64 - 1)
    return np.where(bits > 0, most >> (64 - np.maximum(bits, 1)).astype(np.uint64), np.uint64(0))


def _masked(address: Addresses, bits: Numbers) -> Addresses:
    masked = address.copy()
    masked[:, 1] &= ~_ones(np.minimum(bits, 64))
    masked[:, 0] &= ~_ones(np.maximum(bits - 64, 0))
    return masked
