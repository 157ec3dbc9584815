"""The simulated dataset: what it is, byte for byte, and that its traffic follows the model it says it follows."""

import numpy as np
import pytest
from scipy.stats import chisquare
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score

from ntgbench.datasets import simulated
from ntgbench.datasets.loading import load_dataset
from ntgbench.tracks.biflows.splits import split

MODEL = simulated.truth()
CLASSES = range(len(MODEL.classes))
ALPHA = 1e-4
"""Chance that a test of a correct distribution fails; the seed is fixed, so it fails always or never."""


@pytest.fixture(scope="module")
def drawn():
    """Flows, and the states of their packets as a matrix (flows, 30) with -1 for no packet."""
    flows, state = simulated.simulate(seed=1)
    lengths = np.diff(flows.offsets)
    states = np.full((len(flows), simulated.PACKETS), -1)
    states[np.arange(simulated.PACKETS) < lengths[:, None]] = state
    return flows, states


def agree(counts, probabilities):
    """Counts agree with probabilities; what is impossible never happened. Rare values are taken together."""
    counts, probabilities = np.asarray(counts, float), np.asarray(probabilities, float)
    assert counts[probabilities == 0].sum() == 0
    expected = probabilities * counts.sum()
    common = expected >= 5
    counts = np.append(counts[common], counts[~common].sum())
    expected = np.append(expected[common], expected[~common].sum())
    if expected[-1] < 5:
        counts, expected = (np.append(v[:-2], v[-2:].sum()) for v in (counts, expected))
    return len(counts) < 2 or chisquare(counts, expected).pvalue > ALPHA


def shares(slots, size):
    return np.bincount(slots, minlength=size) / len(slots)


def state_marginals(model, code):
    """Exact probability that packet t of a biflow of class `code` is in state s, float64 (30, S), given that it exists.

    The semi-Markov chain is a Markov chain over (state, packets left in it), which is stepped exactly.
    """
    longest = int(model.dwell.max())
    start = np.bincount(model.start[code], minlength=len(model.states)) / 16
    following = np.stack([np.bincount(row, minlength=len(model.states)) for row in model.following[code]]) / 16
    dwell = np.stack([np.bincount(row, minlength=longest + 1)[1:] for row in model.dwell[code]]) / 16
    now = start[:, None] * dwell  # (S, packets left - 1)
    rows = []
    for _ in range(simulated.PACKETS):
        rows.append(now.sum(axis=1))
        leaving = now[:, 0] @ following
        now = np.pad(now[:, 1:], ((0, 0), (0, 1))) + leaving[:, None] * dwell
    return np.array(rows)


def test_the_same_bytes_everywhere():
    assert simulated.load(10, 1460).digest() == "72a99a78f8bea72dcaefc0d7f324a944"
    assert simulated.load(30, 1460).digest() == "ae3066db1cf650359f32a494f1bf2f11"


def test_its_size_and_shape():
    dataset = load_dataset("simulated")
    biflows = dataset.traffic
    assert dataset.name == "simulated"
    assert len(biflows) == 6150
    assert biflows.classes == tuple(sorted(MODEL.classes))
    assert biflows.class_counts().tolist() == MODEL.biflows.tolist()
    assert (biflows.class_counts().min(), biflows.class_counts().max()) == (150, 1500)
    assert np.bincount(biflows.session).max() == simulated.SESSION
    assert biflows.iat is not None


def test_packets_and_pl_max_apply():
    biflows = simulated.load(30, 500)
    assert biflows.packets == 30
    assert np.abs(biflows.signed_pl).max() == 500


def test_another_seed_gives_other_traffic():
    assert simulated.simulate(1)[0].to_biflows(10, 1460)[0] != simulated.simulate(2)[0].to_biflows(10, 1460)[0]


def test_numbers_of_packets_follow_the_model(drawn):
    flows, _ = drawn
    lengths = np.diff(flows.offsets)
    for code in CLASSES:
        assert agree(np.bincount(lengths[flows.label == code], minlength=31), shares(MODEL.packets[code], 31))


@pytest.mark.parametrize("position", [0, 1, 3, 9, 20])
def test_states_follow_the_exact_marginals(drawn, position):
    flows, states = drawn
    for code in CLASSES:
        here = states[flows.label == code, position]
        expected = state_marginals(MODEL, code)[position]
        assert expected.sum() == pytest.approx(1)
        assert agree(np.bincount(here[here >= 0], minlength=len(MODEL.states)), expected)


def test_state_changes_and_dwell_follow_the_model(drawn):
    flows, states = drawn
    for code in CLASSES:
        walk = states[flows.label == code]
        # Runs that begin early enough in long flows are never cut off, whatever their dwell.
        walk = walk[(walk >= 0).all(axis=1)]
        if not len(walk):
            continue
        begins = np.ones(walk.shape, bool)
        begins[:, 1:] = walk[:, 1:] != walk[:, :-1]
        row, at = np.nonzero(begins)
        dwell = np.diff(row * walk.shape[1] + at, append=walk.size)
        kept = at < simulated.PACKETS - 2 * MODEL.dwell.max()
        state = walk[row, at]
        after = np.append(state[1:], 0)
        for which in range(len(MODEL.states)):
            mine = kept & (state == which)
            assert agree(np.bincount(dwell[mine], minlength=8), shares(MODEL.dwell[code, which], 8))
            assert agree(np.bincount(after[mine], minlength=9), shares(MODEL.following[code, which], 9))


def test_sizes_and_directions_follow_the_model(drawn):
    flows, states = drawn
    state = states[states >= 0]
    label = np.repeat(flows.label, np.diff(flows.offsets))
    assert np.array_equal(flows.signed_pl > 0, MODEL.upstream[state])
    size = np.abs(flows.signed_pl)
    for code in CLASSES:
        for which in range(len(MODEL.states)):
            mine = size[(label == code) & (state == which)]
            if not len(mine):
                continue
            own = np.isin(mine, MODEL.sizes[code, :, which])
            low, high = MODEL.bounds[which]
            assert mine[~own].min(initial=high) >= low
            assert mine[~own].max(initial=low) <= high
            # Noise rarely hits one of the usual sizes, so at most this share of packets has another one.
            noise = MODEL.noise[code] / 256
            assert (~own).mean() <= noise + 4 * np.sqrt(noise / len(mine))


def test_a_session_has_one_client_variant(drawn):
    flows, _ = drawn
    first = flows.signed_pl[flows.offsets[:-1]]
    web = [code for code in CLASSES if MODEL.classes[code].startswith("web")]
    hello = MODEL.sizes[web[0], :, MODEL.states.index("hello")]
    usual = np.isin(flows.label, web) & np.isin(first, hello)
    variant = np.array([np.flatnonzero((hello == value).any(axis=1))[0] for value in first[usual]])
    session = np.unique(flows.session[usual], return_inverse=True)[1]
    votes = np.zeros((session.max() + 1, len(hello)), int)
    np.add.at(votes, (session, variant), 1)
    # Noise hits a usual size of another variant now and then.
    assert votes.max(axis=1).sum() / votes.sum() > 0.995
    assert agree(np.bincount(votes.argmax(axis=1), minlength=3), shares(MODEL.variants[web[0]], 3))


def test_iat_is_log_normal_around_the_median(drawn):
    flows, states = drawn
    state = states[states >= 0]
    iat = np.delete(flows.iat, flows.offsets[:-1])
    state = np.delete(state, flows.offsets[:-1])
    ratio = np.log(iat / (MODEL.iat[state] / 1e6))
    assert abs(ratio.mean()) < 0.02
    assert ratio.std() == pytest.approx(1.0, abs=0.02)


def test_it_is_neither_trivial_nor_hopeless_and_order_tells_more_than_positions_do():
    """Shuffling each position within its class keeps all marginals, and a classifier learns much less from it."""
    train, test = split(simulated.load(10, 1460), 0.2, seed=0)
    rng = np.random.default_rng(0)
    shuffled = train.signed_pl.copy()
    for code in CLASSES:
        rows = np.flatnonzero(train.label == code)
        for column in range(10):
            shuffled[rows, column] = train.signed_pl[rng.permutation(rows), column]
    scores = [
        f1_score(
            test.label,
            RandomForestClassifier(100, random_state=0).fit(rows, train.label).predict(test.signed_pl),
            average="macro",
        )
        for rows in (train.signed_pl, shuffled)
    ]
    assert 0.75 <= scores[0] <= 0.95
    assert scores[0] > scores[1] + 0.15


def test_a_table_that_does_not_share_out_all_slots_is_refused():
    with pytest.raises(ValueError, match="shares out 15 slots instead of 16"):
        simulated._slots({"1": 15})
