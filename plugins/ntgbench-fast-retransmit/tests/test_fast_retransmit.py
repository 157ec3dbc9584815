import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ntgbench_fast_retransmit import ntgbench_augmenters
from ntgbench_fast_retransmit.augmenter import delay
from ntgbench_fast_retransmit.parameters import FastRetransmitParameters

from ntgbench.plugins import resolve
from ntgbench.traffic.biflows import Biflows

(SPEC,) = ntgbench_augmenters()


def build(**settings):
    return resolve(SPEC.target)(SPEC.parameters(**settings))


def plain_delay(row, lost):
    """One biflow, packet after packet."""
    sent, held = [], []
    for packet, is_lost in zip(row, lost, strict=True):
        if packet == 0:
            break
        if is_lost:
            held.append(packet)
        else:
            sent += [packet, *held]
            held = []
    sent += held
    return sent + [0] * (len(row) - len(sent))


@st.composite
def biflows(draw):
    packets, classes = draw(st.integers(1, 10)), draw(st.integers(1, 4))
    length = st.integers(-1460, 1460).filter(bool)
    flow = st.tuples(st.integers(0, classes - 1), st.lists(length, min_size=1, max_size=packets))
    flows = draw(st.lists(flow, min_size=1))
    rows = [row + [0] * (packets - len(row)) for _, row in flows]
    return Biflows(np.array(rows), np.array([label for label, _ in flows]), tuple("abcd"[:classes]))


@given(few=biflows(), data=st.data())
def test_the_closed_form_is_the_walk_from_packet_to_packet(few, data):
    lost = data.draw(hnp.arrays(np.bool_, few.signed_pl.shape))
    expected = [plain_delay(row, mask) for row, mask in zip(few.signed_pl.tolist(), lost.tolist(), strict=True)]
    assert delay(few.signed_pl, lost).tolist() == expected


def test_hand_made_cases():
    row = np.array([[10, -20, 30, 40, 0]])

    def after_losing(*positions):
        return delay(row, np.isin(np.arange(5), positions)[None]).tolist()[0]

    assert after_losing() == [10, -20, 30, 40, 0]
    assert after_losing(0) == [-20, 10, 30, 40, 0]
    assert after_losing(0, 1) == [30, 10, -20, 40, 0]
    assert after_losing(0, 2) == [-20, 10, 40, 30, 0]
    assert after_losing(3) == [10, -20, 30, 40, 0]
    assert after_losing(1, 3) == [10, 30, -20, 40, 0]
    assert after_losing(0, 1, 2, 3, 4) == [10, -20, 30, 40, 0]


@pytest.mark.parametrize(("packets", "share"), [(10, 0.608), (5, 0.336), (3, 0.180), (2, 0.09), (1, 0.0)])
def test_the_share_of_changed_biflows(packets, share):
    row = np.zeros((1, 10), np.int16)
    row[0, :packets] = np.arange(1, packets + 1)
    few = Biflows(row, np.array([0]), ("chat",))
    made = build().augment(few, np.zeros(100_000, np.int32), np.random.default_rng(0))
    assert (made != row).any(axis=1).mean() == pytest.approx(share, abs=0.006)


def test_single_loses_one_packet_and_each_as_often():
    few = Biflows(np.array([[1, 2, 3, 4, 0, 0]]), np.array([0]), ("chat",))
    made = build(single=True).augment(few, np.zeros(40_000, np.int32), np.random.default_rng(0))
    found, times = np.unique(made[:, :4], axis=0, return_counts=True)
    assert found.tolist() == [[1, 2, 3, 4], [1, 2, 4, 3], [1, 3, 2, 4], [2, 1, 3, 4]]
    assert times / 40_000 == pytest.approx([0.25] * 4, abs=0.01)


def test_parents_are_drawn_uniformly_from_their_class():
    few = Biflows(np.array([[1], [2], [3], [4]]), np.array([1, 0, 1, 1]), ("chat", "mail"))
    made = build().augment(few, np.repeat(np.array([0, 1], np.int32), [10, 30_000]), np.random.default_rng(0))
    assert (made[:10] == 2).all()
    found, times = np.unique(made[10:], return_counts=True)
    assert found.tolist() == [1, 3, 4]
    assert times / 30_000 == pytest.approx([1 / 3] * 3, abs=0.01)


@given(
    few=biflows(),
    wanted=st.integers(0, 40),
    seed=st.integers(0, 2**32 - 1),
    probability=st.floats(0, 1),
    single=st.booleans(),
)
def test_new_biflows_are_reordered_real_ones_and_follow_from_the_seed(few, wanted, seed, probability, single):
    labels = np.resize(few.label, wanted)
    augmenter = build(probability=probability, single=single)
    made = augmenter.augment(few, labels, np.random.default_rng(seed))
    assert made.shape == (wanted, few.packets)
    Biflows(made, labels, few.classes)
    packets = {(label, *sorted(row)) for label, row in zip(few.label.tolist(), few.signed_pl.tolist(), strict=True)}
    assert {(label, *sorted(row)) for label, row in zip(labels.tolist(), made.tolist(), strict=True)} <= packets
    np.testing.assert_array_equal(made, augmenter.augment(few, labels, np.random.default_rng(seed)))


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_a_probability_is_in_0_to_1(probability):
    with pytest.raises(ValueError, match=r"probability must be in 0\.\.1"):
        FastRetransmitParameters(probability)
