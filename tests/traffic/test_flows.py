"""FlowTable: what goes in, what is left out and said, and what comes back."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntgbench.errors import TrafficError
from ntgbench.traffic.flows import FlowTable, codes
from ntgbench.traffic.notes import filled

few = settings(max_examples=30)
PACKET = st.tuples(st.integers(0, 2000), st.booleans(), st.floats(0, 100, width=32))
FLOW = st.tuples(st.sampled_from(["web", "chat", "call"]), st.integers(0, 3), st.lists(PACKET, max_size=6))


def build(flows):
    packets = [packet for _, _, content in flows for packet in content]
    return FlowTable.from_packets(
        counts=[len(content) for _, _, content in flows],
        length=[length for length, _, _ in packets],
        upstream=[upstream for _, upstream, _ in packets],
        class_of=[name for name, _, _ in flows],
        iat=np.array([iat for _, _, iat in packets], np.float32),
        session=[session for _, session, _ in flows],
    )


def slow(flows):
    """The same by plain loops: (name, session, signed lengths, iats) of each flow that carries payload."""
    rows = []
    for name, session, content in flows:
        signed, iats, waited = [], [], 0.0
        for length, upstream, iat in content:
            waited += iat
            if length:
                signed.append(length if upstream else -length)
                iats.append(waited if len(signed) > 1 else 0.0)
                waited = 0.0
        if signed:
            rows.append((name, session, signed, iats))
    return rows


@few
@given(st.lists(FLOW, max_size=8))
def test_from_packets_keeps_exactly_the_packets_with_payload(flows):
    table, changes = build(flows)
    expected = slow(flows)
    assert len(table) == len(expected)
    assert table.classes == tuple(sorted({name for name, _, _, _ in expected}))
    for f, (name, session, signed, iats) in enumerate(expected):
        packets = slice(table.offsets[f], table.offsets[f + 1])
        assert table.classes[table.label[f]] == name
        assert table.session[f] == session
        assert table.signed_pl[packets].tolist() == signed
        np.testing.assert_allclose(table.iat[packets], iats, rtol=1e-6)
    empty = sum(length == 0 for _, _, content in flows for length, _, _ in content)
    dead = len(flows) - len(expected)
    assert changes == Counter(
        {
            "left out {} [packet|packets] without payload": empty,
            "left out {} [flow that carries|flows that carry] no payload": dead,
        }
    )


@few
@given(st.lists(FLOW, max_size=8), st.integers(1, 5), st.integers(1, 2000))
def test_to_biflows_takes_the_first_packets_and_counts_the_clips(flows, packets, pl_max):
    table, _ = build(flows)
    biflows, notes = table.to_biflows(packets, pl_max)
    clipped = 0
    for f, (_, _, signed, iats) in enumerate(slow(flows)):
        first = signed[:packets]
        clipped += sum(abs(value) > pl_max for value in first)
        expected = [max(-pl_max, min(pl_max, value)) for value in first] + [0] * (packets - len(first))
        assert biflows.signed_pl[f].tolist() == expected
        np.testing.assert_allclose(biflows.iat[f, : len(first)], iats[:packets], rtol=1e-6)
    assert any(f"clipped {clipped:,} " in note for note in notes) if clipped else notes == ()


@few
@given(st.lists(FLOW, max_size=8), st.data())
def test_select_is_a_gather_of_flows(flows, data):
    table, _ = build(flows)
    rows = data.draw(st.lists(st.integers(0, len(table) - 1), max_size=6)) if len(table) else []
    chosen = table.select(rows)
    assert chosen.classes == table.classes
    for f, row in enumerate(rows):
        mine, theirs = (slice(t.offsets[i], t.offsets[i + 1]) for t, i in ((chosen, f), (table, row)))
        assert chosen.signed_pl[mine].tolist() == table.signed_pl[theirs].tolist()
        assert chosen.iat[mine].tolist() == table.iat[theirs].tolist()
        assert (chosen.label[f], chosen.session[f]) == (table.label[row], table.session[row])


@few
@given(st.lists(FLOW, max_size=8), st.integers(1, 5))
def test_first_is_what_to_biflows_sees(flows, packets):
    table, _ = build(flows)
    assert table.first(packets).to_biflows(packets, 1460) == table.to_biflows(packets, 1460)
    assert np.diff(table.first(packets).offsets).max(initial=0) <= packets


@few
@given(st.lists(FLOW, max_size=5), st.lists(FLOW, max_size=5))
def test_concat_joins_classes_and_keeps_sessions_apart(left, right):
    parts = [build(left)[0], build(right)[0]]
    whole = FlowTable.concat(parts)
    names = [part.classes[code] for part in parts for code in part.label]
    assert [whole.classes[code] for code in whole.label] == names
    assert whole.signed_pl.tolist() == [v for part in parts for v in part.signed_pl.tolist()]
    cut = len(parts[0])
    assert not set(whole.session[:cut].tolist()) & set(whole.session[cut:].tolist())
    assert len(set(whole.session.tolist())) == sum(len(set(part.session.tolist())) for part in parts)


def test_concat_of_sessions_with_large_numbers_stays_within_int32():
    part = FlowTable.from_packets([1], [5], [True], ["a"], session=[2_000_000_000])[0]
    assert FlowTable.concat([part, part, part]).session.tolist() == [0, 1, 2]


def test_concat_drops_what_only_some_parts_have():
    with_iat = FlowTable.from_packets([1], [5], [True], ["a"], iat=[0.0], session=[1])[0]
    without = FlowTable.from_packets([1], [5], [True], ["b"])[0]
    whole = FlowTable.concat([with_iat, without])
    assert whole.iat is None
    assert whole.session is None


@few
@given(st.lists(FLOW, min_size=1, max_size=8))
def test_parquet_round_trip(tmp_path_factory, flows):
    table, _ = build(flows)
    path = tmp_path_factory.mktemp("flows") / "flows.parquet"
    table.to_parquet(path, {"made": "here"})
    again, head = FlowTable.from_parquet(path)
    assert head["made"] == "here"
    assert again.classes == table.classes
    for name in ("offsets", "signed_pl", "label", "iat", "session"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    assert [entry.name for entry in path.parent.iterdir()] == ["flows.parquet"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "flows.parquet"
    table = FlowTable.from_packets([1], [5], [True], ["a"])[0]
    table.to_parquet(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        table.to_parquet(path, {"not JSON": object()})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_iat_is_exact_when_nothing_is_left_out():
    iats = np.array([7.5, 1e-7, 3.3, 9.0, 0.1], np.float32)
    table = FlowTable.from_packets([3, 2], [1, 2, 3, 4, 5], [True] * 5, ["a", "a"], iat=iats)[0]
    assert table.iat.tolist() == [0.0, iats[1], iats[2], 0.0, iats[4]]


def test_negative_iat_becomes_zero_and_is_counted():
    table, changes = FlowTable.from_packets([3], [1, 2, 3], [True] * 3, ["a"], iat=[0.0, -1.0, 2.0])
    assert table.iat.tolist() == [0.0, 0.0, 2.0]
    assert filled(changes) == ("set 1 negative iat value to 0",)


def test_given_classes_are_sorted_and_unused_ones_go():
    table, _ = FlowTable.from_packets([1, 1], [5, 6], [True, False], [2, 0], classes=["z", "unused", "a"])
    assert table.classes == ("a", "z")
    assert table.label.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"counts": [1, 2], "length": [1, -4, 2]}, "row 1: payload lengths are not negative"),
        ({"counts": [1, 2], "length": [1, 2**40, 2]}, "row 1: payload lengths fit 32 bits"),
        ({"counts": [1, 1], "length": [1, 2, 3]}, "count 2 packets, but there are 3"),
        ({"counts": [1, 2], "length": [1, 2, 3], "iat": [0, 0, np.nan]}, "row 1: iat is finite"),
    ],
)
def test_from_packets_names_the_flow_that_is_wrong(broken, message):
    with pytest.raises(TrafficError, match=message):
        FlowTable.from_packets(**{"upstream": [True] * 3, "class_of": ["a", "b"], **broken})


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"offsets": [0, 1]}, "offsets go from 0"),
        ({"offsets": [1, 2, 3]}, "offsets go from 0"),
        ({"offsets": [0, 3, 3]}, "row 1: a flow has at least one packet"),
        ({"signed_pl": [1, 2, 0]}, "row 1: packets without payload"),
        ({"label": [0, 2]}, "row 1: a label is an index"),
        ({"classes": ("a", "a")}, "class names must be distinct"),
        ({"iat": np.zeros(2, np.float32)}, "one iat for each packet"),
        ({"session": np.zeros(3, np.int32)}, "one session for each flow"),
    ],
)
def test_rules_of_the_type(broken, message):
    right = {"offsets": [0, 1, 3], "signed_pl": [1, 2, 3], "label": [0, 1], "classes": ("a", "b"), **broken}
    arrays = {name: np.array(value) if isinstance(value, list) else value for name, value in right.items()}
    with pytest.raises(TrafficError, match=message):
        FlowTable(**arrays)


@few
@given(st.lists(st.one_of(st.text(max_size=3), st.integers(-5, 5).map(str)), max_size=20))
def test_codes_tell_values_apart(values):
    result = codes(values)
    assert result.dtype == np.int32
    assert [[a == b for b in result] for a in result] == [[a == b for b in values] for a in values]


def test_codes_keep_small_integers():
    assert codes([3, 0, 7]).tolist() == [3, 0, 7]
    assert codes([-1, 2**40, -1]).tolist() == [0, 1, 0]
