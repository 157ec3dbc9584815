from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ntgbench import Biflows
from ntgbench.errors import TrafficError

few = settings(max_examples=40)


@st.composite
def biflows(draw: st.DrawFn) -> Biflows:
    count, packets = draw(st.integers(0, 12)), draw(st.integers(1, 6))
    pl_max = draw(st.sampled_from([1, 3, 1460, 32767]))
    classes = tuple(draw(st.lists(st.text(max_size=4), min_size=1, max_size=4, unique=True)))
    size = draw(npst.arrays(np.int16, (count, packets), elements=st.integers(1, pl_max)))
    sign = draw(npst.arrays(np.int16, (count, packets), elements=st.sampled_from([-1, 1])))
    lengths = draw(npst.arrays(np.int64, count, elements=st.integers(1, packets)))
    present = np.arange(packets) < lengths[:, None]
    label = draw(npst.arrays(np.int32, count, elements=st.integers(0, len(classes) - 1)))
    session = draw(st.none() | npst.arrays(np.int32, count, elements=st.integers(0, 5)))
    seconds = draw(st.none() | npst.arrays(np.float32, (count, packets), elements=st.floats(-1, 9, width=32)))
    iat = None if seconds is None else np.where(present, seconds, 0) * (np.arange(packets) > 0)
    return Biflows(np.where(present, size * sign, 0), label, classes, session, iat, pl_max)


@few
@given(biflows())
def test_parquet_round_trip(tmp_path_factory: pytest.TempPathFactory, made: Biflows) -> None:
    path = tmp_path_factory.mktemp("round") / "biflows.parquet"
    made.to_parquet(path)
    assert Biflows.from_parquet(path) == made


@few
@given(biflows(), st.data())
def test_select_and_concat_undo_each_other(made: Biflows, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(made)))
    rows = np.arange(len(made))
    assert Biflows.concat([made.select(rows[:cut]), made.select(rows[cut:])]) == made
    assert made.select(rows < cut) == made.select(rows[:cut])


@few
@given(biflows())
def test_counts_and_lengths_add_up(made: Biflows) -> None:
    assert made.class_counts().sum() == len(made)
    assert (made.lengths() >= 1).all()
    assert made.lengths().sum() == np.count_nonzero(made.signed_pl)


@pytest.mark.parametrize(
    ("signed_pl", "label", "row", "rule"),
    [
        ([[1, 0], [0, 0]], [0, 0], 1, "at least one packet"),
        ([[1, 0, 2], [1, 2, 3]], [0, 0], 0, "hole"),
        ([[5, 0], [1461, 0]], [0, 0], 1, "pl_max = 1460"),
        ([[5, 0], [-1461, 0]], [0, 0], 1, "pl_max = 1460"),
        ([[5, 0], [-32768, 0]], [0, 0], 1, "pl_max = 1460"),
        ([[5, 0], [40000, 0]], [0, 0], 1, "fit int16"),
        ([[5, 0]], [2], 0, "index into the 2 classes"),
        ([[5, 0]], [-1], 0, "index into the 2 classes"),
        ([[5, 0]], [0, 1], None, "shape"),
        ([5, 0], [0, 1], None, "shape"),
        ([[5.0, 0.0]], [0], None, "integers"),
        ([[float("nan"), 0.0]], [0], None, "integers"),
    ],
)
def test_broken_rules_name_row_and_rule(signed_pl: list, label: list, row: int | None, rule: str) -> None:
    with pytest.raises(TrafficError, match=rule) as caught:
        Biflows(np.array(signed_pl), np.array(label), ("a", "b"))
    assert caught.value.row == row


def test_iat_must_be_finite_and_classes_distinct() -> None:
    with pytest.raises(TrafficError, match="row 0: iat is finite"):
        Biflows(np.array([[1]]), np.array([0]), ("a",), iat=np.array([[np.nan]]))
    with pytest.raises(TrafficError, match="distinct"):
        Biflows(np.array([[1]]), np.array([0]), ("a", "a"))
    with pytest.raises(TrafficError, match="pl_max"):
        Biflows(np.array([[1]]), np.array([0]), ("a",), pl_max=40000)


def test_nothing_can_be_changed_afterwards() -> None:
    mine = np.array([[5, -3]], np.int16)
    made = Biflows(mine, np.array([0]), ("a",))
    mine[0, 0] = 9
    assert made.signed_pl[0, 0] == 5
    with pytest.raises(ValueError, match="read-only"):
        made.signed_pl[0, 0] = 9
    assert mine.flags.writeable


def test_digest_sees_every_field() -> None:
    base = {"signed_pl": np.array([[5, -3]]), "label": np.array([0]), "classes": ("a", "b")}
    variants = [
        {},
        {"signed_pl": np.array([[5, 3]])},
        {"signed_pl": np.array([[5, -3, 0]])},
        {"label": np.array([1])},
        {"classes": ("a", "c")},
        {"session": np.array([0])},
        {"iat": np.array([[0.0, 1.0]])},
        {"pl_max": 1500},
    ]
    assert len({Biflows(**{**base, **changed}).digest() for changed in variants}) == len(variants)


def test_known_digest_never_changes() -> None:
    # Published rows name their data by it.
    assert Biflows(np.array([[5, -3]]), np.array([0]), ("a",)).digest() == "afb73eb7fe6117ff403f684aa3484503"


def test_foreign_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"not parquet")
    with pytest.raises(TrafficError, match="not written by"):
        Biflows.from_parquet(tmp_path / "x.parquet")


def test_concat_refuses_other_classes() -> None:
    first = Biflows(np.array([[5]]), np.array([0]), ("a",))
    with pytest.raises(TrafficError, match="same classes"):
        Biflows.concat([first, Biflows(np.array([[5]]), np.array([0]), ("b",))])
    with pytest.raises(TrafficError, match="at least one"):
        Biflows.concat([])
