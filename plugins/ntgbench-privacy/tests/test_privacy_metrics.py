"""Privacy metrics on traffic of known truth: copies, other real traffic, what suppresses copies, chains."""

import importlib.util
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_privacy import ntgbench_metrics
from ntgbench_privacy.attacks import densities
from ntgbench_privacy.copies import copies
from ntgbench_privacy.membership import membership
from ntgbench_privacy.singles import singles
from real_traffic import FLOWS, needs_real_traffic

from ntgbench import load_dataset
from ntgbench.interfaces import Context, Exposed, Measured
from ntgbench.results import has_failed
from ntgbench.scores import score
from ntgbench.systems import choose
from ntgbench.tracks.biflows.splits import split
from ntgbench.traffic.biflows import Biflows

_spec = importlib.util.spec_from_file_location("plain_privacy", Path(__file__).with_name("plain_privacy.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

SPECS = ntgbench_metrics()


def biflows(rows, label=None, session=None, classes=("chat", "mail")):
    rows = np.array(rows, np.int16).reshape(len(rows), -1)
    label = np.zeros(len(rows), int) if label is None else label
    return Biflows(rows, label, classes, session, pl_max=1460)


def made(count, seed, sessions=0, classes=3):
    """Biflows of a few lengths after each other: some occur once, some often; with sessions, alike within one."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, count)
    session = None if not sessions else rng.integers(0, sessions, count).astype(np.int32)
    kind = np.random.default_rng(7).integers(1, 1400, (classes, 8))
    drawn = (8 * rng.random((count, 6)) ** 2).astype(int)
    rows = kind[label[:, None], drawn] + rng.integers(0, 4, (count, 6))
    if session is not None:
        rows[:, 0] += session % 50
    rows[np.arange(6) >= rng.integers(2, 7, count)[:, None]] = 0
    return Biflows(rows * np.array([1, -1, -1, 1, -1, 1]), label, tuple("abc"[:classes]), session)


def thirds(traffic, seed):
    """A training set, a held-out set, and as much real traffic as the former, which is in neither."""
    rest, third = split(traffic, 0.4, seed)
    train, test = split(rest, 1 / 3, seed)
    return Exposed(train, test), third


def bootstrap(train, seed=0):
    return train.select(np.random.default_rng(seed).integers(len(train), size=len(train)))


def value(found):
    return found.value if isinstance(found, Measured) else found


def values(found):
    return {name: value(one) for name, one in found.items()}


def test_shares_by_hand():
    train = biflows([[1, 2], [3, 4], [3, 4], [5, 6], [7, 8], [300, 9]])
    test = biflows([[5, 6], [10, 11], [12, 13], [3, 4]])
    synthetic = biflows([[1, 2], [1, 2], [3, 4], [5, 6], [10, 11], [302, 9], [303, 9], [304, 9]])
    found = values(copies(Exposed(train, test), synthetic, 0))
    # Training rows that occur once: 1 2, 7 8, 300 9; not 5 6, which is held out too. Held-out ones: 10 11, 12 13.
    assert found["single_hit"] == pytest.approx(1 / 3)
    assert found["single_hit@floor"] == 1 / 2
    assert (found["exact_copies"], found["exact_copies@floor"]) == (4 / 8, 2 / 4)
    # 302 and 303 are within 1% of 300; 304 is not.
    assert (found["near_copies"], found["near_copies@floor"]) == (2 / 8, 0.0)


@given(st.data())
def test_single_hits_are_those_of_the_definition(data):
    rows = st.lists(st.tuples(st.integers(1, 3), st.integers(-2, 3)), min_size=1, max_size=15)
    train, test, synthetic = (data.draw(rows) for _ in range(3))
    found = values(copies(Exposed(biflows(train), biflows(test)), biflows(synthetic), 0))
    public, times = set(synthetic), Counter(train + test)
    for name, side in (("single_hit", train), ("single_hit@floor", test)):
        hits = [row in public for row in side if times[row] == 1]
        assert found[name] == pytest.approx(np.mean(hits)) if hits else "is single" in found[name]


def test_what_unseen_real_traffic_scores_does_not_depend_on_the_system():
    real, third = thirds(made(3000, 5, sessions=200), 2)
    systems = [bootstrap(real.train), third, third.select(np.arange(50))]
    (one,) = {value(copies(real, synthetic, 3)["single_hit@real"]) for synthetic in systems}
    assert 0 < one < 1


def test_singles_have_the_place_class_and_session_of_their_row():
    real, _ = thirds(made(400, 1, sessions=40), 0)
    found = singles(real)
    expected = plain.single_rows(real.train.signed_pl.tolist(), real.test.signed_pl.tolist())
    assert [
        (tuple(row), member) for row, member in zip(found.signed_pl.tolist(), found.member, strict=True)
    ] == expected
    both = Biflows.concat([real.train, real.test])
    assert (both.signed_pl[found.place] == found.signed_pl).all()
    assert (both.label[found.place] == found.label).all()
    pairs = set(zip(found.group.tolist(), both.session[found.place].tolist(), strict=True))
    assert len(pairs) == len({group for group, _ in pairs}) == len({session for _, session in pairs})


def test_weights_give_both_sides_the_same_shares_of_classes():
    found = singles(thirds(made(900, 2), 1)[0])
    weight = found.weights()
    sides = [np.bincount(found.label[side], weight[side]) for side in (found.member, ~found.member)]
    assert sides[0] == pytest.approx(sides[1])
    assert sides[0].min() > 0


def test_densities_are_those_of_plain_chains():
    real, third = thirds(made(120, 3), 0)
    rows = singles(real).signed_pl[:8]
    fold, of_test = np.arange(8) % 2, np.arange(len(real.test)) % 2
    by_synthetic, by_other = densities(rows, real.test, third, fold, of_test)
    public = third.signed_pl.tolist()
    for row, one, p, q in zip(rows.tolist(), fold, by_synthetic, by_other, strict=True):
        other = real.test.signed_pl[of_test != one].tolist()
        assert p == pytest.approx(plain.log_probability(row, public, 5, 1460), abs=1e-9)
        assert q == pytest.approx(plain.log_probability(row, other, 5, 1460), abs=1e-9)


@pytest.mark.parametrize("sessions", [0, 200])
def test_copies_are_found_and_other_real_traffic_is_not(sessions):
    real, third = thirds(made(6000, 4, sessions), 2)
    verbatim, copied, honest = (membership(real, one, 0) for one in (real.train, bootstrap(real.train), third))
    assert value(verbatim["membership_auc"]) == value(verbatim["membership_tpr"]) == 1
    assert value(copied["membership_auc"]) >= 0.75
    assert honest["membership_auc"].low <= 0.5 <= honest["membership_auc"].high
    assert honest["membership_tpr"].low <= 0.01 <= honest["membership_tpr"].high
    if sessions:
        assert value(verbatim["session_auc"]) == 1
        assert value(copied["session_auc"]) > value(copied["membership_auc"])
        assert honest["session_auc"].low <= 0.5 <= honest["session_auc"].high
    else:
        assert honest["session_auc"] == "the sessions are not known"
    shares = copies(real, third, 0)
    assert shares["single_hit"].low < shares["single_hit@floor"].high
    assert shares["single_hit"].high > shares["single_hit@floor"].low


def test_the_worst_attack_is_shown_with_an_interval_for_all_together():
    real, _ = thirds(made(3000, 5), 2)
    found = membership(real, bootstrap(real.train), 0)
    attacks = {name: found[f"membership_auc@{name}"] for name in ("nearest", "density")}
    worst = max(attacks.values(), key=lambda one: abs(one.value - 0.5))
    shown = found["membership_auc"]
    assert shown.value == worst.value
    assert shown.low < worst.low < worst.high < shown.high


def test_suppressed_copies_are_below_the_floor_and_the_area_below_a_guess():
    # Unseen traffic repeats a quarter of the rows that occur once; the system leaves out those that it has learnt.
    rows = np.random.default_rng(6).integers(1, 1400, (4000, 3))
    real = Exposed(biflows(rows[:3000]), biflows(rows[3000:]))
    public = biflows(rows[3::4])
    honest, suppressed = public, public.select(np.arange(len(public)) >= 750)
    for made_public, hits in ((honest, 0.25), (suppressed, 0.0)):
        shares = copies(real, made_public, 0)
        assert value(shares["single_hit"]) == hits
        assert shares["single_hit@floor"].low < 0.25 < shares["single_hit@floor"].high
    assert copies(real, suppressed, 0)["single_hit"].high < copies(real, suppressed, 0)["single_hit@floor"].low
    assert membership(real, honest, 0)["membership_auc"].high > 0.5
    assert membership(real, suppressed, 0)["membership_auc"].high < 0.5


def test_a_likelihood_that_knows_the_training_set_tells_all():
    real, third = thirds(made(3000, 8), 2)
    ends = np.zeros((1, 7))
    told = Exposed(np.repeat(ends - 1, len(real.train), 0), np.repeat(ends - np.inf, len(real.test), 0))
    found = membership(real, third, 0, told)
    assert found["membership_auc"].value == found["membership_auc@likelihood"].value == 1
    blind = Exposed(told.train, np.repeat(ends - 1, len(real.test), 0))
    assert abs(membership(real, third, 0, blind)["membership_auc@likelihood"].value - 0.5) < 0.05
    assert "membership_auc@likelihood" not in membership(real, third, 0, None)


def test_the_order_of_rows_and_the_names_of_classes_and_sessions_do_not_matter():
    rng = np.random.default_rng(0)
    for sessions in (0, 200):
        real, third = thirds(made(3000, 9, sessions), 2)
        sides = [one.select(rng.permutation(len(one))) for one in (real.train, real.test, third)]
        turned = [replace(one, label=(2 - one.label).astype(np.int32)) for one in sides]
        if sessions:
            turned = [replace(one, session=one.session + np.int32(9)) for one in turned]
        again = Exposed(*turned[:2])
        assert values(membership(again, turned[2], 0)) == pytest.approx(values(membership(real, third, 0)), abs=1e-12)
        one, other = (values(copies(*both, 0)) for both in ((real, third), (again, turned[2])))
        assert {**one, "single_hit@real": 0} == {**other, "single_hit@real": 0}


@pytest.mark.parametrize(
    ("real", "synthetic"),
    [
        (Exposed(made(40, 1), made(1, 2)), made(40, 3)),
        (Exposed(made(1, 1), made(40, 2)), made(40, 3)),
        (Exposed(made(40, 1, classes=1), made(40, 2, classes=1)), made(1, 3, classes=1)),
        (Exposed(made(300, 1), made(300, 1)), made(300, 1)),
        (Exposed(made(300, 1, sessions=1), made(300, 2, sessions=1)), made(300, 3)),
        (Exposed(made(300, 1, sessions=3), made(300, 2, sessions=3)), made(300, 3)),
        (Exposed(made(300, 1), made(300, 2)), made(300, 3).select([])),
        (Exposed(*(replace(made(300, s), label=np.full(300, s, np.int32)) for s in (0, 1))), made(300, 3)),
    ],
    ids=[
        "one held out",
        "one learnt",
        "one class",
        "no single",
        "a session",
        "sessions",
        "no synthetic",
        "classes apart",
    ],
)
def test_what_cannot_be_said_has_a_reason(real, synthetic):
    found = score(SPECS, real, synthetic, 0)
    assert {spec.name for spec in SPECS} <= found.keys()
    assert not any(map(has_failed, found.values()))
    assert all(len(one["reason"]) > 10 for one in found.values() if one["value"] is None)


def test_other_layouts_work():
    rng = np.random.default_rng(1)
    for packets, pl_max in ((1, 32767), (200, 120)):
        rows = rng.integers(1, pl_max + 1, (400, packets))
        every = Biflows(rows, np.zeros(400, int), ("a",), pl_max=pl_max)
        sides = [every.select(np.arange(at, 400, 2)) for at in (0, 1)]
        found = score(SPECS, Exposed(*sides), sides[0], 0)
        assert found["membership_auc"]["value"] == 1
        assert found["exact_copies"]["value"] == 1


def test_of_the_embedded_lab_unseen_traffic_tells_nothing():
    real, third = thirds(load_dataset("lab").traffic, 0)
    found = membership(real, third, 0)
    for name, guess in (("membership_auc", 0.5), ("membership_tpr", 0.01), ("session_auc", 0.5)):
        assert found[name].low <= guess <= found[name].high


@needs_real_traffic
@pytest.mark.parametrize("name", ["mirage_appxact2024", pytest.param("fgnet_d1", marks=pytest.mark.slow)])
def test_bars_on_real_traffic(name):
    traffic = load_dataset(FLOWS / f"{name}.parquet").traffic
    real, third = thirds(traffic, 0)
    honest = membership(real, third, 0)
    assert honest["membership_auc"].low <= 0.5 <= honest["membership_auc"].high
    real = Exposed(*split(traffic, 0.2, 0))
    assert value(membership(real, real.train, 0)["membership_auc"]) >= 0.95
    assert value(membership(real, bootstrap(real.train), 0)["membership_auc"]) >= 0.75


@needs_real_traffic
def test_known_hits_of_a_chain():
    real = Exposed(*split(load_dataset(FLOWS / "mirage_appxact2024.parquet").traffic, 0.2, 0))
    chain = choose("markov[order=2]").fit(real.train, Context(seed=0)).sample(real.train.label, seed=0)
    found = values(copies(real, chain, 0))
    assert found["single_hit"] == pytest.approx(0.17, abs=0.02)
    assert found["single_hit@real"] == pytest.approx(0.13, abs=0.02)


def test_every_metric_is_what_its_target_returns():
    assert {spec.suite for spec in SPECS} == {"privacy"}
    assert [spec.name for spec in SPECS if spec.primary] == ["membership_auc"]
    assert {spec.name: (spec.goal, spec.best) for spec in SPECS if spec.goal == "near"} == {
        "membership_auc": ("near", 0.5),
        "session_auc": ("near", 0.5),
    }
