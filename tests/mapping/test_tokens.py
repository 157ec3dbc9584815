"""Traffic matrices as rows of tokens, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.errors import TrafficError
from ntgbench.mapping.tokens import EOS, PAD, TokenMapping


@st.composite
def matrices(draw):
    mapping = TokenMapping(
        draw(st.integers(1, 5)), draw(st.integers(1, 12)), draw(st.sampled_from([1, 3, 1460, 32767]))
    )
    length = st.integers(-mapping.pl_max, mapping.pl_max).filter(bool)
    flows = draw(st.lists(st.lists(length, min_size=1, max_size=mapping.packets)))
    signed_pl = np.zeros((len(flows), mapping.packets), np.int16)
    for row, flow in zip(signed_pl, flows, strict=True):
        row[: len(flow)] = flow
    labels = draw(st.lists(st.integers(0, mapping.classes - 1), min_size=len(flows), max_size=len(flows)))
    return mapping, signed_pl, np.array(labels, np.int32)


@given(matrices())
def test_decoding_undoes_encoding(made) -> None:
    mapping, signed_pl, labels = made
    rows = mapping.encode(signed_pl, labels)
    assert rows.shape == (len(labels), mapping.packets + 2)
    assert ((rows >= 0) & (rows < mapping.vocabulary)).all()
    values, classes = mapping.decode(rows)
    assert values.dtype == np.int16
    np.testing.assert_array_equal(values, signed_pl)
    np.testing.assert_array_equal(classes, labels)


def test_the_vocabulary_by_hand() -> None:
    mapping = TokenMapping(classes=5, packets=3, pl_max=1460)
    assert mapping.vocabulary == 2927
    rows = mapping.encode(np.array([[1, -1, 1460], [-1460, 0, 0]], np.int16), np.array([0, 4], np.int32))
    assert rows.tolist() == [[2, 7, 7 + 1460, 6 + 1460, EOS], [6, 2926, EOS, PAD, PAD]]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ([2, 5, EOS, PAD], None),
        ([2, 5, 5, EOS], None),
        ([2, EOS, PAD, PAD], None),
        ([PAD, 5, EOS, PAD], "class"),
        ([5, 5, EOS, PAD], "class"),
        ([2, 99, EOS, PAD], "tokens"),
        ([2, 5, PAD, EOS], "order"),
        ([2, 5, EOS, 5], "order"),
        ([2, 5, 5, 5], "order"),
        ([2, 3, EOS, PAD], "order"),
        ([2, 5, EOS, EOS], "order"),
    ],
)
def test_only_what_encoding_makes_is_decoded(row, rule) -> None:
    mapping, rows = TokenMapping(classes=2, packets=2, pl_max=3), np.array([row])
    if rule is None:
        np.testing.assert_array_equal(mapping.encode(*mapping.decode(rows)), rows)
    else:
        with pytest.raises(TrafficError, match=rule):
            mapping.decode(rows)


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(TrafficError, match="rows of 12 tokens"):
        TokenMapping(2, 10, 1460).decode(np.zeros((3, 11), np.int64))
