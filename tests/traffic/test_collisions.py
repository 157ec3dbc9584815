"""Flows that have the same 5-tuple."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ntgbench.traffic.collisions import kept_apart, later_ones
from ntgbench.traffic.trace import TCP, UDP, ipv4_address

PORTS = st.sampled_from([0, 53, 80, 443, 1023, 1024, 5353, 49_151, 49_152, 65_535])


def flows_of(source, destination, source_port, destination_port, protocol):
    return {
        "source": ipv4_address(np.array(source, np.uint32)),
        "destination": ipv4_address(np.array(destination, np.uint32)),
        "source_port": np.array(source_port, np.uint16),
        "destination_port": np.array(destination_port, np.uint16),
        "protocol": np.array(protocol, np.uint8),
    }


def rows(flows):
    return [tuple(np.atleast_1d(part).tolist()[-1] for part in row) for row in zip(*flows.values(), strict=True)]


def test_later_ones_differ_in_nothing_from_an_earlier_one():
    flows = flows_of(
        [1, 1, 2, 1, 1, 1, 1], [2, 2, 1, 3, 2, 2, 2], [9, 9, 9, 9, 8, 9, 9], [7, 7, 7, 7, 9, 7, 7], [6] * 7
    )
    flows["protocol"][5] = 17
    assert later_ones(flows).tolist() == [False, True, False, False, False, False, True]


def test_the_later_flow_gets_a_port_from_the_range_of_its_higher_one():
    # A client's user port, a client's dynamic port, two system ports, two equal ones, and the server as the source.
    ports = [(2000, 443), (50_000, 443), (123, 53), (5353, 5353), (443, 60_000)]
    source_port, destination_port = np.repeat(np.array(ports), 2, axis=0).T
    host = np.repeat(np.arange(5), 2)
    flows = flows_of(host, host + 100, source_port, destination_port, [TCP] * 10)
    apart = kept_apart(flows, np.random.default_rng(1))
    one, other = apart["source_port"].astype(int), apart["destination_port"].astype(int)
    assert list(zip(one[::2], other[::2], strict=True)) == ports
    assert other[1:8:2].tolist() == [443, 443, 53, 5353]
    assert one[9] == 443
    assert 1024 <= one[1] < 49_152 <= min(one[3], one[5], other[9])
    assert 1024 <= one[7] < 49_152
    # What was handed over stays as it was.
    assert flows["source_port"].tolist() == source_port.tolist()


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(1, 2), PORTS, PORTS, st.sampled_from([TCP, UDP])), min_size=1))
@settings(max_examples=100, deadline=None)
def test_all_flows_have_their_own_5_tuple_and_only_later_ones_change(made):
    flows = flows_of(*zip(*made, strict=True))
    later = later_ones(flows)
    seen = set()
    plain = [row in seen or seen.add(row) is not None for row in rows(flows)]
    assert later.tolist() == plain
    apart = kept_apart(flows, np.random.default_rng(1))
    assert list(apart) == list(flows)
    assert all(apart[name].dtype == flows[name].dtype for name in flows)
    assert len(set(rows(apart))) == len(made)
    for before, after, is_later in zip(rows(flows), rows(apart), later.tolist(), strict=True):
        assert (before[0], before[1], before[4]) == (after[0], after[1], after[4])
        if is_later:
            assert before[2:4] != after[2:4]
            lower = 3 if before[2] >= before[3] else 2
            assert before[lower] == after[lower]
        else:
            assert before == after


def test_a_drawn_port_never_takes_that_of_a_flow_which_stays():
    # Nearly all dynamic ports are taken by flows that come later in the list.
    taken = np.arange(49_152, 65_530)
    source_port = np.concatenate([[49_152, 49_152], taken[1:]])
    flows = flows_of(
        np.ones(len(source_port)), np.full(len(source_port), 2), source_port, source_port * 0 + 443, 6 + 0 * source_port
    )
    apart = kept_apart(flows, np.random.default_rng(1))
    changed = np.flatnonzero(apart["source_port"] != flows["source_port"])
    assert changed.tolist() in ([1], [])
    assert not later_ones(apart).any()
    assert (apart["source_port"][2:] == taken[1:]).all()


def test_more_flows_than_ports_between_two_hosts():
    count = 70_000
    source_port = np.random.default_rng(1).integers(0, 65_536, count)
    flows = flows_of(np.ones(count), np.full(count, 2), source_port, np.full(count, 443), np.full(count, TCP))
    apart = kept_apart(flows, np.random.default_rng(2))
    assert not later_ones(apart).any()
    # The fixed port is given up only where there is no other way.
    assert 0.7 < np.mean(apart["destination_port"] == 443) < 1
