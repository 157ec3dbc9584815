"""The table of counts: its numbers are those of its formulas, and nothing in it is of one session alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_crossfit.counts import MANY, NOWHERE, Counts, counted

from ntgbench.mapping.tokens import TokenMapping

MAPPING = TokenMapping(classes=2, packets=3, pl_max=3)


@st.composite
def training_sets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Signed lengths, labels, sessions and folds of a few biflows."""
    count = draw(st.integers(1, 20))
    lengths = st.lists(st.sampled_from([-2, -1, 1, 2]), min_size=1, max_size=3)
    biflows = draw(st.lists(lengths, min_size=count, max_size=count))
    signed_pl = np.array([one + [0] * (3 - len(one)) for one in biflows], np.int16)
    label = np.array(draw(st.lists(st.integers(0, 1), min_size=count, max_size=count)), np.int32)
    session = np.array(draw(st.lists(st.integers(0, 5), min_size=count, max_size=count)))
    fold_of_session = np.array(draw(st.lists(st.integers(0, 2), min_size=6, max_size=6)))
    return signed_pl, label, session, fold_of_session[session]


def beginnings(counts: Counts) -> list[tuple[int, ...]]:
    """The tokens of each node's beginning."""
    found: list[tuple[int, ...]] = []
    for parent, token in zip(counts.parent, counts.token, strict=True):
        found.append(((*found[parent],) if parent != NOWHERE else ()) + (int(token),))
    return found


@given(training_sets(), st.sampled_from([0.25, 1.0]))
def test_shares_are_those_of_the_formulas(given_set, discount: float) -> None:
    signed_pl, label, session, fold = given_set
    rows = MAPPING.encode(signed_pl, label)
    counts = counted(rows, fold, session, MAPPING, discount)
    for node, tokens in enumerate(beginnings(counts)):
        begins = (rows[:, : len(tokens)] == tokens).all(axis=1)
        folds = set(fold[begins])
        assert counts.fold[node] == (folds.pop() if len(folds) == 1 else MANY)
        if counts.parent[node] == NOWHERE:
            continue
        before = (rows[:, : len(tokens) - 1] == tokens[:-1]).all(axis=1)
        assert len(set(session[before])) > 1, "what one session alone has is not kept"
        several = len(set(session[begins])) > 1
        assert counts.common[node] == several
        taken = discount * sum(np.sum(session[begins] == s) ** 2 for s in set(session[begins])) / begins.sum()
        assert counts.share[node] == pytest.approx((begins.sum() - taken) / before.sum(), abs=1e-6)


@given(training_sets())
def test_shares_and_what_is_left_sum_to_one(given_set) -> None:
    signed_pl, label, session, fold = given_set
    counts = counted(MAPPING.encode(signed_pl, label), fold, session, MAPPING, 1.0)
    nodes = np.arange(len(counts.parent))
    children, index = counts.children(nodes)
    total = counts.rest + counts.novel + np.bincount(index, counts.share[children], len(nodes))
    np.testing.assert_allclose(total, 1.0, atol=1e-6)
    np.testing.assert_array_equal(counts.child(nodes[index], counts.token[children]), children)


@given(training_sets())
def test_a_biflow_that_is_alone_in_its_session_counts_for_the_others_only(given_set) -> None:
    # Without sessions and with the whole discount, what a biflow is told is what a table without it tells.
    signed_pl, label, _, fold = given_set
    rows, everyone = MAPPING.encode(signed_pl, label), np.arange(len(label))
    counts = counted(rows, fold, everyone, MAPPING, 1.0)
    node = counts.child(rows[:, 0] - MAPPING.class_tokens(np.zeros(1, np.int32)), rows[:, 1])
    for row in everyone[node != NOWHERE]:
        same = label[everyone != row] == label[row]
        alike = (rows[everyone != row, 1] == rows[row, 1]) & same
        assert counts.share[node[row]] == pytest.approx(alike.sum() / (same.sum() + 1), abs=1e-6)


def test_no_node_follows_what_is_not_in_the_table() -> None:
    rows = MAPPING.encode(np.array([[1, 2, 0], [1, 1, 0]], np.int16), np.zeros(2, np.int32))
    counts = counted(rows, np.array([0, 1]), np.array([0, 1]), MAPPING, 1.0)
    nowhere = np.array([NOWHERE])
    assert len(counts.children(nowhere)[0]) == 0
    assert counts.child(nowhere, np.array([1])) == NOWHERE
    assert counts.child(np.array([1]), rows[:1, 1]) == NOWHERE, "a class without biflows has no packets"


def test_what_is_novel_is_what_one_session_alone_has() -> None:
    # After the class: 1 twice, 2 and 3 once each, all in sessions of their own.
    rows = MAPPING.encode(np.array([[1, 1, 0], [1, 2, 0], [2, 0, 0], [3, 0, 0]], np.int16), np.zeros(4, np.int32))
    counts = counted(rows, np.array([0, 1, 0, 1]), np.arange(4), MAPPING, 1.0)
    rest, novel = counts.left(np.array([0, 1, NOWHERE]))
    np.testing.assert_allclose(rest, [1 / 4, 1, 1])
    np.testing.assert_allclose(novel, [2 / 4, 0, 0])
