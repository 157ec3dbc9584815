from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_baselines.markov import END, START, Markov
from ntgbench_baselines.model import FILE
from ntgbench_baselines.parameters import MarkovParameters
from ntgbench_baselines.replay import Marginals
from safetensors import safe_open
from safetensors.numpy import save_file

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context, NoParameters
from ntgbench.testing import example_traffic
from ntgbench.traffic.biflows import Biflows


def fitted(train, order=1):
    made = Markov(MarkovParameters(order))
    made.fit(train, Context(seed=0))
    return made


def plain_chain(train, order):
    """What follows each (class, last packets), counted one position after the other."""
    follows = defaultdict(Counter)
    for row, label in zip(train.signed_pl.tolist(), train.label.tolist(), strict=True):
        history = (START,) * order
        for symbol in row:
            follows[label, history][symbol] += 1
            if symbol == END:
                break
            history = (*history[1:], symbol)
    return follows


@st.composite
def trains(draw):
    packets, classes = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    length = st.integers(-3, 3).filter(bool)
    flows = draw(
        st.lists(st.tuples(st.integers(0, classes - 1), st.lists(length, min_size=1, max_size=packets)), min_size=1)
    )
    rows = [flow + [0] * (packets - len(flow)) for _, flow in flows]
    return Biflows(np.array(rows), np.array([label for label, _ in flows]), tuple("abc"[:classes]))


@given(train=trains(), order=st.integers(1, 10))
def test_the_table_holds_what_plain_counting_finds(train, order):
    made = fitted(train, order)
    expected = plain_chain(train, order)
    count = np.diff(made.upto, prepend=0)
    edges = np.searchsorted(made.upto, made.bounds)
    found = {}

    def walk(label, history, context):
        if (label, history) in found:
            return
        owned = range(edges[context] + (context > 0), edges[context + 1] + 1)
        found[label, history] = {int(made.symbol[edge]): int(count[edge]) for edge in owned}
        for edge in owned:
            if made.symbol[edge] != END:
                walk(label, (*history[1:], int(made.symbol[edge])), made.following[edge])

    for label in np.unique(train.label).tolist():
        walk(label, (START,) * order, made.initial[label])
    dead_ends = found.keys() - expected.keys()
    assert {key: found[key] for key in expected} == expected
    assert all(found[key] == {END: 1} for key in dead_ends)


@given(train=trains(), order=st.integers(1, 10), seed=st.integers(0, 2**32 - 1))
def test_every_sampled_transition_occurs_in_training(train, order, seed):
    labels = train.label.repeat(5)
    made = Biflows(fitted(train, order).sample(labels, np.random.default_rng(seed)), labels, train.classes)
    known = plain_chain(train, order)
    for (label, history), symbols in plain_chain(made, order).items():
        assert (label, history) not in known or symbols.keys() <= known[label, history].keys()
        assert (label, history) in known or symbols.keys() == {END}


@given(train=trains(), seed=st.integers(0, 2**32 - 1))
def test_an_order_as_long_as_the_biflow_gives_training_biflows_only(train, seed):
    rows = fitted(train, train.packets).sample(train.label, np.random.default_rng(seed))
    known = {(label, *row) for label, row in zip(train.label.tolist(), train.signed_pl.tolist(), strict=True)}
    assert {(label, *row) for label, row in zip(train.label.tolist(), rows.tolist(), strict=True)} <= known


def test_transitions_are_sampled_as_often_as_they_were_counted():
    # After 1 comes 2 twice, 3 once and the end once; after 2 and 3 always the end.
    train = Biflows(np.array([[1, 2, 0], [1, 2, 0], [1, 3, 0], [1, 0, 0]]), np.zeros(4, np.int32), ("chat",))
    rows = fitted(train).sample(np.zeros(40_000, np.int32), np.random.default_rng(0))
    found, times = np.unique(rows, axis=0, return_counts=True)
    assert found.tolist() == [[1, 0, 0], [1, 2, 0], [1, 3, 0]]
    assert times / 40_000 == pytest.approx([0.25, 0.5, 0.25], abs=0.01)


def test_a_full_biflow_is_no_sign_of_an_end():
    train = Biflows(np.array([[7, 7, 7]]), np.array([0]), ("chat",))
    assert fitted(train).sample(np.zeros(50, np.int32), np.random.default_rng(0)).all()


def test_a_chain_ends_where_nothing_is_known():
    # 9 is only ever the last packet that fits, and a chain can get there one packet early.
    train = Biflows(np.array([[1, 1, 9]]), np.array([0]), ("chat",))
    rows = fitted(train).sample(np.zeros(200, np.int32), np.random.default_rng(0))
    assert {tuple(row) for row in rows.tolist()} == {(1, 1, 1), (1, 1, 9), (1, 9, 0)}


def test_a_class_without_training_biflows_is_refused_by_name():
    train = Biflows(np.array([[1, 2]]), np.array([0]), ("chat", "video"))
    with pytest.raises(PluginError, match="'video'"):
        fitted(train).sample(np.array([1], np.int32), np.random.default_rng(0))


@pytest.mark.parametrize("order", [0, -1, 11])
def test_the_order_is_between_1_and_10(order):
    with pytest.raises(ValueError, match=r"order must be in 1\.\.10"):
        MarkovParameters(order)


def table(folder):
    with safe_open(folder / FILE, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("packets", 0, 0),
        ("packets", 0, 3_000_000_000),
        ("bounds", 0, -1),
        ("bounds", 1, 0),
        ("bounds", -1, -1),
        ("bounds", -1, 2**63 - 1),
        ("upto", 0, 0),
        ("upto", 0, -1),
        ("upto", -1, 2**63 - 1),
        ("following", 0, 10**6),
        ("following", 0, -2),
        ("initial", 0, 10**6),
        ("initial", 0, -2),
        ("symbol", 0, START),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path, name, place, value) -> None:
    fitted(example_traffic()).save(tmp_path)
    arrays, metadata = table(tmp_path)
    again = Markov(MarkovParameters(1))
    again.load(tmp_path)
    arrays[name][place] = value
    save_file(arrays, tmp_path / FILE, metadata)
    with pytest.raises(PluginError, match="is damaged"):
        again.load(tmp_path)


@pytest.mark.parametrize("word", [b"\xff", b"\x00", b"\x7f"])
@pytest.mark.parametrize("name", ["symbol", "upto", "following", "bounds", "packets"])
def test_a_column_of_one_byte_is_refused(tmp_path, name, word) -> None:
    fitted(example_traffic()).save(tmp_path)
    arrays, metadata = table(tmp_path)
    arrays[name] = np.frombuffer(word * arrays[name].nbytes, arrays[name].dtype)
    save_file(arrays, tmp_path / FILE, metadata)
    with pytest.raises(PluginError, match="is damaged"):
        Markov(MarkovParameters(1)).load(tmp_path)


@pytest.mark.parametrize("classes", ["", "[" * 100_000, "{}", "[]", "[1]", '"mail"', "null"])
def test_class_names_are_texts(tmp_path, classes) -> None:
    fitted(example_traffic()).save(tmp_path)
    save_file(table(tmp_path)[0], tmp_path / FILE, {"classes": classes})
    with pytest.raises(PluginError, match="has no valid class names"):
        Markov(MarkovParameters(1)).load(tmp_path)


@pytest.mark.parametrize(
    ("name", "place", "value"), [("count", 0, 10**6), ("count", 0, -1), ("rows", (0, 0), 0), ("rows", (59, 1), -3)]
)
def test_training_rows_that_make_no_sense_are_refused(tmp_path, name, place, value) -> None:
    made = Marginals(NoParameters())
    made.fit(example_traffic(), Context(seed=1))
    made.save(tmp_path)
    arrays, metadata = table(tmp_path)
    arrays[name][place] = value
    save_file(arrays, tmp_path / FILE, metadata)
    with pytest.raises(PluginError):
        Marginals(NoParameters()).load(tmp_path)
