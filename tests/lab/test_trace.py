"""The trace of one link: real packets and gaps inside pieces of sessions, at drawn times between drawn addresses."""

from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_packets import TCP, UDP, ethernet, ipv4, pcap, tcp, udp

from benchmarks.lab.hosts import SERVER, Line
from benchmarks.lab.plan import Session
from benchmarks.lab.trace import BEGIN, SECONDS, SHORTEST, build_trace, cuts, read_programs
from benchmarks.lab.trace_sheet import trace_datasheet
from benchmarks.lab.workload import Workload

LINE = Line(rate=10, mtu=1500, delay=0, jitter=0, loss=0)
WEB = Workload("web", "", lambda site: nullcontext(), lambda visit: None, (443,), (1, 1), "", ())
NAMES = Workload("names", "", lambda site: nullcontext(), lambda visit: None, (53,), (1, 1), "", ())
SESSIONS = [Session(kind.name, 1 + number % 2, number, 3, 0, LINE) for number in range(1, 41) for kind in (WEB, NAMES)]
SESSIONS = [session for session in SESSIONS if (session.workload == "web") == (session.number % 4 < 2)]
PIECES = 3
SEQUENCES = (4_294_967_290, 77)  # the client's wraps around


def exchange(session, piece):
    """(us since the piece's start, frame) of a connection or of a question, on a port of its own."""
    client = 40_000 + 10 * session.number + piece
    if session.workload == "names":
        ask = ipv4(udp(30, (client, 53)), UDP, source=session.address, destination=SERVER)
        answer = ipv4(udp(90, (53, client)), UDP, source=SERVER, destination=session.address)
        return [(0, ethernet(ask)), (100 + session.number, ethernet(answer))]
    own, other = SEQUENCES
    packets = [(0x02, 0, own, 0, True), (0x12, 0, other, own + 1, False), (0x10, 0, own + 1, other + 1, True)]
    packets += [(0x18, 500, own + 1, other + 1, True), (0x18, 900, other + 1, own + 501, False)]
    packets += [(0x11, 0, own + 501, other + 901, True)]
    made = []
    for place, (flags, payload, sequence, acknowledges, up) in enumerate(packets):
        ports = (client, 443) if up else (443, client)
        ends = (session.address, SERVER) if up else (SERVER, session.address)
        numbers = (sequence % 2**32, acknowledges % 2**32)
        body = tcp(payload, flags, ports, numbers=numbers)
        made.append((place * (1000 + session.number), ipv4(body, TCP, source=ends[0], destination=ends[1])))
    return [(time, ethernet(packet)) for time, packet in made]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Of two captures, in which the sessions follow one another."""
    paths = []
    for slot in (0, 1):
        frames, now = [], 10**8
        for session in SESSIONS[slot::2]:
            for piece in range(PIECES):
                frames += [(now + time, frame) for time, frame in exchange(session, piece)]
                now += 30_000
        paths.append(tmp_path_factory.mktemp("lab") / "slot.pcap")
        times = [divmod(time, 10**6) for time, _ in frames]
        paths[-1].write_bytes(pcap([frame for _, frame in frames], times=times))
    return read_programs(paths, SESSIONS, [WEB, NAMES])


@given(st.lists(st.integers(0, 4), max_size=12))
def test_a_cut_is_where_no_biflow_has_packets_on_both_sides(biflow):
    found = cuts(np.array(biflow, np.int64)).tolist()
    assert found == [place for place in range(len(biflow) + 1) if not set(biflow[:place]) & set(biflow[place:])]


def test_programs_are_sessions_with_their_pieces(programs):
    assert [program.session.code for program in programs] == sorted(session.code for session in SESSIONS)
    assert all(len(program.cuts) == PIECES + 1 for program in programs)
    web = next(program for program in programs if program.session.workload == "web")
    assert web.upstream[:6].tolist() == [True, False, True, True, False, True]
    assert web.packets.tcp_sequence[:6].tolist() == [0, 0, 1, 1, 1, 501]
    assert web.packets.tcp_acknowledgement[:6].tolist() == [0, 1, 1, 1, 501, 901]


def test_packets_and_gaps_are_real_and_each_is_there_once(programs):
    trace, facts = build_trace(programs, seed=1)
    assert (np.diff(trace.time_ns) >= 0).all()
    assert trace.time_ns.min() >= BEGIN * 10**9
    assert trace.time_ns.max() < (BEGIN + SECONDS) * 10**9
    assert facts["packets"] == len(trace)
    ports = np.where(trace.source_port > 40_000, trace.source_port, trace.destination_port).astype(int)
    for port in np.unique(ports):
        session = next(one for one in SESSIONS if one.number == (port - 40_000) // 10)
        held = trace.select(ports == port)
        times = [time for time, _ in exchange(session, 0)]
        if held.time_ns[0] - BEGIN * 10**9 > 10**9 and (BEGIN + SECONDS) * 10**9 - held.time_ns[-1] > 10**9:
            assert ((held.time_ns - held.time_ns[0]) // 1000).tolist() == times
            assert len(np.unique(held.source[:, 1])) == 2
    first = {int(port): int(trace.time_ns[ports == port][0]) for port in np.unique(ports)}
    pauses = [time - first[port - 1] for port, time in first.items() if port % 10 and port - 1 in first]
    assert min(pauses) >= SHORTEST * 1e9
    assert max(pauses) > 4 * SHORTEST * 1e9


def test_addresses_are_for_examples_and_a_server_is_of_one_class(programs):
    trace, facts = build_trace(programs, seed=1)
    up = trace.source_port > 40_000
    client = np.where(up, trace.source[:, 1], trace.destination[:, 1]) & np.uint64(0xFFFF_FFFF)
    server = np.where(up, trace.destination[:, 1], trace.source[:, 1]) & np.uint64(0xFFFF_FFFF)
    assert set((client >> np.uint64(16)).tolist()) == {198 << 8 | 18}
    assert set((server >> np.uint64(8)).tolist()) == {192 << 16 | 2}
    assert facts["clients"] == len(set(client.tolist()))
    service = np.where(up, trace.destination_port, trace.source_port)
    assert len(set(zip(server.tolist(), service.tolist(), strict=True))) == len(set(server.tolist())) == 2
    pairs = set(zip(trace.source[:, 1].tolist(), trace.ttl.tolist(), strict=True))
    assert len(pairs) == len({address for address, _ in pairs})
    assert all(64 - 16 < ttl < 64 for _, ttl in pairs)
    assert sum(one["packets"] for one in facts["classes"].values()) == len(trace)
    assert sum(one["flows"] for one in facts["classes"].values()) == facts["flows"] == len(trace.flows)


def test_the_seed_decides_and_the_size_ends(programs):
    one, again, other = (build_trace(programs, seed)[0].digest() for seed in (1, 1, 2))
    assert one == again != other
    small, _ = build_trace(programs, 1, size=100)
    assert len(small) == 0, "every piece has more than one in 200 of the packets"
    enough, _ = build_trace(programs, 1, size=400)
    assert set(enough.protocol.tolist()) == {UDP}, "six packets are too many for a piece, two are not"


def test_the_datasheet_says_what_was_drawn(programs):
    _, facts = build_trace(programs, seed=1)
    system = {"kernel": "6.1-x", "python": "3.12"}
    page = trace_datasheet(
        {"trace": facts, "seed": 1, "scale": 1.0, "rate": "", "delay_jitter_loss": "", "mtu": "", "system": system}
        | {"versions": {"curl": "8"}}
    )
    assert f"headers of {facts['packets']:,} packets" in page
    assert f"{facts['visits']} visits" in page
    assert "| `web`" in page
