"""The arithmetic of the regimes, on a clock that only the work moves."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ntgbench.costs import timing
from ntgbench.costs.bench import Bench, traffic, whole_parameter
from ntgbench.costs.monitor import Monitor
from ntgbench.costs.regimes import best_batch, sampling_rate, share, training, training_rate
from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.learning.training import hold_out
from ntgbench.protocol import Efficiency
from ntgbench.systems import FittedSystem, choose
from ntgbench.testing import example_traffic
from ntgbench.traffic.biflows import Biflows

START, STEP, VALIDATION = 7.0, 0.25, 0.0625
"""Seconds of a training whatever it is on, of a step, and of validating one biflow."""


@dataclass(frozen=True)
class Parameters:
    batch: int = 32
    epochs: int = 20


@dataclass(frozen=True)
class Learner:
    """A system whose training takes the time that is said above, and more for each epoch in its budget."""

    clock: list[float]
    parameters: object = Parameters()

    def fit(self, train: Biflows, context: Context) -> None:
        learnt, kept = hold_out(train, context.seed)
        steps = -(-len(learnt) // self.parameters.batch)
        epochs = min(self.parameters.epochs, context.budget.epochs or self.parameters.epochs)
        self.clock[0] += START + epochs * (steps * STEP + len(kept) * VALIDATION)
        context.progress(1, 1)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    moment = [0.0]
    monkeypatch.setattr(timing, "now", lambda _: moment[0])
    return moment


def bench(system: object, folder: Path, **settings: object) -> Bench:
    chosen = Efficiency(**{"classes": 3, "biflows": 400, "repetitions": 6, **settings})

    def context(few: Biflows, budget: Budget) -> Context:
        return Context(seed=1, budget=budget)

    return Bench(system, traffic(example_traffic(), chosen, 0), chosen, context, folder, "cpu")


def per_epoch(epochs: int = 1) -> float:
    """Seconds of an epoch of the whole training set at batch 1."""
    return START / epochs + 1080 * STEP + 120 * VALIDATION


def test_an_extrapolated_epoch_is_that_of_the_whole_set_without_what_is_done_once(clock, tmp_path) -> None:
    found, of, fitted = training(bench(Learner(clock), tmp_path, seconds=20.0), Monitor("cpu", 1))
    assert found.value == found.low == found.high == pytest.approx(per_epoch() - START)
    assert of == 60
    assert fitted is None


def test_a_whole_training_counts_the_epochs_that_it_has(clock, tmp_path) -> None:
    for epochs, done in ((20, 10), (4, 4)):
        found, of, _ = training(bench(Learner(clock, Parameters(epochs=epochs)), tmp_path), Monitor("cpu", 1))
        assert found.value == pytest.approx(per_epoch(done))
        assert of == 1200


@pytest.mark.parametrize(
    ("told", "expected"),
    [([], 1.0), ([0.1, 0.4], 0.4), ([0.0], 1.0), ([7.0], 1.0), ([-1.0], 1.0), ([float("nan")], 1.0)],
)
def test_only_a_share_that_can_be_true_is_believed(told: list[float], expected: float) -> None:
    assert share(told) == expected


def test_a_rate_of_training_is_free_of_what_is_done_once(clock, tmp_path) -> None:
    own = bench(Learner(clock), tmp_path)
    # A step on 27 biflows; 5 on 135, which take too little longer to tell; 23 on 675.
    assert training_rate(own, 30) == pytest.approx((750 - 30) / (22 * STEP + 72 * VALIDATION))
    assert training_rate(own, 5000) == 0.0


def test_a_rate_that_noise_could_have_made_is_none(clock, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(globals(), "STEP", 1e-9)
    monkeypatch.setitem(globals(), "VALIDATION", 1e-9)
    assert training_rate(bench(Learner(clock), tmp_path), 1) == 0.0


def test_the_best_batch_survives_ones_that_are_no_better_and_ends_where_memory_does(tmp_path, caplog) -> None:
    own = bench(Learner([0.0]), tmp_path)
    rates = {1: 5.0, 2: 9.0, 4: 8.0, 8: 8.0, 16: 8.0, 32: 20.0}

    def rate(batch: int) -> float:
        if batch > 32:
            raise RuntimeError("out of memory\nand much more")
        return rates[batch]

    assert best_batch(own, rate) == (20.0, 32.0)
    assert "no batch of 64: out of memory" in caplog.text

    def never(batch: int) -> float:
        raise ValueError(f"batch must not be {batch}")

    with pytest.raises(ValueError, match="must not be 1"):
        best_batch(own, never)


def test_many_at_once_are_checked_as_one_is(tmp_path) -> None:
    own = bench(choose("markov"), tmp_path)
    fitted = own.fit(own.system, 30, Budget())
    assert sampling_rate(own, fitted, 4) > 0

    class Lazy:
        def sample(self, labels: object, rng: object) -> np.ndarray:  # noqa: ARG002
            return np.ones((1, own.train.packets), np.int64)

    with pytest.raises(PluginError, match="shape"):
        sampling_rate(own, FittedSystem(own.system, Lazy(), own.train, fitted.classes), 4)


def test_a_batch_is_a_whole_number() -> None:
    @dataclass(frozen=True)
    class Other:
        batch: str = "auto"
        shuffle: bool = True

    system = Learner([0.0], Other())
    assert whole_parameter(system, "batch") is whole_parameter(system, "shuffle") is None
    assert whole_parameter(choose("llama"), "batch") == choose("llama").parameters.batch
