"""The suites on made-up traffic, with the bundled metrics."""

import numpy as np
import pytest

from ntgbench import Biflows
from ntgbench.datasets.splits import split
from ntgbench.interfaces import Context
from ntgbench.plugins import registry
from ntgbench.protocol import find, from_values
from ntgbench.suites import augmentation, fidelity, utility
from ntgbench.suites.material import Material
from ntgbench.systems import choose
from ntgbench.testing import example_traffic


def material(system: str, **changed) -> Material:
    train, test = split(example_traffic(), 0.2, 1)
    chosen = choose(system)
    fitted = chosen.fit(train, Context(seed=1))
    return Material(
        protocol=from_values({**find("quick").to_json(), **changed}, "test"),
        train=train,
        test=test,
        synthetic=fitted.sample(train.label, 2),
        metrics=tuple(registry().metrics().values()),
        names=("digest", 0),
        sample=fitted.sample,
        refit=lambda few: chosen.fit(few, Context(seed=1)).sample,
        is_generator=chosen.is_generator,
    )


def test_fidelity_has_headline_control_and_floor_of_each_metric() -> None:
    given = material("copy")
    scores = fidelity.measure(given)
    for metric in given.of_suite("fidelity"):
        other = {"test": "train", "train": "test"}[metric.against]
        assert {metric.name, f"{metric.name}@{other}", f"{metric.name}@floor"} <= scores.keys()
    assert all(score.value is not None for score in scores.values()), scores


def test_the_training_set_itself_is_identical_to_itself() -> None:
    scores = fidelity.measure(material("real"))
    assert scores["jsd_1gram@train"].value == pytest.approx(0.0, abs=1e-12)
    assert scores["leakage"].value == 1.0
    assert scores["train_share"].value == 1.0
    assert scores["leakage@test"].value == 0.0


def test_both_sides_of_a_comparison_have_equal_counts() -> None:
    given = material("copy")
    real, synthetic = fidelity._equal_counts(given.test, given.synthetic, 3)
    assert (real.class_counts() == synthetic.class_counts()).all()
    assert (real.class_counts() == np.minimum(given.test.class_counts(), given.train.class_counts())).all()


def test_a_class_the_system_never_made_keeps_its_real_side() -> None:
    given = material("copy")
    partial = given.synthetic.select(given.synthetic.label != 1)
    real, synthetic = fidelity._equal_counts(given.test, partial, 3)
    assert real.class_counts()[1] == given.test.class_counts()[1] > 0
    assert synthetic.class_counts()[1] == 0


def test_utility_of_the_training_set_beats_shuffled_labels() -> None:
    given = material("real")
    shuffled = Biflows(given.train.signed_pl, np.roll(given.train.label, 40), given.train.classes)
    wrong = Material(**{**given.__dict__, "synthetic": shuffled})
    assert utility.measure(given)["accuracy"].value > utility.measure(wrong)["accuracy"].value


@pytest.mark.parametrize("system", ["copy", "fast-retransmit"])
def test_augmentation_has_every_fraction_with_and_without_synthetic_traffic(system: str) -> None:
    given = material(system, augmentation={"fractions": [0.1, 1.0], "arms": ["full", "subset"]})
    scores = augmentation.measure(given)
    keys = {key.partition("@")[2] for key in scores}
    subset = {f"{f}%,subset" for f in (10, 100)} if system == "copy" else set()
    assert keys == {"10%", "100%", "10%,none", "100%,none"} | subset
    assert {key.partition("@")[0] for key in scores} == {"macro_f1", "weighted_f1", "accuracy"}


def test_augmentation_raises_every_class_to_the_largest() -> None:
    given = material("copy")
    few = given.train.select(np.flatnonzero(given.train.label != 3)[::5])
    largest = int(given.train.class_counts().max())
    raised = few.class_counts() + augmentation._missing(few, given.train)
    # A class that is not there at all cannot be raised.
    assert raised.tolist() == [largest, largest, largest, 0]


def test_a_generator_makes_biflows_for_all_fractions_at_once() -> None:
    given = material("copy", augmentation={"fractions": [0.5, 0.1, 1.0]})
    asked = []

    def sample(labels, seed):
        asked.append(np.bincount(labels, minlength=4))
        return given.sample(labels, seed)

    augmentation.measure(Material(**{**given.__dict__, "sample": sample, "metrics": ()}))
    counts = given.train.class_counts()
    assert len(asked) == 1
    assert asked[0].tolist() == (counts.max() - np.ceil(0.1 * counts)).tolist()


def test_an_augmenter_never_sees_more_than_the_available_biflows() -> None:
    given = material("fast-retransmit")
    seen = []

    def refit(few):
        seen.append(len(few))
        return given.refit(few)

    augmentation.measure(Material(**{**given.__dict__, "refit": refit, "metrics": ()}))
    counts = given.train.class_counts()
    assert seen == [int(np.ceil(f * counts - 1e-9).sum()) for f in given.protocol.augmentation.fractions]
