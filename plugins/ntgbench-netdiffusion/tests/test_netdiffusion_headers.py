"""Headers as bits, and their repair."""

import tracemalloc

import made_traces
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_traces import DATA, down, trace, up
from ntgbench_netdiffusion.images import Flows, Layout
from ntgbench_netdiffusion.nprint import ABSENT, COLUMNS, HEADERS, WIDTH, decode, encode, names, number
from ntgbench_netdiffusion.repair import WINDOW, repaired
from ntgbench_trace_records.validity import valid_packets, valid_tcp_flows

from ntgbench.tracks.headers.example import example_trace
from ntgbench.tracks.headers.track import has_room
from ntgbench.traffic.export import write_pcap
from ntgbench.traffic.trace import ACK, FIN, PSH, RST, SYN, TCP, UDP, PacketTrace, ipv4_address

FIELDS = (
    "source_port", "destination_port", "protocol", "ip_length", "payload_length", "ttl", "tcp_flags", "tcp_sequence",
    "tcp_acknowledgement", "tos", "ip_id", "ip_flags", "fragment_offset",
)  # fmt: skip


def as_trace(images, rng=None):
    """The packets of images, flow by flow, each flow with its own addresses."""
    rng = rng or np.random.default_rng(1)
    flow, rank = np.nonzero((images != ABSENT).any(2))
    columns = decode(images[flow, rank])
    six = columns.pop("ipv6")
    ends = np.where(
        six[:, None], np.array([0x2001_0DB8 << 32, 0], np.uint64), ipv4_address(np.zeros(len(flow), np.uint32))
    )
    ends[:, 1] += flow.astype(np.uint64) + np.uint64(1)
    return PacketTrace.of(time_ns=np.arange(len(flow)), source=ends, destination=ends, **columns)


def random_images(rng, flows=40, rows=6):
    """Images of random bits, in which each packet has one IP and one transport header, and some rows have no packet."""
    images = rng.integers(0, 2, (flows, rows, WIDTH)).astype(np.int8)
    six, udp = rng.random((2, flows, rows)) < rng.random((2, flows, 1))
    for header, has in zip(HEADERS, (~six, six, ~udp, udp), strict=True):
        images[~has, HEADERS[header]] = ABSENT
    gaps = rng.random((flows, rows)) < 0.2
    gaps[:, 0] = False
    images[gaps] = ABSENT
    return images


@settings(max_examples=60, deadline=None)
@given(made_traces.traces())
def test_fields_come_back_from_their_bits(made):
    bits = encode(made)
    assert set(np.unique(bits)) <= {-1, 0, 1}
    found = decode(bits)
    np.testing.assert_array_equal(found["ipv6"], ~made.is_ipv4())
    for name in FIELDS:
        np.testing.assert_array_equal(found[name], getattr(made, name), err_msg=name)


def test_a_packet_by_hand():
    made = PacketTrace.of(
        time_ns=[0], source=[1], destination=[2], source_port=[443], destination_port=[0x8001], protocol=[TCP],
        ip_length=[52 + 100], payload_length=[100], ttl=[64], tcp_flags=[SYN | ACK], tcp_sequence=[2**31 + 5],
        tcp_acknowledgement=[7], tos=[4], ip_id=[3], ip_flags=[2],
    )  # fmt: skip
    text = "".join("." if bit == ABSENT else str(bit) for bit in encode(made)[0])
    ipv4 = [f"{4:04b}", f"{5:04b}", f"{4:08b}", f"{152:016b}", f"{3:016b}", "010", "0" * 13, f"{64:08b}", f"{6:08b}"]
    tcp = [f"{443:016b}", f"{0x8001:016b}", f"{2**31 + 5:032b}", f"{7:032b}", f"{8:04b}", "00010010"]
    assert text == "".join([*ipv4, "." * 44, *tcp, "." * 48])
    of = dict(zip(names(), text, strict=True))
    assert [of[f"ipv4_hl_{bit}"] for bit in range(4)] == list("0101")
    assert "".join(of[f"ipv4_tl_{bit}"] for bit in range(16)) == f"{152:016b}"
    assert "".join(of[f"ipv4_ttl_{bit}"] for bit in range(8)) == f"{64:08b}"
    assert "".join(of[f"tcp_dprt_{bit}"] for bit in range(16)) == f"{0x8001:016b}"
    assert [of[f"tcp_{flag}_0"] for flag in ("cwr", "ece", "urg", "ackf", "psh", "rst", "syn", "fin")] == list(
        "00010010"
    )
    assert (of["ipv4_dfbit_0"], of["udp_len_0"], of["ipv6_ver_0"]) == ("1", ".", ".")


def test_columns_are_those_that_a_trace_holds():
    assert (WIDTH, len(names()), len(set(names()))) == (280, 280, 280)
    assert [HEADERS[name].stop - HEADERS[name].start for name in ("ipv4", "ipv6", "tcp", "udp")] == [80, 44, 108, 48]


def test_udp_by_hand():
    bits = encode(trace(up(0, 30, flags=-1)))
    assert [number(bits, field)[0] for field in ("udp_len", "ipv4_tl", "ipv4_proto", "udp_dport")] == [38, 58, 17, 443]
    assert (bits[0, HEADERS["tcp"]] == ABSENT).all()


def flow_images(made, rows):
    flows = Flows.of(made, rows)
    return flows.images(range(len(flows)))


def test_images_hold_the_first_packets_of_each_flow():
    made = trace(up(0, 1), down(1, 2), up(2, 3), up(3, 4))
    images = flow_images(made, 2)
    assert images.shape == (2, 2, WIDTH)
    np.testing.assert_array_equal(number(images, "ipv4_tl"), [[41, 43], [42, 0]])
    assert (images[1, 1] == ABSENT).all()


def test_kinds_are_those_of_the_first_packets():
    made = example_trace()
    heads = made.select(made.flows.heads())
    found = Flows.of(made, 2).kinds()
    np.testing.assert_array_equal(found, 2 * ~heads.is_ipv4() + (heads.protocol == UDP))
    assert set(found) >= {0, 1}


@settings(max_examples=40, deadline=None)
@given(made_traces.traces(), st.integers(1, 5))
def test_whole_images_come_back_from_the_columns_that_are_drawn(made, rows):
    flows = Flows.of(made, rows)
    images, layout = flows.images(range(len(flows))), Layout.of(flows)
    of_flow, packets = layout.parts(flows)
    once = np.array(layout.once)
    drawn = np.empty((len(flows), rows, len(once)), np.float32)
    drawn[..., once], drawn[..., ~once] = of_flow[..., :-rows], packets.images(range(len(flows)))
    np.testing.assert_array_equal(of_flow[:, 0, -rows:] == 1, (images != ABSENT).any(2))
    np.testing.assert_array_equal(layout.images(drawn), images)
    # Pixels need only be nearest to their values.
    noise = np.random.default_rng(1).uniform(-0.49, 0.49, drawn.shape)
    np.testing.assert_array_equal(layout.images((drawn + noise).astype(np.float32)), images)


def test_columns_of_one_value_are_not_drawn():
    flows = Flows.of(trace(up(0, 5), up(1, 7), down(2, 9)), 3)
    drawn = {names()[column] for column in Layout.of(flows).drawn}
    # Marks of headers, lengths of 45, 47 and 49 bytes, and ports 40000 and 443, both ways.
    assert {"ipv4_ver_0", "tcp_doff_0", "ipv4_tl_14", "tcp_sprt_0", "tcp_dprt_0"} <= drawn
    assert not any(name.startswith(("udp", "ipv6", "ipv4_ttl", "tcp_seq", "ipv4_hl")) for name in drawn)


@settings(max_examples=30, deadline=None)
@given(made_traces.traces(), st.integers(1, 5))
def test_ports_are_drawn_once(made, rows):
    layout = Layout.of(Flows.of(made, rows))
    once = {names()[column] for column, is_once in zip(layout.drawn, layout.once, strict=True) if is_once}
    ports = {
        names()[column] for column in layout.drawn if names()[column].startswith(("tcp_sprt", "tcp_dprt", "udp_s"))
    }
    assert ports <= once


def test_images_of_all_flows_are_never_there_at_once():
    count, rows = 2_000, 256
    made = trace(*((at, (at + 1, 40_000 + at), (9, 443), DATA, at % 1000) for at in range(count)))
    tracemalloc.start()
    flows = Flows.of(made, rows)
    _, packets = Layout.of(flows).parts(flows)
    packets.images(range(16))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < count * rows * WIDTH / 10


@pytest.mark.parametrize("seed", range(5))
def test_what_no_header_claims_becomes_a_packet(seed):
    layout = Layout.of(Flows.of(example_trace(), 4))
    pixels = np.random.default_rng(seed).uniform(-1, 1, (30, 4, len(layout.drawn))).astype(np.float32)
    for images in (layout.images(pixels), layout.images(np.full_like(pixels, -1))):
        one_of = [(images[..., HEADERS[h].start] != ABSENT).astype(int) for h in HEADERS]
        there = (images != ABSENT).any(2)
        assert there[:, 0].all()
        assert (one_of[0] + one_of[1] == there).all()
        assert (one_of[2] + one_of[3] == there).all()
        assert has_room(as_trace(images)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_repair_makes_valid_flows_of_random_bits(seed):
    images = random_images(np.random.default_rng(seed))
    fixed = repaired(images)
    made = as_trace(fixed)
    assert has_room(made).all()
    assert valid_packets(made).all()
    assert valid_tcp_flows(made)[made.protocol[made.flows.heads()] == TCP].all()
    assert len(made.flows) == len(images)
    np.testing.assert_array_equal(repaired(fixed), fixed)
    short = as_trace(repaired(images, 300))
    assert short.ip_length.max() == 300
    assert valid_packets(short).all()
    assert valid_tcp_flows(short)[short.protocol[short.flows.heads()] == TCP].all()


def test_repair_is_exported_and_raw_bits_are_not_valid(tmp_path):
    images = random_images(np.random.default_rng(1), 200)
    assert valid_packets(as_trace(images)).mean() < 0.5
    made = as_trace(repaired(images))
    write_pcap(made, tmp_path / "made.pcap")
    assert (tmp_path / "made.pcap").stat().st_size > 40 * len(made)


def test_a_connection_stays_as_it_is():
    made = trace(
        up(0, 0, SYN, 2**32 - 3), up(1, 10, ACK | PSH, 2**32 - 2, 100), up(2, 0, ACK, 8, 100),
        up(3, 5, ACK, 8, 2000), up(4, 0, FIN | ACK, 13, 2000), up(5, 0, ACK, 14, 2001), up(6, 0, RST, 14),
    )  # fmt: skip
    images = flow_images(made, 7)
    np.testing.assert_array_equal(repaired(images), images)


def test_flags_and_numbers_follow_those_before():
    wrong = trace(
        up(0, 4, SYN | FIN, 50, 1), up(1, 10, SYN, 7, 100), up(2, 3, FIN | ACK, 9, 100 + WINDOW), up(3, 6, RST, 1, 90),
        up(4, 0, FIN, 1, 120), up(5, 0, FIN | ACK, 1, 119),
    )  # fmt: skip
    found = decode(repaired(flow_images(wrong, 6))[0])
    np.testing.assert_array_equal(found["tcp_flags"], [SYN, ACK, ACK, ACK, FIN | ACK, ACK])
    np.testing.assert_array_equal(found["payload_length"], [0, 10, 3, 6, 0, 0])
    np.testing.assert_array_equal(found["tcp_sequence"], [50, 51, 61, 64, 70, 71])
    np.testing.assert_array_equal(found["tcp_acknowledgement"], [0, 100, 100, 100, 120, 120])


def test_packets_of_a_flow_vote():
    made = trace(*(up(number, 10 * number) for number in range(5)))
    images = flow_images(made, 5)
    images[0, 1, COLUMNS["tcp_sprt"]] ^= 1
    images[0, 2, COLUMNS["ipv4_hl"]] ^= 1
    other = flow_images(trace(up(0, 0, -1)), 1)
    images[0, 3] = other[0, 0]
    found = decode(repaired(images)[0, :4])
    np.testing.assert_array_equal(found["source_port"], 40_000)
    np.testing.assert_array_equal(found["protocol"], TCP)
    # The packet of another protocol is left out, and a header of wrong length does not change that of the packet.
    np.testing.assert_array_equal(found["ip_length"], [40, 50, 60, 80])
    assert (repaired(images)[0, 4] == ABSENT).all()
