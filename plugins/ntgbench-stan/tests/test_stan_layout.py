"""Columns hold a packet, links point at the right one, and ports stay in their buckets."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_stan import ipv4_example, tiny
from ntgbench_stan.layout import Layout, bucket, bucket_ends
from ntgbench_stan.links import links
from ntgbench_stan.ports import Ports

from ntgbench.tracks.headers.example import example_trace

TRACES = {"both": example_trace(), "IPv4": ipv4_example()}


@pytest.mark.parametrize("exact", [0, 3, 1000])
@pytest.mark.parametrize("name", TRACES)
def test_decoding_gives_the_packets_back(name, exact):
    trace = TRACES[name]
    layout = Layout.of(trace, tiny(exact_lengths=exact))
    codes = layout.encode(trace)
    assert layout.columns[0].name == "gap"
    assert ((codes >= 0) & (codes < [column.size for column in layout.columns])).all()
    ports = np.column_stack([trace.source_port, trace.destination_port]).astype(np.int64)
    # Identifications are not made.
    expected = replace(trace, ip_id=np.zeros(len(trace), np.uint16))
    assert layout.decode(codes, ports, trace.time_ns).digest() == expected.digest()


def test_a_time_between_packets_lies_in_its_bin():
    trace = ipv4_example()
    layout = Layout.of(trace, tiny(bins=1000))
    codes = layout.encode(trace)[1:, layout.at["gap"]]
    low, high = (layout.gaps_ns(codes, np.full(len(codes), end)) for end in (0.0, 1.0))
    gaps = np.diff(trace.time_ns)
    assert (low <= gaps + 1e-6 * gaps + 1e-6).all()
    assert (gaps <= high * (1 + 1e-6) + 1e-6).all()


@given(port=st.integers(0, 65_535))
def test_a_port_lies_in_its_bucket_of_one_or_a_hundred(port):
    first, end = bucket_ends(bucket(np.array([port])))
    assert first[0] <= port < end[0] <= 65_536
    assert end[0] - first[0] == (1 if port < 1024 else 100 if port < 65_524 else 12)


@pytest.mark.parametrize("inside", ["histogram", "uniform"])
def test_ports_are_drawn_inside_their_bucket(inside):
    trace = ipv4_example()
    layout = Layout.of(trace, tiny())
    code = torch.arange(len(layout.buckets)).repeat_interleave(2000)
    drawn = Ports(layout, inside).draw(code, torch.Generator().manual_seed(1)).numpy()
    np.testing.assert_array_equal(bucket(drawn), layout.buckets[code.numpy()])
    one = drawn[code.numpy() == len(layout.buckets) - 1]
    if inside == "uniform":
        first, end = bucket_ends(layout.buckets[-1:])
        values, expected = np.arange(first[0], end[0]), np.full(end[0] - first[0], 1 / (end[0] - first[0]))
    else:
        inside_last = bucket(layout.values["port"]) == layout.buckets[-1]
        values = layout.values["port"][inside_last]
        expected = layout.port_count[inside_last] / layout.port_count[inside_last].sum()
    np.testing.assert_allclose([(one == value).mean() for value in values], expected, atol=0.05)


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_links_point_at_the_last_packet_between_the_same_ends(most):
    trace = example_trace()
    found = links(trace, most)
    ends = [
        ((*a, p), (*b, q), c)
        for a, p, b, q, c in zip(
            trace.source.tolist(),
            trace.source_port.tolist(),
            trace.destination.tolist(),
            trace.destination_port.tolist(),
            trace.protocol.tolist(),
            strict=True,
        )
    ]
    for at, (one, other, protocol) in enumerate(ends):
        expected = 0
        for back in range(1, min(most, at) + 1):
            if ends[at - back] in ((one, other, protocol), (other, one, protocol)):
                expected = 2 * back - (ends[at - back] == (one, other, protocol))
                break
        assert found[at] == expected
