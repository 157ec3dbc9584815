"""A system whose training takes a known time, on a clock that only it moves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ntgbench.costs.bench import Bench, traffic
from ntgbench.interfaces import Budget, Context
from ntgbench.learning.training import hold_out
from ntgbench.protocol import Efficiency
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
    slowdown: list[float] = field(default_factory=lambda: [1.0])
    stumbles: dict[int, float] = field(default_factory=dict)
    """Seconds that a training loses at its first step, by the training's number."""
    tells: Callable[[int], int] = lambda _: 1
    """How often a training tells of its progress, by its number."""
    fits: list[int] = field(default_factory=lambda: [0])

    def fit(self, train: Biflows, context: Context) -> None:
        learnt, kept = hold_out(train, context.seed)
        steps = -(-len(learnt) // self.parameters.batch)
        epochs = min(self.parameters.epochs, context.budget.epochs or self.parameters.epochs)
        number, self.fits[0] = self.fits[0], self.fits[0] + 1
        seconds = self.slowdown[0] * (START + epochs * (steps * STEP + len(kept) * VALIDATION))
        times = self.tells(number)
        for part in range(times):
            # Each training stumbles at another of its parts.
            self.clock[0] += seconds / times + (self.stumbles.get(number, 0.0) if part == number % times else 0.0)
            context.progress(part + 1, times)


def bench(system: object, folder: Path, **settings: object) -> Bench:
    chosen = Efficiency(**{"classes": 3, "biflows": 400, "repetitions": 6, **settings})

    def context(few: Biflows, budget: Budget) -> Context:
        return Context(seed=1, budget=budget)

    return Bench(system, traffic(example_traffic(), chosen, 0), chosen, context, folder, "cpu")
