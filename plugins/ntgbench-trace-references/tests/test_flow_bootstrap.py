from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from made_traces import down, trace, up
from ntgbench_trace_references.flow_bootstrap import FlowBootstrap
from ntgbench_trace_references.parameters import FlowBootstrapParameters
from ntgbench_trace_references.remap import service_ports

from ntgbench.interfaces import Context
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import PacketTrace

TRAIN = example_trace()

SIDES = (("source", "source_port"), ("destination", "destination_port"))


def made(train=TRAIN, packets=None, span_ns=None, seed=1, **settings):
    system = FlowBootstrap(FlowBootstrapParameters(**settings))
    system.fit(train, Context(seed=0))
    return system.sample(packets or len(train), span_ns or train.span_ns, np.random.default_rng(seed))


def plain_connections(packets):
    """Times and lengths of each connection from its first packet on, grouped one packet after the other."""
    found = {}
    for row in range(len(packets)):
        ends = [(*getattr(packets, address)[row].tolist(), int(getattr(packets, port)[row])) for address, port in SIDES]
        key = (*sorted(ends), int(packets.protocol[row]))
        found.setdefault(key, []).append((int(packets.time_ns[row]), int(packets.ip_length[row])))
    return found


def shapes(packets):
    """How often each connection occurs, by its times from its own start and its lengths."""
    return Counter(
        tuple((time - rows[0][0], length) for time, length in rows) for rows in plain_connections(packets).values()
    )


def records(packets):
    columns = [getattr(packets, name) for side in SIDES for name in side] + [packets.ttl, packets.ip_length]
    return Counter(map(tuple, np.column_stack(columns).tolist()))


def test_packets_that_the_span_has_no_room_for_are_counted(caplog):
    made()
    assert not caplog.messages
    system = FlowBootstrap(FlowBootstrapParameters())
    system.fit(TRAIN, Context(seed=0))
    for span_ns, seconds in ((0, "0 s"), (10**8, "0.1 s")):
        caplog.clear()
        missing = len(TRAIN) - len(system.sample(len(TRAIN), span_ns, np.random.default_rng(1)))
        assert missing > 0
        (told,) = caplog.messages
        assert told == (
            f"{missing} of the {len(TRAIN)} packets asked for are not made: "
            f"their connections last longer than the {seconds} asked for"
        )


@pytest.mark.parametrize("remap", ["none", "ports", "all"])
def test_every_connection_comes_once_and_whole(remap):
    assert shapes(made(jitter=0.0, remap=remap)) == shapes(TRAIN)


def test_gaps_inside_connections_are_shortened_by_no_more_than_the_jitter():
    train = trace(*(up(time) for time in np.arange(200) ** 2))
    gaps = np.diff(made(train, jitter=0.01).time_ns) / np.diff(train.time_ns)
    assert 0.99 - 1e-9 <= gaps.min() < 0.9905 < 0.9995 < gaps.max() <= 1


def test_starts_keep_their_order_and_gaps_inside_a_block_and_not_between_blocks():
    # One packet a connection, each with its own length, and gaps that all differ.
    packets = [(time, (1, 2000 + k), (2, 443), 16, k) for k, time in enumerate(np.cumsum(np.arange(400) % 37 + 1))]
    train = trace(*(tuple(packet) for packet in packets))
    drawn = made(train, block=20)
    follows = np.diff(drawn.payload_length) == 1
    assert 400 // 20 - 2 <= np.count_nonzero(~follows) <= 400 // 20 + 1
    scale = np.diff(drawn.time_ns)[follows] / np.diff(train.time_ns)[drawn.payload_length[:-1][follows]]
    np.testing.assert_allclose(scale, scale[0], rtol=1e-8)


def test_without_remapping_every_record_is_one_of_the_training_trace():
    assert records(made(remap="none")) == records(TRAIN)


@pytest.mark.parametrize("remap", ["ports", "all"])
def test_remapping_is_a_bijection_that_keeps_services_and_prefixes(remap):
    drawn, services = made(remap=remap), service_ports(TRAIN)
    assert len(drawn.flows) == len(TRAIN.flows)
    pairs = {}
    for address, port in SIDES:
        assert Counter(getattr(drawn, port)[services[getattr(drawn, port)]].tolist()) == Counter(
            getattr(TRAIN, port)[services[getattr(TRAIN, port)]].tolist()
        )
        prefixes = [Counter((getattr(one, address)[:, 1] >> np.uint64(8)).tolist()) for one in (drawn, TRAIN)]
        assert prefixes[0] == prefixes[1]
        pairs[address] = np.isin(getattr(drawn, address)[:, 1], getattr(TRAIN, address)[:, 1]).all()
    assert all(pairs.values()) == (remap == "ports")
    client = ~services
    moved = np.unique(drawn.source_port[client[drawn.source_port]])
    known = np.unique(TRAIN.source_port[client[TRAIN.source_port]])
    assert len(moved) == len(known)
    assert (moved >= 49152).all()
    assert np.isin(moved, known).mean() < 0.1


def test_a_connection_that_is_drawn_again_has_other_ports():
    drawn = made(packets=3 * len(TRAIN), span_ns=3 * TRAIN.span_ns, jitter=0.0, remap="none")
    assert len(drawn) == 3 * len(TRAIN)
    assert shapes(drawn) == Counter({shape: 3 * times for shape, times in shapes(TRAIN).items()})


@pytest.mark.parametrize("remap", ["none", "ports", "all"])
def test_a_connection_between_services_that_is_drawn_again_has_another_port(remap):
    ends = [((1, 123), (2, 123)), ((3, 5353), (4, 5353)), ((1, 123), (5, 123))]
    train = trace(*((at, *(pair[:: (-1) ** at]), -1, at) for at in range(8) for pair in ends))
    drawn = made(train, packets=3 * len(train), span_ns=3 * train.span_ns, jitter=0.0, remap=remap)
    assert shapes(drawn) == Counter({shape: 3 * times for shape, times in shapes(train).items()})


def test_connections_longer_than_asked_for_are_cut():
    train = trace(up(0, 1), up(9, 2), down(10, 3))
    drawn = made(train, span_ns=9_500_000_000)
    assert drawn.payload_length.tolist() == [1, 2]


def test_multicast_and_broadcast_addresses_stay():
    def address(one, two, three, four):
        return (0xFFFF << 32) | (one << 24) | (two << 16) | (three << 8) | four

    kept = [address(224, 0, 0, 251), address(255, 255, 255, 255), address(10, 0, 0, 255), address(10, 0, 0, 0)]
    moved = [address(10, 0, 0, 1), address(10, 0, 0, 254)]
    high = np.zeros(len(kept + moved), np.uint64)
    train = PacketTrace.of(
        time_ns=np.arange(6),
        source=np.column_stack([high, np.array(moved[:1] * 6, np.uint64)]),
        destination=np.column_stack([high, np.array(kept + moved, np.uint64)]),
        source_port=np.full(6, 50_000),
        destination_port=np.full(6, 53),
        protocol=np.full(6, 17),
        ip_length=np.full(6, 40),
        ttl=np.arange(6),
    )
    drawn = made(train, remap="all")
    destination = drawn.destination[np.argsort(drawn.ttl), 1].tolist()
    assert destination[:4] == kept
    assert len({*destination[4:], *moved}) == 4
    assert {one >> 8 for one in destination[4:]} == {moved[0] >> 8}


def test_only_gaps_are_near_while_rows_drawn_apart_are_far():
    """The logarithms of gaps inside flows and of durations tell the flow bootstrap from systems without flows."""
    from ntgbench_trace_references.replay import Zero
    from ntgbench_trace_references.rows import Marginals, Poisson
    from scipy.stats import wasserstein_distance

    from ntgbench.interfaces import NoParameters

    def distances(synthetic):
        def logs(packets):
            flows, time = packets.flows, packets.time_ns
            durations = time[flows.order[flows.last]] - time[flows.heads()]
            return [np.log10(values // 1000 + 1) for values in (flows.gaps_ns(time)[0], durations)]

        return [wasserstein_distance(*both) for both in zip(logs(TRAIN), logs(synthetic), strict=True)]

    assert max(distances(made())) < 0.02
    for kind in (Poisson, Marginals, Zero):
        system = kind(NoParameters())
        system.fit(TRAIN, Context(seed=0))
        assert min(distances(system.sample(len(TRAIN), TRAIN.span_ns, np.random.default_rng(2)))) > 0.2


def test_another_fit_forgets_the_connections_of_the_first():
    system = FlowBootstrap(FlowBootstrapParameters())
    for train in (TRAIN, replace(example_trace(2), ttl=np.full(len(example_trace(2)), 9, np.uint8))):
        system.fit(train, Context(seed=0))
        drawn = system.sample(len(train), train.span_ns, np.random.default_rng(1))
        assert Counter(drawn.ttl.tolist()) == Counter(train.ttl.tolist())
