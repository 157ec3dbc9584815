"""Packets inside connections: a known chain is found, gaps follow it, and headers are those of real hosts."""

import numpy as np
import pytest
from made_bayes_net import fitted
from made_traces import DATA, down, trace, up

from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import ACK, FIN, SYN, TCP, UDP, PacketTrace

PAYLOADS = np.array([10, 100, 1000])
FOLLOWS = np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.5, 0.25, 0.25]])
GAPS_NS = np.array([1_000, 1_000_000, 1_000_000_000])


def known_chain(flows=400, packets=50):
    """Flows whose payloads are a Markov chain; the gap before a packet follows from its payload."""
    rng = np.random.default_rng(1)
    state = np.zeros((flows, packets), np.int64)
    for step in range(1, packets):
        shares = np.cumsum(FOLLOWS[state[:, step - 1]], axis=1)
        state[:, step] = np.minimum((rng.random(flows)[:, None] > shares).sum(axis=1), 2)
    gap = GAPS_NS[state] + rng.integers(0, 100, state.shape)
    gap[:, 0] = 0
    start = np.sort(rng.integers(0, 10**11, flows))
    flow = np.repeat(np.arange(flows), packets)
    return PacketTrace.of(
        time_ns=(start[:, None] + np.cumsum(gap, axis=1)).ravel(),
        source=np.full(len(flow), 1),
        destination=np.full(len(flow), 2),
        source_port=flow + 50_000,
        destination_port=np.full(len(flow), 53),
        protocol=np.full(len(flow), UDP),
        ip_length=28 + PAYLOADS[state].ravel(),
        ttl=np.full(len(flow), 64),
    ).sorted_by_time()


def following(made):
    """Shares of payloads after each payload, and the gaps before each payload."""
    flows = made.flows
    state = np.searchsorted(PAYLOADS, made.payload_length[flows.order])
    inside = np.ones(len(made), bool)
    inside[flows.first] = False
    pairs = np.bincount(state[:-1][inside[1:]] * 3 + state[1:][inside[1:]], minlength=9).reshape(3, 3)
    gap = np.diff(made.time_ns[flows.order], prepend=0)
    return pairs / pairs.sum(axis=1, keepdims=True), [gap[inside & (state == one)] for one in range(3)]


@pytest.mark.parametrize("order", [1, 2])
def test_a_known_chain_is_learnt(order):
    train = known_chain()
    made = fitted(train, order=order).sample(len(train), train.span_ns, np.random.default_rng(2))
    assert set(made.payload_length) == set(PAYLOADS)
    shares, gaps = following(made)
    np.testing.assert_allclose(shares, FOLLOWS, atol=0.03)
    for found, expected in zip(gaps, GAPS_NS, strict=True):
        assert np.median(found) == pytest.approx(expected, rel=0.2)


def test_a_long_connection_is_drawn_in_pieces_of_the_same_chain():
    train = known_chain(flows=4, packets=5000)
    made = fitted(train).sample(len(train), train.span_ns, np.random.default_rng(2))
    assert made.flows.count.max() > 2000
    np.testing.assert_allclose(following(made)[0], FOLLOWS, atol=0.03)


def session(start, port):
    """A TCP connection with a handshake, a request, a response and an end."""
    client = (1, port)
    packets = [
        up(start, 0, SYN), down(start + 0.01, 0, SYN | ACK), up(start + 0.02, 0, ACK), up(start + 0.03, 300),
        down(start + 0.05, 1000), down(start + 0.06, 700), up(start + 0.07, 0, ACK | FIN),
        down(start + 0.08, 0, ACK | FIN),
    ]  # fmt: skip
    return [
        (time, client if sender[0] == 1 else sender, client if receiver[0] == 1 else receiver, flags, payload, 1, 1)
        for time, sender, receiver, flags, payload, *_ in packets
    ]


def test_a_dialogue_comes_out_as_it_is_with_numbers_that_add_up():
    train = trace(*(packet for at in range(60) for packet in session(at, 40_000 + 7 * at)))
    made = fitted(train, smoothing=1e-9).sample(len(train), train.span_ns, np.random.default_rng(1))
    flows = made.flows
    assert set(flows.count) == {4}
    for flow in range(0, len(flows), 11):
        rows = flows.order[flows.first[flow] : flows.first[flow] + 4]
        client = made.destination_port[rows[0]] == 443
        flags = [SYN, ACK, DATA, ACK | FIN] if client else [SYN | ACK, DATA, DATA, ACK | FIN]
        assert made.tcp_flags[rows].tolist() == flags
        sent = made.payload_length[rows] + (made.tcp_flags[rows] & (SYN | FIN) > 0)
        assert (np.diff(made.tcp_sequence[rows]) == sent[:-1]).all()


def test_an_acknowledgement_is_what_the_other_side_has_sent():
    train = trace(*(packet for at in range(30) for packet in session(2 * at, 40_000 + 7 * at)))
    made = fitted(train, smoothing=1e-9).sample(8, 10**9, np.random.default_rng(1))
    ends: dict[bool, int] = {}
    compared = 0
    for row in range(8):
        side = bool(made.destination_port[row] == 443)
        if made.tcp_flags[row] & ACK and (not side) in ends:
            assert made.tcp_acknowledgement[row] == ends[not side]
            compared += 1
        sent = int(made.payload_length[row]) + int(made.tcp_flags[row] & (SYN | FIN) > 0)
        ends[side] = (int(made.tcp_sequence[row]) + sent) % 2**32
    assert compared == 7


def test_without_sequence_numbers_in_training_there_are_none():
    made = fitted(example_trace()).sample(500, 10**10, np.random.default_rng(1))
    assert not made.tcp_sequence.any()


def test_ip_ids_count_up_where_they_did_and_are_random_where_they_were():
    example = known_chain(flows=60, packets=20)
    rank = np.empty(len(example), np.int64)
    rank[example.flows.order] = np.arange(len(example)) - np.repeat(example.flows.first, example.flows.count)
    rng = np.random.default_rng(3)
    for ids, counts in ((rank + 5, True), (rng.integers(1, 2**16, len(rank)), False), (0 * rank, None)):
        columns = {name: getattr(example, name) for name in example.__dataclass_fields__}
        made = fitted(PacketTrace.of(**columns | {"ip_id": ids})).sample(600, 10**11, rng)
        steps = np.diff(made.ip_id[made.flows.order].astype(np.int64)) % 2**16
        inside = np.ones(len(steps), bool)
        inside[made.flows.first[1:] - 1] = False
        if counts is None:
            assert not made.ip_id.any()
        else:
            assert (steps[inside] == 1).mean() == pytest.approx(float(counts), abs=0.01)


def test_ids_that_count_up_are_never_0():
    example = known_chain(flows=2, packets=500)
    columns = {name: getattr(example, name) for name in example.__dataclass_fields__}
    train = PacketTrace.of(**columns | {"ip_id": 1 + np.arange(len(example)) % 65_535})
    made = fitted(train).sample(200_000, 10**12, np.random.default_rng(1))
    assert made.ip_id.min() == 1
    assert made.ip_id.max() == 65_535


def test_no_flow_of_a_random_trace_is_copied():
    # Gaps and lengths are random: a flow of more than a few packets can only come again when it was kept whole.
    rng = np.random.default_rng(1)
    flow = np.repeat(np.arange(150), 12)
    train = PacketTrace.of(
        time_ns=np.sort(rng.integers(0, 10**10, len(flow))),
        source=flow % 5 + 1,
        destination=np.full(len(flow), 9),
        source_port=flow + 2000,
        destination_port=np.full(len(flow), 443),
        protocol=np.full(len(flow), TCP),
        ip_length=rng.integers(40, 1500, len(flow)),
        ttl=np.full(len(flow), 64),
        tcp_flags=np.full(len(flow), ACK),
    )
    made = fitted(train).sample(len(train), train.span_ns, rng)
    known = {lengths[at : at + 4] for lengths in lengths_of(train) for at in range(9)}
    own = [lengths[at : at + 4] for lengths in lengths_of(made) for at in range(len(lengths) - 3)]
    assert len(own) > 500
    assert np.mean([lengths in known for lengths in own]) < 0.01


def lengths_of(made):
    flows = made.flows
    return [tuple(made.ip_length[rows]) for rows in np.split(flows.order, flows.first[1:])]
