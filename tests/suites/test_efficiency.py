from pathlib import Path

import numpy as np
import pytest

from ntgbench.costs.alone import LEAST, VISITS
from ntgbench.costs.bench import Bench, traffic, with_batch
from ntgbench.costs.times import Times
from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Budget, Context
from ntgbench.protocol import Efficiency
from ntgbench.suites.efficiency import COLUMNS, measure
from ntgbench.systems import choose, load
from ntgbench.testing import example_traffic
from ntgbench.traffic.biflows import Biflows

SMALL = Efficiency(classes=3, biflows=8, samples=4, repetitions=6, seconds=0.001, largest_batch=8)


def bench(system: str, folder: Path, settings: Efficiency = SMALL) -> Bench:
    def context(few: Biflows, budget: Budget) -> Context:
        return Context(seed=1, budget=budget)

    return Bench(choose(system), traffic(example_traffic(), settings, 0), settings, context, folder, "cpu")


def test_the_largest_classes_take_turns() -> None:
    full = example_traffic()
    made = traffic(full, SMALL, 0)
    counts = dict(zip(full.classes, full.class_counts(), strict=True))
    assert sorted(counts[name] for name in made.classes) == sorted(counts.values())[-3:]
    assert made.label.tolist() == [0, 1, 2] * 8
    for label, name in enumerate(made.classes):
        own = {tuple(row) for row in full.signed_pl[full.label == full.classes.index(name)].tolist()}
        assert {tuple(row) for row in made.signed_pl[made.label == label].tolist()} <= own


def test_small_classes_are_repeated_and_missing_ones_refused() -> None:
    few = example_traffic().select([0])
    with pytest.raises(NtgbenchError, match="wants biflows of 3 classes, and 1 has any"):
        traffic(few, SMALL, 0)
    one = traffic(few, Efficiency(classes=1, biflows=5), 0)
    assert (one.signed_pl == few.signed_pl[0]).all()
    assert len(one) == 5


def test_training_takes_one_biflow_at_a_time_where_that_can_be_asked_for() -> None:
    assert with_batch(choose("llama[batch=64]"), 1).parameters.batch == 1
    assert with_batch(choose("markov"), 1) == choose("markov")


def test_a_generator_that_knows_no_batches(tmp_path: Path) -> None:
    told: list[str] = []
    found = measure(bench("markov", tmp_path), Times(), told.append)
    assert told[0] == "training"
    names = {key.removeprefix("efficiency/") for key in found}
    assert names >= {
        "sample_ms",
        "sample_shortest_ms",
        "train_s_epoch",
        "train_shortest_s_epoch",
        "sample_rate",
        "size_mb",
        "import_s",
        "first_s",
        "packets",
    }
    assert names <= COLUMNS.keys()
    assert not names & {"train_rate", "peak_device_mib"}
    for metric in found.values():
        assert metric["value"] is not None
        assert metric.get("low", 0) <= metric["value"] <= metric.get("high", metric["value"])
    assert found["efficiency/sample_shortest_ms"]["value"] <= found["efficiency/sample_ms"]["value"]
    assert found["efficiency/sample_ms"]["count"] == found["efficiency/sample_shortest_ms"]["count"] >= LEAST * VISITS
    # A power of two of each of the three classes, at most four.
    assert found["efficiency/sample_biflows"]["value"] in (3, 6, 12)
    assert 1 <= found["efficiency/packets"]["value"] <= 10
    assert load(tmp_path).sample(np.array([0], np.int32), 0).classes == traffic(example_traffic(), SMALL, 0).classes


def test_an_augmenter_has_no_training(tmp_path: Path) -> None:
    found = measure(bench("fast-retransmit", tmp_path), Times(), lambda _: None)
    assert "efficiency/sample_ms" in found
    assert not {"efficiency/train_s_epoch", "efficiency/train_rate"} & found.keys()


def test_a_whole_training_is_of_all_biflows(tmp_path: Path) -> None:
    settings = Efficiency(classes=2, biflows=200, epochs=1, samples=1, repetitions=VISITS, largest_batch=2)
    found = measure(bench("markov", tmp_path, settings), Times(), lambda _: None)
    assert found["efficiency/train_biflows"]["value"] == 400
    assert found["efficiency/train_s_epoch"]["count"] == VISITS


@pytest.mark.slow
def test_a_shortened_training_is_of_fewer_and_batches_are_tried(tmp_path: Path) -> None:
    settings = Efficiency(classes=2, biflows=200, samples=1, repetitions=2, seconds=0.01, largest_batch=2)
    found = measure(bench("cvae[outer=8,inner=4]", tmp_path, settings), Times(), lambda _: None)
    assert found["efficiency/train_biflows"]["value"] < 400
    assert found["efficiency/train_batch"]["value"] in (1, 2)
    assert found["efficiency/train_rate"]["value"] > 0
    assert found["efficiency/parameters"]["value"] > 100
