"""The suites on made-up traffic, with the bundled metrics."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from made_suites import given

from ntgbench import Biflows
from ntgbench.errors import PluginError, TrafficError
from ntgbench.interfaces import Context, Measured, MetricSpec
from ntgbench.tracks.biflows import augmentation, fidelity, privacy, utility
from ntgbench.tracks.biflows.settings import Augmentation, Fidelity
from ntgbench.tracks.biflows.splits import equal_counts


def test_fidelity_has_headline_control_and_floor_of_each_metric() -> None:
    of_copy = given("copy", "fidelity", Fidelity())
    scores = fidelity.measure(of_copy)
    for metric in of_copy.metrics:
        other = {"test": "train", "train": "test"}[metric.against]
        control, floor = f"{metric.name}@{other}", f"{metric.name}@floor"
        assert {metric.name, control, floor} & scores.keys() == {metric.name} | (
            set() if metric.likelihood else {floor} if metric.costly else {control, floor}
        )
        assert (scores[metric.name]["value"] is None) == metric.likelihood  # `copy` tells no likelihoods


def test_the_floor_of_a_costly_metric_is_drawn_once_and_keeps_its_interval() -> None:
    of_copy = given("copy", "fidelity", Fidelity(floor_draws=3))
    calls.clear()
    spec = MetricSpec("counted", f"{__name__}:counted", "", "fidelity", "min", costly=True)
    cheap = replace(spec, name="cheap", target=f"{__name__}:cheap", costly=False)
    scores = fidelity.measure(replace(of_copy, metrics=(spec, cheap)))
    assert calls == {"counted": 2, "cheap": 5}
    assert (scores["counted@floor"]["low"], scores["counted@floor"]["high"]) == (1, 3)
    assert "low" not in scores["cheap@floor"]


calls: Counter[str] = Counter()


def counted(*_: object, name: str = "counted") -> dict[str, Measured]:
    calls[name] += 1
    return {name: Measured(2, 1, 3)}


def cheap(*_: object) -> dict[str, Measured]:
    return counted(name="cheap")


def test_a_chain_is_asked_for_the_likelihood_of_held_out_biflows_of_classes_it_knows() -> None:
    of_chain = given("markov", "fidelity", Fidelity(floor_draws=1))
    metrics = tuple(metric for metric in of_chain.metrics if metric.likelihood)
    bits = fidelity.measure(replace(of_chain, metrics=metrics))["heldout_bits"]
    assert 0 < bits["low"] < bits["value"] < bits["high"]
    other = Biflows.concat([of_chain.test, replace(of_chain.test.select([0]), label=np.array([3], np.int32))])
    train = of_chain.train.select(of_chain.train.label != 3)
    known = of_chain.system.fit(train, Context(seed=1))
    again = replace(of_chain, metrics=metrics, train=train, test=other, fitted=lambda: known)
    assert fidelity.measure(again)["heldout_bits"] == bits
    with pytest.raises(PluginError, match="fitted without biflows of rare"):
        known.log_likelihood(other)


def _raises(_: Biflows) -> None:
    raise TrafficError("no such traffic")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (lambda biflows: np.ones((len(biflows), biflows.packets + 1)), "not logarithms of probabilities"),
        (lambda biflows: np.full((len(biflows), biflows.packets + 1), np.nan), "not logarithms of probabilities"),
        (lambda biflows: -np.ones(len(biflows)), "likelihoods of shape"),
        (lambda biflows: -np.ones((len(biflows), 3)), "likelihoods of shape"),
        (lambda biflows: "none", "cannot tell likelihoods"),
        (lambda biflows: 1 / 0, "cannot tell likelihoods"),
        (_raises, "no such traffic"),
    ],
)
def test_a_system_that_fails_to_tell_likelihoods_loses_no_other_metric(told: Callable, reason: str) -> None:
    of_chain = given("markov", "fidelity", Fidelity(floor_draws=1))
    of_chain.fitted().built.log_likelihood = told
    metrics = tuple(m for m in of_chain.metrics if m.likelihood or m.name == "jsd_1gram")
    scores = fidelity.measure(replace(of_chain, metrics=metrics))
    assert reason in scores["heldout_bits"]["reason"]
    assert scores["jsd_1gram"]["value"] is not None
    attacked = given("markov", "privacy")
    attacked.fitted().built.log_likelihood = told
    scores = privacy.measure(attacked)
    assert scores["membership_auc"]["value"] is not None
    assert "membership_auc@likelihood" not in scores


def test_the_training_set_itself_is_identical_to_itself() -> None:
    scores = fidelity.measure(given("real", "fidelity", Fidelity()))
    assert scores["jsd_1gram@train"]["value"] == pytest.approx(0.0, abs=1e-12)
    assert scores["leakage"]["value"] == 1.0
    assert scores["train_share"]["value"] == 1.0
    assert scores["leakage@test"]["value"] == 0.0


def test_both_sides_of_a_comparison_have_equal_counts() -> None:
    of_copy = given("copy", "fidelity")
    real, synthetic = equal_counts(of_copy.test, of_copy.synthetic, 3)
    assert (real.class_counts() == synthetic.class_counts()).all()
    assert (real.class_counts() == np.minimum(of_copy.test.class_counts(), of_copy.train.class_counts())).all()


def test_a_class_the_system_never_made_keeps_its_real_side() -> None:
    of_copy = given("copy", "fidelity")
    partial = of_copy.synthetic.select(of_copy.synthetic.label != 1)
    real, synthetic = equal_counts(of_copy.test, partial, 3)
    assert real.class_counts()[1] == of_copy.test.class_counts()[1] > 0
    assert synthetic.class_counts()[1] == 0


def test_utility_of_the_training_set_beats_shuffled_labels() -> None:
    of_real = given("real", "utility")
    shuffled = Biflows(of_real.train.signed_pl, np.roll(of_real.train.label, 40), of_real.train.classes)
    wrong = replace(of_real, synthetic=shuffled)
    assert utility.measure(of_real)["accuracy"]["value"] > utility.measure(wrong)["accuracy"]["value"]


@pytest.mark.parametrize("system", ["copy", "fast-retransmit"])
def test_augmentation_has_every_fraction_with_and_without_synthetic_traffic(system: str) -> None:
    settings = Augmentation(fractions=(0.1, 0.5, 1.0), arms=("full", "subset"))
    scores = augmentation.measure(given(system, "utility", settings))
    keys = {key.partition("@")[2] for key in scores}
    subset = {f"{f}%,subset" for f in (10, 50, 100)} if system == "copy" else set()
    measured = {"10%", "50%", "100%"} | subset
    assert keys == measured | {"10%,none", "50%,none", "100%,none"} | {f"{at},gain" for at in measured}
    assert {key.partition("@")[0] for key in scores} == {"macro_f1", "weighted_f1", "accuracy"}


def test_a_gain_is_the_difference_of_the_same_biflows() -> None:
    scores = augmentation.measure(given("copy", "utility", Augmentation(fractions=(0.1,))))
    some, bare, gain = (scores[f"macro_f1@10%{form}"] for form in ("", ",none", ",gain"))
    assert gain["value"] == some["value"] - bare["value"]
    assert gain["low"] < gain["value"] < gain["high"]
    apart = np.hypot(*(one["high"] - one["low"] for one in (some, bare)))
    assert gain["high"] - gain["low"] < apart
    assert not any("confusion" in value for value in scores.values())


def test_augmentation_raises_every_class_to_the_largest() -> None:
    of_copy = given("copy", "utility")
    few = of_copy.train.select(np.flatnonzero(of_copy.train.label != 3)[::5])
    largest = int(of_copy.train.class_counts().max())
    raised = few.class_counts() + augmentation._missing(few, of_copy.train)
    # A class that is not there at all cannot be raised.
    assert raised.tolist() == [largest, largest, largest, 0]


def test_a_generator_makes_biflows_for_all_fractions_at_once() -> None:
    of_copy = given("copy", "utility", Augmentation(fractions=(0.5, 0.1, 1.0)))
    asked = []

    class Counting:
        def sample(self, labels, seed):
            asked.append(np.bincount(labels, minlength=4))
            return of_copy.fitted().sample(labels, seed=seed)

    augmentation.measure(replace(of_copy, fitted=Counting))
    counts = of_copy.train.class_counts()
    assert len(asked) == 1
    assert asked[0].tolist() == (counts.max() - np.ceil(0.1 * counts)).tolist()


def test_an_augmenter_never_sees_more_than_the_available_biflows() -> None:
    of_augmenter = given("fast-retransmit", "utility", Augmentation(fractions=(0.1, 0.5)))
    seen = []
    augmentation.measure(replace(of_augmenter, refit=lambda few: seen.append(len(few)) or of_augmenter.refit(few)))
    counts = of_augmenter.train.class_counts()
    assert seen == [int(np.ceil(f * counts - 1e-9).sum()) for f in (0.1, 0.5)]
