"""From captures to the trace of one link: parts of the lab's sessions, placed at drawn times; see its datasheet."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.lab.plan import Session
from benchmarks.lab.table import label
from benchmarks.lab.workload import Workload
from ntgbench.seeds import derive_seed
from ntgbench.traffic.capture import Capture, read_capture
from ntgbench.traffic.segmentation import segment
from ntgbench.traffic.trace import ACK, PacketTrace, ipv4_address

PACKETS = 100_000
"""Packets of a trace, as soon as there are sessions enough; the last visit adds some."""

SECONDS = 15
"""Length of a trace."""

LEAD = 5
"""Seconds before the trace from which on visits begin, so that the link is busy when the trace begins."""

BEGIN = 1_767_225_600
"""2026-01-01 00:00 UTC, in seconds since the epoch."""

CLIENTS = ipaddress.IPv4Network("198.18.0.0/16")
"""Of RFC 2544, for benchmarks."""

SERVERS = ipaddress.IPv4Network("192.0.2.0/24")
"""Of RFC 5737, for documentation."""

HOUSEHOLDS = 200
"""Addresses of clients; the one of rank r makes a visit with a chance proportional to 1 / sqrt(r)."""

ANOTHER = 0.5
"""Chance that a visit has one more program."""

TAIL = 1.4
"""Shape of the Pareto distributions of pauses and of the packets of a program: below 2, so their variance is large."""

FEWEST = 20
"""Packets of a program, if it has as many."""

SHORTEST, LONGEST = 0.025, 3.0
"""Seconds of pauses: as short as the trace is, for the lab's programs think for 30 ms, and its lines have no delay."""

LARGEST = 0.005
"""Share of a trace's packets: pieces that have more are left out."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Program:
    """What a session sent and received, in the order of time."""

    session: Session
    packets: PacketTrace  # TCP numbers count from the first of each connection and direction
    upstream: npt.NDArray[np.bool_]  # bool (N,). Whether the client sent the packet
    # int64 (P + 1,). Where pieces begin, and the end. Pieces are cut where no biflow is open, so each has all packets
    # of its biflows, and their gaps.
    cuts: Numbers


def read_programs(
    captures: Iterable[Path], sessions: Sequence[Session], workloads: Sequence[Workload]
) -> list[Program]:
    """The packets of the sessions' biflows that have the session's class, in the order of the sessions' codes."""
    found: list[Program] = []
    for path in captures:
        found += _programs(read_capture(path), sessions, workloads)
    return sorted(found, key=lambda program: program.session.code)


def _programs(capture: Capture, sessions: Sequence[Session], workloads: Sequence[Workload]) -> Iterator[Program]:
    segmentation = segment(capture.trace)
    code, app = label(capture, segmentation, sessions, workloads)
    code[[not name for name in app]] = -1
    of_packet = code[segmentation.flow]
    order = np.lexsort((capture.trace.time_ns, of_packet))
    codes, begins = np.unique(of_packet[order], return_index=True)
    of_code = {session.code: session for session in sessions}
    for one, rows in zip(codes.tolist(), np.split(order, begins[1:]), strict=True):
        if one >= 0:
            packets, biflow = capture.trace.select(rows), segmentation.flow[rows]
            client = ipv4_address(np.array([int(ipaddress.IPv4Address(of_code[one].address))], np.uint32))
            upstream = (packets.source == client).all(axis=1)
            yield Program(of_code[one], _relative(packets, biflow, upstream), upstream, cuts(biflow))


def _relative(packets: PacketTrace, biflow: Numbers, upstream: npt.NDArray[np.bool_]) -> PacketTrace:
    """The packets with TCP numbers that count from the first of their connection and direction."""
    own, other = 2 * biflow + upstream, 2 * biflow + ~upstream
    ways, first = np.unique(own, return_index=True)
    base = packets.tcp_sequence[first]
    place = np.minimum(np.searchsorted(ways, other), len(ways) - 1)
    answers = (ways[place] == other) & (packets.tcp_flags & ACK != 0)
    return replace(
        packets,
        tcp_sequence=packets.tcp_sequence - base[np.searchsorted(ways, own)],
        tcp_acknowledgement=np.where(answers, packets.tcp_acknowledgement - base[place], np.uint32(0)),
    )


def cuts(biflow: Numbers) -> Numbers:
    """Where no biflow is open, `biflow` being each packet's: before the first packet, between some, after the last."""
    opened, closed = np.zeros((2, len(biflow) + 1), np.int64)
    opened[np.unique(biflow, return_index=True)[1]] = 1
    closed[len(biflow) - np.unique(biflow[::-1], return_index=True)[1]] = 1
    return np.flatnonzero(np.cumsum(opened) - opened - np.cumsum(closed) == 0)


def build_trace(programs: Sequence[Program], seed: int, size: int = PACKETS) -> tuple[PacketTrace, dict[str, Any]]:
    """A trace of about `size` packets, fewer when the programs have not as many, and what its datasheet says of it.

    Each session is in it once at most.
    """
    rng = np.random.default_rng(derive_seed(seed, "trace"))
    clients = int(CLIENTS[0]) + 1 + rng.choice(CLIENTS.num_addresses - 2, HOUSEHOLDS, replace=False)
    active = np.arange(1, HOUSEHOLDS + 1) ** -0.5
    classes = sorted({program.session.workload for program in programs})
    servers = dict(zip(classes, (int(SERVERS[0]) + 1 + rng.permutation(254)).tolist(), strict=False))
    hops = {int(address): int(rng.integers(2, 16)) for address in (*clients, *servers.values())}
    left = [programs[place] for place in rng.permutation(len(programs))]
    parts: list[PacketTrace] = []
    packets = visits = 0
    while left and packets < size:
        client = int(rng.choice(clients, p=active / active.sum()))
        begin = int(rng.uniform(-LEAD, SECONDS) * 1e6)
        visits += 1
        for program in _together(left, rng):
            rows, time_us = _placed(program, rng, int(LARGEST * size))
            server = servers[program.session.workload]
            part = _named(program, rows, begin + time_us, (client, server), (hops[client], hops[server]))
            parts.append(part.window(BEGIN * 10**9, (BEGIN + SECONDS) * 10**9))
            packets += len(parts[-1])
            begin += int(_pareto(rng, 1, SHORTEST * 1e6, LONGEST * 1e6)[0])
    trace = PacketTrace.concat(parts).sorted_by_time()
    return trace, {
        "packets": len(trace),
        "flows": len(trace.flows),
        "clients": len(set(clients.tolist()) & _addresses(trace)),
        "visits": visits,
        "sessions": sum(len(part) > 0 for part in parts),
        "largest_piece": int(LARGEST * size),
        "classes": {name: _of_server(trace, server) for name, server in servers.items()},
    }


def _addresses(trace: PacketTrace) -> set[int]:
    return set((np.concatenate([trace.source, trace.destination])[:, 1] & np.uint64(0xFFFF_FFFF)).tolist())


def _of_server(trace: PacketTrace, server: int) -> dict[str, Any]:
    address = ipv4_address(np.array([server], np.uint32))
    held = trace.select(((trace.source == address) | (trace.destination == address)).all(axis=1))
    return {"server": str(ipaddress.IPv4Address(server)), "packets": len(held), "flows": len(held.flows)}


def _together(left: list[Program], rng: np.random.Generator) -> list[Program]:
    """The programs of a visit, of different classes, taken from those that are left."""
    taken = [left.pop()]
    while left and rng.random() < ANOTHER:
        if left[-1].session.workload in [program.session.workload for program in taken]:
            break
        taken.append(left.pop())
    return taken


def _placed(program: Program, rng: np.random.Generator, largest: int) -> tuple[Numbers, Numbers]:
    """Rows of the first pieces of a program, until they have as many packets as are drawn, and their times in us.

    Gaps inside a piece are those of the capture, and the pause before each piece is drawn. No piece has
    more than `largest` packets.
    """
    begins, ends = program.cuts[:-1], program.cuts[1:]
    fits = np.flatnonzero(ends - begins <= largest)
    sent = np.cumsum(ends[fits] - begins[fits])
    fits = fits[: np.searchsorted(sent, _pareto(rng, 1, FEWEST, largest)[0]) + 1]
    time_us = (program.packets.time_ns - program.packets.time_ns[0]) // 1000
    starts = np.cumsum(_pareto(rng, len(fits), SHORTEST * 1e6, LONGEST * 1e6))
    starts[1:] += np.cumsum(time_us[ends[fits] - 1] - time_us[begins[fits]])[:-1]
    rows = np.concatenate([np.arange(begins[piece], ends[piece]) for piece in fits]) if len(fits) else fits
    return rows, time_us[rows] + np.repeat(starts - time_us[begins[fits]], ends[fits] - begins[fits])


def _named(
    program: Program, rows: Numbers, time_us: Numbers, ends: tuple[int, int], hops: tuple[int, int]
) -> PacketTrace:
    """Packets of a program between a client and a server, each as many hops from the link as `hops` says."""
    upstream, packets = program.upstream[rows], program.packets.select(rows)
    client, server = (ipv4_address(np.array([end], np.uint32)) for end in ends)
    return replace(
        packets,
        time_ns=(BEGIN * 10**6 + time_us) * 1000,
        source=np.where(upstream[:, None], client, server),
        destination=np.where(upstream[:, None], server, client),
        ttl=packets.ttl - np.where(upstream, *hops).astype(np.uint8),
    )


def _pareto(rng: np.random.Generator, count: int, smallest: float, largest: float) -> Numbers:
    """Whole numbers from a Pareto distribution, cut off at `largest`."""
    return np.minimum(smallest * (1 - rng.random(count)) ** (-1 / TAIL), largest).astype(np.int64)
