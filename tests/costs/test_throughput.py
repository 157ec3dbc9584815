"""The arithmetic of rates, on a clock that only the work moves."""

import itertools
from dataclasses import dataclass

import made_learner
import numpy as np
import pytest
from made_learner import STEP, VALIDATION, Learner, bench

from ntgbench.costs.bench import whole_parameter
from ntgbench.costs.throughput import measure_again, rate_of, sampling_rate, search, training_rate
from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget
from ntgbench.systems import FittedSystem, choose


def test_a_rate_of_training_is_free_of_what_is_done_once(clock, tmp_path) -> None:
    own = bench(Learner(clock), tmp_path)
    # A step on 27 biflows; 5 on 135, which take too little longer to tell; 23 on 675.
    assert training_rate(own, 30, {}) == pytest.approx((750 - 30) / (22 * STEP + 72 * VALIDATION))
    assert training_rate(own, 5000, {}) == 0.0


def test_a_rate_of_training_knows_the_shortest_of_another_visit(clock, tmp_path) -> None:
    learner = Learner(clock)
    own, known = bench(learner, tmp_path), {}
    expected = training_rate(own, 30, known)
    learner.slowdown[0] = 3.0
    assert training_rate(own, 30, {}) == pytest.approx(expected / 3.0)
    assert training_rate(own, 30, known) == expected


def test_a_rate_that_noise_could_have_made_is_none(clock, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(made_learner, "STEP", 1e-9)
    monkeypatch.setattr(made_learner, "VALIDATION", 1e-9)
    assert training_rate(bench(Learner(clock), tmp_path), 1, {}) == 0.0


def test_the_best_batch_survives_ones_that_are_no_better_and_ends_where_memory_does(tmp_path, caplog) -> None:
    own = bench(Learner([0.0]), tmp_path)
    rates = {1: 5.0, 2: 9.0, 4: 8.0, 8: 8.0, 16: 8.0, 32: 20.0}

    tried = []

    def rate(batch: int) -> float:
        if batch > 32:
            raise RuntimeError("out of memory\nand much more")
        tried.append(batch)
        return rates[batch]

    search(own, rate)
    assert tried == list(rates)
    assert "no batch of 64: out of memory" in caplog.text

    def never(batch: int) -> float:
        raise ValueError(f"batch must not be {batch}")

    with pytest.raises(ValueError, match="must not be 1"):
        search(own, never)


def test_the_search_ends_when_two_batches_took_long_and_were_no_better(tmp_path, monkeypatch) -> None:
    own = bench(Learner([0.0]), tmp_path, seconds=0.25)
    monkeypatch.setattr("ntgbench.costs.throughput.time.perf_counter", itertools.count().__next__)  # a second each
    rates, tried = {1: 5.0, 2: 5.0, 4: 9.0, 8: 9.1, 16: 9.2}, []

    def rate(batch: int) -> float:
        tried.append(batch)
        return rates[batch]

    search(own, rate)
    assert tried == list(rates)


@pytest.mark.parametrize(
    ("rates", "truly", "measured"),
    [
        ({1: 5.0, 2: 9.0, 4: 10.0, 8: 8.6}, {}, {2, 4}),
        ({1: 5.0, 2: 8.0, 4: 10.0, 8: 8.4}, {}, {4}),
        # What was the best is not when it is measured again, and neither is what was so then.
        ({1: 5.0, 2: 7.0, 4: 10.0, 8: 8.4}, {4: 8.0}, {4, 8}),
        ({1: 5.0, 2: 7.0, 4: 10.0, 8: 8.4}, {4: 6.0, 8: 6.5}, {2, 4, 8}),
        ({4: 7.0}, {4: 0.0}, {4}),
        ({}, {}, set()),
    ],
)
def test_the_few_that_came_near_the_best_are_measured_again(rates, truly, measured) -> None:
    done: list[int] = []

    def rate(batch: int) -> float:
        done.append(batch)
        rates[batch] = truly.get(batch, rates[batch])
        return rates[batch]

    measure_again(lambda: {batch: rate for batch, rate in rates.items() if rate}, rate)
    assert set(done) == measured
    assert len(done) == len(measured)


def test_a_batch_that_fails_the_second_time_keeps_what_is_known(caplog) -> None:
    def rate(batch: int) -> float:
        raise MemoryError(f"none for {batch}")

    measure_again(lambda: {2: 9.0, 4: 10.0}, rate)
    assert "none for" in caplog.text


def test_a_batch_that_is_known_is_trained_on_as_many_again(clock, tmp_path) -> None:
    learner = Learner(clock, stumbles={0: 100.0})
    own, known = bench(learner, tmp_path), {}
    training_rate(own, 30, known)
    (sizes,) = ([*own_known] for own_known in known.values())
    learner.slowdown[0] = 0.5
    assert training_rate(own, 30, known) == pytest.approx(
        (max(sizes) - min(sizes)) / (known[30][max(sizes)] - known[30][30])
    )
    assert [*known[30]] == sizes


def test_a_rate_is_of_the_fewest_and_the_most() -> None:
    assert rate_of({10: 2.0, 50: 2.25, 250: 5.0}) == pytest.approx(240 / 3.0)
    assert rate_of({10: 2.0, 50: 2.5}) == rate_of({10: 2.0}) == 0.0


def test_many_at_once_are_checked_as_one_is(tmp_path) -> None:
    own = bench(choose("markov"), tmp_path)
    fitted = own.fit(own.system, 30, Budget())
    assert sampling_rate(own, fitted, 4, {}) > 0

    class Lazy:
        def sample(self, labels: object, rng: object) -> np.ndarray:  # noqa: ARG002
            return np.ones((1, own.train.packets), np.int64)

    with pytest.raises(PluginError, match="shape"):
        sampling_rate(own, FittedSystem(own.system, Lazy(), own.train, fitted.classes), 4, {})


@pytest.mark.parametrize(
    ("each", "trial", "calls"),
    [(0.5, False, 20), (16.0, False, 3), (0.125, True, 8), (2.0, True, 3), (4.0, True, 3), (16.0, True, 1)],
)
def test_short_calls_are_more_and_the_shortest_counts(clock, tmp_path, each: float, trial: bool, calls: int) -> None:
    own = bench(choose("markov"), tmp_path, seconds=10.0)
    fitted = own.fit(own.system, 30, Budget())
    took, drawn = [each] * calls, set()
    if calls > 1:
        took[0] = 1.25 * each
    took[calls // 2] = 0.75 * each

    class Slow:
        def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
            clock[0] += took.pop()
            drawn.add(rng.random())
            return np.ones((len(labels), own.train.packets), np.int64)

    known: dict[int, float] = {}
    rate = sampling_rate(own, FittedSystem(own.system, Slow(), own.train, fitted.classes), 4, known, trial)
    assert rate == pytest.approx(4 / (0.75 * each))
    assert known == {4: 0.75 * each}
    assert not took
    assert len(drawn) == 1  # the same work in every call


def test_a_batch_is_a_whole_number() -> None:
    @dataclass(frozen=True)
    class Other:
        batch: str = "auto"
        shuffle: bool = True

    system = Learner([0.0], Other())
    assert whole_parameter(system, "batch") is whole_parameter(system, "shuffle") is None
    assert whole_parameter(choose("llama"), "batch") == choose("llama").parameters.batch
