"""Two stages: flows of all chunks, then their packets; and what becomes of what lies outside."""

from dataclasses import replace

import numpy as np
import pytest
from made_netshare import fitted, flows, numbers, parts_of
from ntgbench_netshare.decoding import Parts, decode, kept_whole, timed
from ntgbench_netshare.sampling import first_stage, second_stage

from ntgbench.tracks.headers.example import example_trace

SYSTEM = fitted(example_trace())
LAYOUT = SYSTEM.model.layout


def rng():
    return np.random.default_rng(1)


def bit(parts, place):
    return parts.attributes[:, 2 * place] > 0.5


def test_flows_that_start_in_a_chunk_go_on_where_their_bits_say():
    parts = first_stage(SYSTEM.model, 3.0, rng())
    starts = bit(parts, LAYOUT.starts)
    present = np.stack([bit(parts, LAYOUT.starts + 1 + k) for k in range(4)], 1)
    assert (np.diff(parts.chunk) >= 0).all()
    assert len(np.unique(parts.chunk)) == 4
    for flow in range(parts.flow.max() + 1):
        rows = np.flatnonzero(parts.flow == flow)
        home = parts.chunk[rows[0]]
        later = [k for k in range(home + 1, 4) if present[rows[0], k]]
        assert parts.chunk[rows].tolist() == [home, *later]
        assert starts[rows].tolist() == [True] + [False] * len(later)
        bits = 2 * LAYOUT.starts
        assert (parts.attributes[rows, :bits] == parts.attributes[rows[0], :bits]).all()


def biased(towards):
    """The model, whose attributes say that no flow starts in its chunk, or that all do."""
    system = fitted(example_trace())
    for network in system.model.generators.values():
        network.body[-1].bias[2 * LAYOUT.starts] += towards
    return system.model


def test_the_flows_of_chunks_are_in_proportion_to_training():
    parts = first_stage(biased(1e3), 50.0, rng())
    own = np.bincount(parts.chunk[bit(parts, LAYOUT.starts)])
    assert own.tolist() == [50 * chunk.flows for chunk in LAYOUT.chunks]


def test_when_no_flow_starts_anywhere_all_do():
    parts = first_stage(biased(-1e3), 1.0, rng())
    assert bit(parts, LAYOUT.starts).sum() == sum(chunk.flows for chunk in LAYOUT.chunks)


def test_packets_are_those_of_the_sequences():
    parts = first_stage(SYSTEM.model, 1.0, rng())
    fields, number = second_stage(SYSTEM.model, parts, rng())
    assert fields.shape == (number.sum(), LAYOUT.fields)
    assert len(number) == len(parts.flow)
    assert ((number >= 1) & (number <= LAYOUT.longest)).all()


IPV4 = example_trace().select(example_trace().is_ipv4())
ONE_TOS = replace(IPV4, tos=np.full(len(IPV4), 8, np.uint8))


def test_fields_stay_in_the_range_of_training_and_one_value_stays_one():
    made = fitted(ONE_TOS).sample(3 * len(ONE_TOS), ONE_TOS.span_ns, rng())
    assert not made.fragment_offset.any()
    assert (made.tos == 8).all()
    for name in ("ip_id", "ttl", "ip_length"):
        own, found = getattr(ONE_TOS, name), getattr(made, name)
        assert own.min() <= found.min() <= found.max() <= own.max(), name


def test_fields_as_the_code_of_the_paper_has_them_leave_it():
    made = fitted(ONE_TOS, fields="type").sample(len(ONE_TOS), ONE_TOS.span_ns, rng())
    assert made.fragment_offset.any()
    assert (made.tos > 8).any()
    assert made.ttl.max() > ONE_TOS.ttl.max()


# A flow from 40 to 60 ms of a chunk of 100 ms, and one at its end; chunk 1 has one more.
SHORT = flows({1000: [0, 10, 20], 1001: [20], 1002: [98], 1003: [150, 199]})
CHUNKS, PARTS = numbers(SHORT, chunks=2)


def late():
    """The parts of the trace, where the first flow begins with the last one of its chunk, at 98 ms."""
    parts, fields, number = parts_of(CHUNKS, PARTS)
    attributes = parts.attributes.copy()
    attributes[0, -1] = 1.0
    return replace(parts, attributes=attributes), fields, number


def milliseconds(made):
    return (made.after_ns / 1e6).round(3).tolist()


def test_true_parts_lie_inside_their_chunks(caplog):
    made = timed(*parts_of(CHUNKS, PARTS), CHUNKS, "squeeze", SHORT.span_ns)
    assert milliseconds(made) == [0, 10, 20, 20, 98, 150, 199]
    assert (made.outside, made.all) == (0, 7)
    decode(made, CHUNKS, "repair", rng())
    assert not caplog.messages


@pytest.mark.parametrize(
    ("outside", "times"),
    [("squeeze", [98, 98.75, 99.5, 20, 98, 150, 199]), ("drop", [98, 20, 98, 150, 199])],
)
def test_packets_outside_their_chunk_are_counted_and_squeezed_or_dropped(outside, times, caplog):
    made = timed(*late(), CHUNKS, outside, SHORT.span_ns)
    # The first chunk ends at 99.5 ms.
    assert milliseconds(made) == times
    assert (made.outside, made.all) == (2, 7)
    decode(made, CHUNKS, "repair", rng())
    assert caplog.messages == ["29% of packets fell outside their chunk"]


def test_gaps_do_not_depend_on_the_flows_before():
    # A flow with gaps of 1 us, after 10,000 whose gaps are as long as they can be: 10**18 ns together.
    layout = replace(CHUNKS, chunks=(replace(CHUNKS.chunks[0], gap_ns=10**12), *CHUNKS.chunks[1:]))
    fields = np.ones((10_001 * 100, layout.fields), np.float32)
    fields[-100:, 0] = 1e-9

    def parts(flows):
        attributes = np.zeros((flows, layout.attributes), np.float32)
        return Parts(attributes, np.arange(flows), np.zeros(flows, np.int64))

    many = timed(parts(10_001), fields, np.full(10_001, 100), layout, "squeeze", SHORT.span_ns)
    alone = timed(parts(1), fields[-100:], np.array([100]), layout, "squeeze", SHORT.span_ns)
    assert (np.diff(alone.after_ns) == 1_000).all()
    np.testing.assert_array_equal(many.after_ns[-100:], alone.after_ns)


def test_gaps_of_centuries_stay_in_order():
    longest = 2**62
    layout = replace(CHUNKS, chunks=(replace(CHUNKS.chunks[0], gap_ns=longest), *CHUNKS.chunks[1:]))
    parts = Parts(np.zeros((1, layout.attributes), np.float32), np.zeros(1, np.int64), np.zeros(1, np.int64))
    made = timed(parts, np.ones((9, layout.fields), np.float32), np.array([9]), layout, "squeeze", SHORT.span_ns)
    # The first chunk ends at 99.5 ms.
    np.testing.assert_allclose(made.after_ns, 99_499_999 * np.arange(9) / 8, atol=1)


def test_another_span_stretches_chunks_and_not_flows():
    made = timed(*parts_of(CHUNKS, PARTS), CHUNKS, "squeeze", 10 * SHORT.span_ns)
    assert milliseconds(made) == [0, 10, 20, 200, 980, 1500, 1549]
    assert (made.outside, made.all) == (0, 7)


def test_in_no_time_all_packets_have_one():
    made = timed(*parts_of(CHUNKS, PARTS), CHUNKS, "squeeze", 0)
    assert milliseconds(made) == [0] * 7
    assert len(timed(*parts_of(CHUNKS, PARTS), CHUNKS, "drop", 0).flow) == 4


def test_flows_are_kept_whole_but_for_the_last_and_all_as_often():
    made = timed(*parts_of(CHUNKS, PARTS), CHUNKS, "squeeze", SHORT.span_ns)
    seen = np.zeros(4)
    generator = rng()
    for _ in range(2_000):
        kept = kept_whole(made, 2, generator)
        count = np.bincount(kept.flow)
        assert count.sum() == len(kept.after_ns) == 2
        assert len(count) == len(kept.attributes)
        seen += np.isin([0.0, 20.0, 98.0, 150.0], milliseconds(kept))
    # The flows of one packet, 2 and 3, are taken when they come first, or second after one another: 1/4 + 1/12.
    assert np.abs(seen[1:3] / 2_000 - 1 / 3).max() < 0.05


def test_a_5_tuple_that_is_there_before_gets_another_port_or_is_left_out_in_its_chunk(caplog):
    parts, fields, number = parts_of(CHUNKS, PARTS)
    attributes = parts.attributes.copy()
    own = np.r_[0 : 2 * CHUNKS.tuples.bits, 2 * CHUNKS.bits : attributes.shape[1] - 1]
    # The flow at 98 ms in the first chunk, and that in the second one, have the 5-tuple of the first.
    attributes[np.ix_([2, 3], own)] = attributes[0, own]
    made = timed(replace(parts, attributes=attributes), fields, number, CHUNKS, "squeeze", SHORT.span_ns)
    whole = decode(made, CHUNKS, "repair", rng())
    assert len(whole) == 7
    assert len(whole.flows) == 4
    left = decode(made, CHUNKS, "drop", rng())
    assert ((left.time_ns - 10**18) / 1e6).round().tolist() == [0, 10, 20, 20, 150, 199]
    assert len(left.flows) == 2
    assert caplog.messages == [
        "50% of flows had the 5-tuple of an earlier flow and were given another port",
        "50% of flows had the 5-tuple of an earlier flow and were left out where both are in a chunk",
    ]
