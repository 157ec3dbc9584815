"""Bijections of client ports inside their range, and of addresses inside their prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Numbers = npt.NDArray[np.int64]
Ports = npt.NDArray[np.uint16]
Addresses = npt.NDArray[np.uint64]

PORTS = 2**16

RANGES = ((1024, 49152), (49152, PORTS))
"""User ports and dynamic ports (RFC 6335, section 6); system ports are never exchanged."""

_IPV4_MULTICAST = np.uint64(0xFFFF_E000_0000)


def service_ports(trace: PacketTrace) -> npt.NDArray[np.bool_]:
    """Ports that are somewhere the lower one of a flow, or equal to the other one: bool (65536,)."""
    found = np.zeros(PORTS, bool)
    found[np.minimum(trace.source_port, trace.destination_port)] = True
    return found


def other_ports(
    sides: tuple[Ports, Ports], services: npt.NDArray[np.bool_], steps: Numbers, rng: np.random.Generator
) -> tuple[Ports, Ports]:
    """Source and destination ports, uint16 (N,) each, with those of clients exchanged.

    Each is moved `steps` times, int64 (N,), along a random cycle through all ports of its range that are not in
    `services`, bool (65536,). So packets with the same number of steps are moved by one bijection.
    """
    cycle, place = np.arange(PORTS), np.zeros(PORTS, np.int64)
    first, length = np.arange(PORTS), np.ones(PORTS, np.int64)
    for low, high in RANGES:
        members = low + np.flatnonzero(~services[low:high])
        cycle[low : low + len(members)] = rng.permutation(members)
        place[cycle[low : low + len(members)]] = np.arange(len(members))
        first[members], length[members] = low, len(members)
    # What is no member keeps its port: its cycle is itself.
    start = np.where(length > 1, first, 0)
    moved = [cycle[start[side] + (place[side] + steps) % length[side]] for side in sides]
    one, other = (np.where(length[side] > 1, to, side).astype(np.uint16) for side, to in zip(sides, moved, strict=True))
    return one, other


def other_addresses(sides: tuple[Addresses, Addresses], rng: np.random.Generator) -> tuple[Addresses, Addresses]:
    """Source and destination addresses, uint64 (N, 2) each, with the last eight bits exchanged.

    One bijection for each prefix; last bits that are all 0 or all 1 stay, and so do multicast and broadcast addresses.
    """
    both = np.concatenate(sides)
    high, low = both[:, 0], both[:, 1]
    prefix = codes(high, low >> np.uint64(8))
    step = rng.integers(1, 254, size=prefix.max() + 1)[prefix]
    last = (low & np.uint64(0xFF)).astype(np.int64)
    other = (last - 1 + step) % 254 + 1
    ipv4 = (high == 0) & (low >> np.uint64(32) == np.uint64(0xFFFF))
    multicast = np.where(ipv4, low >= _IPV4_MULTICAST, high >> np.uint64(56) == np.uint64(0xFF))
    keeps = (last == 0) | (last == 255) | multicast
    both[:, 1] = (low & ~np.uint64(0xFF)) | np.where(keeps, last, other).astype(np.uint64)
    return both[: len(sides[0])], both[len(sides[0]) :]
