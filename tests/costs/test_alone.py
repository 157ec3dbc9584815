"""The arithmetic of one biflow at a time, on a clock that only the work moves."""

from pathlib import Path

import numpy as np
import pytest
from made_learner import START, STEP, VALIDATION, Learner, Parameters, bench

from ntgbench.costs.alone import LEAST, VISITS, Sampling, Training, repetitions, share
from ntgbench.costs.times import Times, read
from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget
from ntgbench.protocol import Efficiency
from ntgbench.systems import FittedSystem, choose


def per_epoch(epochs: int = 1) -> float:
    """Seconds of an epoch of the whole training set at batch 1."""
    return START / epochs + 1080 * STEP + 120 * VALIDATION


@pytest.mark.parametrize("wanted", [1, 6, 10])
def test_whole_measurements_have_their_repetitions_over_all_visits(wanted: int) -> None:
    settings = Efficiency(repetitions=wanted)
    assert sum(len(list(repetitions(settings, visit))) for visit in range(VISITS)) == wanted


def test_a_shortened_visit_lasts_its_time_and_has_a_few_repetitions_at_least(clock) -> None:
    settings = Efficiency(repetitions=3 * VISITS, seconds=10.0)

    def visit(each: float) -> int:
        done = 0
        for _ in repetitions(settings, 0):
            clock[0] += each
            done += 1
        return done

    assert visit(1.0) == 30
    assert visit(7.0) == 5
    assert visit(100.0) == LEAST


def test_an_extrapolated_epoch_is_that_of_the_whole_set_without_what_is_done_once(clock, tmp_path) -> None:
    times = Times()
    training = Training(bench(Learner(clock), tmp_path, seconds=20.0), times)
    for _ in range(VISITS):
        training.visit()
    for found in training.found():
        assert found.value == found.low == found.high == pytest.approx(per_epoch() - START)
        assert found.count >= LEAST * VISITS
    assert times.train_biflows == 60


@pytest.mark.parametrize(("seconds", "biflows"), [(1.0, 60), (39.0, 60), (75.0, 120), (90.0, 120), (115.0, 240)])
def test_two_runs_that_differ_a_little_train_on_as_many(clock, tmp_path, seconds: float, biflows: int) -> None:
    """As a training is known to take, 30 biflows 7 + 27 / 4 + 3 / 16 seconds."""
    times = Times()
    Training(bench(Learner(clock), tmp_path, seconds=seconds), times)
    assert times.train_biflows == biflows


def test_the_shortest_training_is_free_of_what_disturbed_the_others(clock, tmp_path) -> None:
    learner = Learner(clock)
    training = Training(bench(learner, tmp_path, seconds=20.0), Times())
    training.visit()
    learner.slowdown[0] = 2.0
    training.visit()
    training.visit()
    typical, least = training.found()
    assert least.value == least.low == pytest.approx(per_epoch() - START)
    assert typical.value == least.high == pytest.approx(2.0 * (per_epoch() - START))


@pytest.mark.parametrize("tells", [lambda _: 10, lambda number: 5 + number % 3])
def test_every_part_of_a_training_finds_its_moment_of_peace(clock, tmp_path, tells) -> None:
    """Unless parts are not the same in every training: then whole trainings are held against one another."""
    learner = Learner(clock, stumbles={number: 100.0 + number for number in range(40)}, tells=tells)
    times = Times()
    training = Training(bench(learner, tmp_path, seconds=20.0), times)
    for _ in range(VISITS):
        training.visit()
    typical, least = training.found()
    assert times.train_biflows == 60
    if tells(0) == tells(1):
        assert least.value == pytest.approx(per_epoch() - START)
    else:
        assert abs(least.value - (per_epoch() - START)) > 1.0
    assert typical.value != pytest.approx(per_epoch() - START)


def test_a_whole_training_counts_the_epochs_that_it_has(clock, tmp_path) -> None:
    for epochs, done in ((20, 10), (4, 4)):
        times = Times()
        training = Training(bench(Learner(clock, Parameters(epochs=epochs)), tmp_path), times)
        for _ in range(VISITS):
            training.visit()
        typical, least = training.found()
        assert typical.value == least.value == pytest.approx(per_epoch(done))
        assert typical.count == 6
        assert times.train_biflows == 1200


def test_a_later_process_does_the_same_work_and_finds_the_shortest_of_all(clock, tmp_path) -> None:
    learner, times = Learner(clock, slowdown=[3.0]), Times()
    Training(bench(learner, tmp_path, seconds=20.0), times).visit()
    times.write(tmp_path / "times.json")
    # Three times as fast it would train on more, and then the two could not be held against one another.
    learner.slowdown[0], later = 1.0, read(tmp_path / "times.json")
    assert later == times
    training = Training(bench(learner, tmp_path, seconds=20.0), later)
    training.visit()
    assert later.train_biflows == times.train_biflows
    typical, least = training.found()
    assert least.value == pytest.approx(per_epoch() - START)
    assert least.high == pytest.approx(3.0 * least.value)
    assert least.value < typical.value < least.high


@pytest.mark.parametrize(
    ("told", "expected"),
    [([], 1.0), ([0.1, 0.4], 0.4), ([0.0], 1.0), ([7.0], 1.0), ([-1.0], 1.0), ([float("nan")], 1.0)],
)
def test_only_a_share_that_can_be_true_is_believed(told: list[float], expected: float) -> None:
    assert share(told) == expected


class Maker:
    """Makes biflows of one to four packets, a second each, and stumbles now and then."""

    def __init__(self, clock: list[float], packets: int) -> None:
        self.clock, self.packets, self.calls = clock, packets, 0

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        self.calls += 1
        length = int(rng.integers(1, 5))
        # Every seventh call is disturbed, and that is another biflow in each repetition.
        self.clock[0] += length + (50.0 if self.calls % 7 == 0 else 0.0)
        rows = np.zeros((len(labels), self.packets), np.int64)
        rows[:, :length] = 1
        return rows


def sampling(clock: list[float], folder: Path, packets: int = 10, **settings: object) -> Sampling:
    own = bench(choose("markov"), folder, **settings)
    fitted = own.fit(own.system, 30, Budget())
    return Sampling(own, FittedSystem(own.system, Maker(clock, packets), own.train, fitted.classes), Times())


def test_every_repetition_makes_the_same_biflows_and_each_finds_its_moment_of_peace(clock, tmp_path) -> None:
    made = sampling(clock, tmp_path, samples=5, repetitions=60)
    for _ in range(VISITS):
        made.visit()
    lengths = np.random.default_rng(0)
    mean = np.mean([int(lengths.integers(1, 5)) for _ in range(15)])
    typical, least = made.found()
    assert (made.biflows, made.made, least.count) == (15, 15 * 60, 60)
    assert made.packets == pytest.approx(mean)
    assert least.value == least.low == pytest.approx(1e3 * mean)
    assert typical.value >= 1e3 * (mean + 2 * 50 / 15)  # two of fifteen are disturbed in every repetition


def test_a_slow_system_makes_fewer_biflows_a_repetition(clock, tmp_path) -> None:
    # Three classes take at least three seconds, at most twelve and a stumble.
    assert sampling(clock, tmp_path, samples=16, seconds=0.25).biflows == 3
    assert sampling(clock, tmp_path, samples=16, seconds=5e3).biflows == 48


def test_what_is_no_traffic_ends_the_visit(clock, tmp_path) -> None:
    made = sampling(clock, tmp_path, packets=7, samples=1)
    with pytest.raises(PluginError, match="shape"):
        made.visit()
