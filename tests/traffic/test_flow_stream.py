"""Captures read as streams: whatever is in memory at a time, the flows are those of the whole."""

from __future__ import annotations

import gzip
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_captures import connection, files, fragments_4
from made_packets import TCP, UDP, ethernet, ipv4, pcap, tcp, udp
from real_traffic import REAL_TRAFFIC, needs_real_traffic

from ntgbench.errors import CaptureError
from ntgbench.traffic.capture import read_capture
from ntgbench.traffic.capture_files import record_chunks
from ntgbench.traffic.capture_flows import NO_FLOWS, Account, flow_tables
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.segmentation import flow_table, segment

TOO_LATE = "too late to be sorted"


def whole(path, **options):
    """The flows and changes of a capture that is in memory as a whole, and its warnings."""
    capture = read_capture(path, **options)
    flows, changes = flow_table(capture.trace, segment(capture.trace), "app")
    return columns(flows), {**capture.changes(), **changes}, capture.warnings


def streamed(path, block, hold, bucket, **options):
    account = Account()
    tables = flow_tables(path, account, "app", block=block, hold=hold, bucket=bucket, **options)
    return columns(FlowTable.concat([NO_FLOWS, *tables])), dict(account.changes), account.warnings


def columns(flows):
    return [column.tolist() for column in (flows.offsets, flows.signed_pl, flows.label, flows.iat)], flows.classes


@pytest.mark.parametrize("number", range(len(files())))
@pytest.mark.parametrize("block", [60, 1000])
def test_files_of_every_format_are_read_block_by_block(tmp_path, number, block):
    path = tmp_path / "made.cap"
    path.write_bytes(files()[number])
    # Which record header a modified pcap file has is decided by its first block.
    block = 5000 if number in (3, 4) else block
    for inner in (False, True):
        assert streamed(path, block, 100, 5, inner=inner) == whole(path, inner=inner)


@pytest.mark.parametrize("number", range(len(files())))
def test_damage_is_found_wherever_a_block_ends(tmp_path, number):
    path, file = tmp_path / "made.cap", files()[number]
    dice = random.Random(number)
    for _ in range(8):
        data = bytearray(file[: dice.randrange(30, len(file))])
        for _ in range(dice.randrange(4)):
            data[dice.randrange(24, len(data))] = dice.choice((0, 1, 255, dice.randrange(256)))
        path.write_bytes(data)
        block = 5000 if number in (3, 4) else 400
        assert outcome(streamed, path, block, 100, 5) == outcome(whole, path)


def outcome(read, *arguments):
    """What reading gives, or the error."""
    try:
        return read(*arguments, size_limit=2**24)
    except CaptureError as error:
        return str(error)


PIECES = [
    *(connection(1000 * n, 90_000 * n, (40_000 + n % 3, 443), late=n % 4 == 0) for n in range(6)),
    *(fragments_4(udp(3000 + n), UDP, [1000, 1000], identification=n % 2) for n in range(3)),
    fragments_4(tcp(100, options=8), TCP, [8, 8, 16], identification=9),
    [ipv4(udp(n, (53, 1000 + n % 2)), UDP) for n in range(8)],
]


@settings(max_examples=15)
@given(
    st.permutations(range(len(PIECES))),
    st.lists(st.integers(0, 3), min_size=80, max_size=80),
    st.lists(st.sampled_from([0, 0, 0, 1, 1, -1, 50, 130, 700]), min_size=80, max_size=80),
    st.integers(300, 3000),
    st.integers(1, 40),
)
def test_packets_late_and_cut_up_find_their_place(tmp_path_factory, order, picks, steps, block, bucket):
    # Packets of several conversations, mixed, with pauses and with times that go back a little.
    waiting = [list(PIECES[i]) for i in order]
    packets = []
    for pick in picks:
        waiting = [piece for piece in waiting if piece]
        if waiting:
            packets.append(waiting[pick % len(waiting)].pop(0))
    clock = np.cumsum(np.abs(steps[: len(packets)])) + np.minimum(steps[: len(packets)], 0)
    path = tmp_path_factory.getbasetemp() / "mixed.pcap"
    path.write_bytes(pcap(packets, 101, times=[(int(1000 + t), 0) for t in clock]))
    assert streamed(path, block, 30, bucket) == whole(path)


def test_a_gzip_capture_is_expanded_as_it_is_read(tmp_path):
    path = tmp_path / "made.pcap.gz"
    path.write_bytes(gzip.compress(pcap([ethernet(ipv4(tcp(1000), TCP))] * 200)))
    most = max(len(records.data) for records in record_chunks(path, block=1000))
    assert most < 4000
    assert streamed(path, 1000, 100, 50) == whole(path)


def test_a_packet_that_comes_too_late_is_said(tmp_path):
    packets = [ipv4(udp(1 + n), UDP) for n in range(10)]
    path = tmp_path / "late.pcap"
    path.write_bytes(pcap(packets, 101, times=[(1000 + n, 0) for n in range(1, 10)] + [(1000, 0)]))
    account = Account()
    (flows,) = flow_tables(path, account, "app", hold=3, block=60)
    assert (
        account.changes[f"gave {{}} [packet that came|packets that came] {TOO_LATE} the time of the packet before"] == 1
    )
    assert sorted(flows.signed_pl.tolist()) == list(range(1, 11))
    assert flows.iat.min() == 0
    assert streamed(path, 60, 10, 100) == whole(path)


def test_fragments_that_are_too_far_apart_are_not_put_together(tmp_path):
    first, last = fragments_4(udp(3000), UDP, [1000])
    others = [ipv4(udp(7), UDP, source=f"10.0.1.{n}") for n in range(30)]
    path = tmp_path / "far.pcap"
    path.write_bytes(
        pcap([*fragments_4(tcp(500), TCP, [80]), first, *others, last], 101, times=[(1000, n) for n in range(34)])
    )
    near = streamed(path, 60, 40, 100)
    far = streamed(path, 60, 4, 100)
    assert near == whole(path)
    assert near[0][0][1][:2] == far[0][0][1][:2] == [500, 3000]


@needs_real_traffic
@pytest.mark.parametrize("hold", [7, 100, 10_000])
def test_real_captures_as_streams_give_the_same_flows(hold):
    paths = [
        *sorted((REAL_TRAFFIC / "cases").glob("*.pcap")),
        *sorted((REAL_TRAFFIC / "pcaps").iterdir())[hold % 7 :: 40 if hold < 10 else 15],
    ]
    late = 0
    for path in paths:
        found = streamed(path, 4 * hold * hold, hold, hold)
        if any(TOO_LATE in change for change in found[1]):
            late += 1
            continue
        assert found == whole(path), path.name
    assert late <= (len(paths) // 10 if hold < 1000 else 0)
