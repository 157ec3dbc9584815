"""Two real halves as two systems, and what the track says of test sets that are too small."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ntgbench.interfaces import MetricSpec
from ntgbench.plugins import registry
from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows.resolution import DRAWS, halves_apart
from ntgbench.tracks.biflows.splits import halves
from ntgbench.traffic.biflows import Biflows


def mean_length(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:
    return {"mean": float(synthetic.signed_pl.mean())}


SPEC = MetricSpec("mean", f"{__name__}:mean_length", "x", "utility", "max", primary=True)


def given(change: Callable[[Biflows], Biflows] = lambda train: train, spec: MetricSpec = SPEC) -> Any:
    train = example_traffic()
    # Seeds as a suite derives them: the same for the same words.
    return SimpleNamespace(
        metrics=(spec,), train=train, synthetic=change(train), test=train, seed=lambda *what: int(what[-1])
    )


def apart(of: Any) -> Any:
    return halves_apart(of, 1, lambda half: (of.test, half))


def test_it_is_the_root_mean_square_difference_of_disjoint_halves() -> None:
    of = given()
    differences = []
    for draw in range(DRAWS):
        first, second = halves(of.train, of.train.class_counts(), np.random.default_rng(draw))
        differences.append(first.signed_pl.mean() - second.signed_pl.mean())
    found = apart(of)["mean@halves"]
    assert found["value"] == pytest.approx(np.sqrt(np.mean(np.square(differences))), rel=1e-12)
    assert (found["count"], found.get("primary", False)) == (DRAWS, False)


def test_only_the_training_traffic_itself_is_measured_in_any_order() -> None:
    rng = np.random.default_rng(1)
    shuffled = given(lambda train: train.select(rng.permutation(len(train))))
    assert apart(shuffled) == apart(given())
    assert apart(given(lambda train: train.select(rng.integers(len(train), size=len(train))))) == {}

    def exchanged(train: Biflows) -> Biflows:
        return Biflows(train.signed_pl, np.roll(train.label, 1), train.classes)

    assert apart(given(exchanged)) == {}


def test_nothing_is_said_where_there_are_no_halves_or_no_primary_metric() -> None:
    assert apart(given(spec=MetricSpec("mean", SPEC.target, "x", "utility", "max"))) == {}
    of = given()
    of.train = of.synthetic = of.train.select(np.unique(of.train.label, return_index=True)[1])
    assert apart(of) == {}


def counted(*counts: int) -> Biflows:
    """So many biflows of each class."""
    label = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    return Biflows(np.ones((len(label), 2), np.int16), label, tuple("abcdefgh"[: len(counts)]))


@pytest.mark.parametrize(
    ("test", "texts"),
    [
        ((10, 10, 10), []),
        ((10, 9, 0), ["2 of 3 classes have fewer than 10 test biflows, so a few biflows decide what they add"]),
        ((90, 10, 10), []),
        ((181, 10, 10), ["90% of the test biflows are of one class, a"]),
        ((0, 7, 0), ["all test biflows are of one class, b: no ranks"]),
    ],
)
def test_cautions_name_what_is_too_small(test: tuple[int, ...], texts: list[str]) -> None:
    found = registry().track("biflows").cautions(counted(50, 50, 50), counted(*test))
    assert [one.text[: len(text)] for one, text in zip(found, texts, strict=True)] == texts
    assert [one.unranked for one in found] == ["no ranks" in text for text in texts]
