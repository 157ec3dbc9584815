from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from ntgbench.efficiency import measure as measuring
from ntgbench.efficiency.clock import Measured
from ntgbench.efficiency.columns import COLUMNS
from ntgbench.efficiency.measure import STARTS, Job, measure, summary, with_batch
from ntgbench.efficiency.settings import EFFICIENCY_VERSION, Efficiency
from ntgbench.efficiency.timings import Timings
from ntgbench.errors import PluginError
from ntgbench.interfaces import Context, GeneratorSpec
from ntgbench.suites import Alone
from ntgbench.systems import FittedSystem, choose, load
from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows.efficiency import workload
from ntgbench.traffic.biflows import Biflows

SMALL = Efficiency(classes=3, items=8, epochs=1, samples=2, repetitions=3, largest_batch=8)


def job(system: object, folder: Path, **settings: object) -> Job:
    chosen = replace(SMALL, **settings)
    work = workload(example_traffic(), chosen, 0)
    alone = Alone(lambda _, budget: Context(seed=1, budget=budget), 1, "cpu", folder / "model", {}, {})
    return Job(system, work, chosen, alone)


def numbers(found: dict) -> dict[str, float]:
    return {key: metric["value"] for key, metric in found.items()}


def test_columns_in_closed_form() -> None:
    rounds = [
        Timings([0.3, 0.1], [2.0], {1: 0.1, 8: 0.2}, {1: 2.0, 8: 1.0}, [1.0], [3.0], [0.02], {"others_use": 1.0}),
        Timings([0.2, 0.2], [4.0], {1: 0.1, 8: 0.4}, {1: 4.0}, [2.0], [2.0], [0.01, 0.03], {"others_use": 5.0}),
    ]
    assert summary(rounds, units=100) == {
        "rounds": 2,
        "sample_ms": Measured(200.0, 100.0, 300.0, 4),
        "sample_shortest_ms": Measured(100.0, 100.0, 200.0, 4),
        "train_s_epoch": Measured(3.0, 2.0, 4.0, 2),
        "train_shortest_s_epoch": Measured(2.0, 2.0, 4.0, 2),
        "sample_rate": 40.0,
        "sample_batch": 8,
        "train_rate": 100.0,
        "train_batch": 8,
        "import_s": Measured(1.0, 1.0, 2.0, 2),
        "first_s": Measured(2.0, 2.0, 3.0, 2),
        "reference_ms": Measured(10.0, 10.0, 30.0, 3),
        "others_use": 5.0,
    }


@dataclass(frozen=True)
class Recipe:
    size: int = 32
    passes: int = 4


@dataclass(frozen=True)
class Learner:
    """A system whose training takes a second a step, on a clock that nothing else moves."""

    clock: list[float]
    spec: GeneratorSpec
    parameters: Recipe = field(default_factory=Recipe)
    stops: float = 1.0
    """Share of the epochs after which a training stops early."""

    def fit(self, train: Biflows, context: Context) -> None:
        named = self.spec.epochs is not None
        passes = min(self.parameters.passes, context.budget.epochs) if named else 1
        self.clock[0] += passes * self.stops * -(-len(train) // self.parameters.size)
        context.progress(self.stops, 1.0)


SPEC = GeneratorSpec("learner", "m:C", "learns", Recipe, batch="size", epochs="passes")


@pytest.mark.parametrize("settings", [{"epochs": 2}, {"epochs": 10}, {"train_items": 6, "epochs": 2}])
@pytest.mark.parametrize("stops", [1.0, 0.5])
@pytest.mark.parametrize("spec", [SPEC, replace(SPEC, epochs=None)])
def test_an_epoch_at_batch_1_takes_a_step_an_item(monkeypatch, tmp_path, settings, stops, spec) -> None:
    clock = [0.0]
    monkeypatch.setattr(measuring, "now", lambda _: clock[0])
    own = job(Learner(clock, spec, stops=stops), tmp_path, **settings)
    assert measuring._train_one_by_one(own) == [own.workload.units] * SMALL.repetitions


def test_the_spec_says_what_sets_the_batch() -> None:
    assert with_batch(choose("llama[batch=64]"), 1).parameters.batch == 1
    assert with_batch(choose("markov"), 1) == choose("markov")
    assert with_batch(Learner([], SPEC), 5).parameters.size == 5


def test_a_generator_in_two_rounds(tmp_path: Path) -> None:
    own, told = job(choose("markov"), tmp_path), []
    for rounds in (1, 2):
        found = measure(own, told.append)
        values = numbers(found)
        assert values["rounds"] == rounds
        assert found["sample_ms"]["count"] == rounds * SMALL.repetitions
        assert found["first_s"]["count"] == rounds * STARTS
    assert told[0] == "training one by one"
    assert values.keys() <= COLUMNS.keys()
    assert not values.keys() & {"train_rate", "peak_device_mib"}
    assert values["train_items"] == 24
    assert values["sample_items"] == 6
    assert values["sample_batch"] in (1, 8)
    for metric in found.values():
        assert metric["version"] == EFFICIENCY_VERSION
        assert metric.get("low", 0) <= metric["value"] <= metric.get("high", metric["value"])
    assert values["sample_shortest_ms"] <= values["sample_ms"]
    assert 1 <= values["packets"] <= 10
    assert load(own.alone.folder).sample(np.array([0], np.int32), seed=0).classes == own.workload.first(1).classes


def test_an_augmenter_has_no_training(tmp_path: Path) -> None:
    values = numbers(measure(job(choose("fast-retransmit"), tmp_path, repetitions=1), lambda _: None))
    assert values["sample_ms"] > 0
    assert not values.keys() & {"train_s_epoch", "train_rate", "train_items"}


@pytest.mark.parametrize("wrong", [np.zeros((1, 3), np.int64), np.zeros((1, 10), np.int64)])
def test_what_is_not_valid_ends_the_measurement(tmp_path: Path, wrong: np.ndarray) -> None:
    class Lazy:
        def sample(self, labels: object, rng: object) -> np.ndarray:  # noqa: ARG002
            return wrong

    own = job(choose("markov"), tmp_path)
    fitted = FittedSystem(own.system, Lazy(), own.workload.first(24), frozenset())
    for one in (lambda: measuring._warm_up(own, fitted), lambda: measuring._call(own, fitted, 1)):
        with pytest.raises(PluginError, match="returned"):
            one()


def test_batches_are_powers_of_eight_and_end_with_the_first_that_is_too_large(caplog) -> None:
    def seconds(batch: int) -> float:
        if batch > 8:
            raise RuntimeError("out of memory\nand much more")
        return 0.5

    assert measuring._by_batch([1, 8, 64, 512], seconds) == {1: 0.5, 8: 0.5}
    assert caplog.messages == ["no batch of 64: out of memory"]
    with pytest.raises(ValueError, match="none"):
        measuring._by_batch([1], lambda _: int("none"))
    assert Efficiency().batches == [1, 8, 64, 512, 4096]
    assert Efficiency(largest_batch=63).batches == [1, 8]
