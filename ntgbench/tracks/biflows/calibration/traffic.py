"""Traffic of known truth for calibration, drawn from the model behind the dataset `simulated`.

A world is one repetition: a training set, a test set, and fresh real traffic of the same law, all with the same number
of biflows of each class, in sessions of their own. A case puts something in the place of synthetic traffic; some change
the real traffic too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.calibration import DoesNotApplyError
from ntgbench.calling import Sides
from ntgbench.datasets import simulated
from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.seeds import derive_seed
from ntgbench.systems import FittedSystem, choose
from ntgbench.tracks.biflows.splits import first
from ntgbench.traffic.biflows import PACKETS, PL_MAX, Biflows

if TYPE_CHECKING:
    from collections.abc import Callable

POOL = 24_000
"""Biflows that the systems are fitted on which markov-order compares: enough for a chain of order 3."""

CLASSES = len(simulated.truth().classes)


@dataclass(frozen=True)
class World:
    """One repetition: `size` biflows of each kind of real traffic."""

    size: int
    repetition: int

    def seed(self, *what: str | int) -> int:
        """A seed for one random choice."""
        return derive_seed("calibration", self.size, self.repetition, *what)

    def rng(self, *what: str | int) -> np.random.Generator:
        """A random generator for one choice."""
        return np.random.default_rng(self.seed(*what))

    @property
    def train(self) -> Biflows:
        """The training set."""
        return drawn(self.size, self.seed("train"))

    @property
    def test(self) -> Biflows:
        """The held-out traffic."""
        return drawn(self.size, self.seed("test"))

    @property
    def fresh(self) -> Biflows:
        """Other real traffic of the same law."""
        return anonymous(drawn(self.size, self.seed("fresh")))


def counts(size: int) -> npt.NDArray[np.int64]:
    """Biflows of each class, equally many."""
    return np.full(CLASSES, size // CLASSES)


@lru_cache(maxsize=16)
def drawn(size: int, seed: int) -> Biflows:
    """About `size` biflows of the model, with sessions."""
    return simulated.simulate(seed, counts(size))[0].to_biflows(PACKETS, PL_MAX)[0]


def anonymous(biflows: Biflows) -> Biflows:
    """The biflows as a system hands them back: without sessions and times."""
    return replace(biflows, session=None, iat=None)


def changed(biflows: Biflows, signed_pl: npt.NDArray[Any]) -> Biflows:
    """The biflows with other packets, without sessions and times."""
    return replace(anonymous(biflows), signed_pl=signed_pl)


@lru_cache(maxsize=8)
def fitted(system: str, size: int, seed: int) -> FittedSystem:
    """A bundled system, fitted on `drawn(size, seed)`. Raises DoesNotApplyError when it is not installed."""
    try:
        return choose(system).fit(drawn(size, seed), Context(seed=1))
    except PluginError as error:
        raise DoesNotApplyError(str(error)) from error


def sampled(world: World, system: str, size: int, what: str) -> Sides:
    """Synthetic traffic of a system that has learnt from `size` biflows, as much as the test set has."""
    seed = world.seed(what)
    model = fitted(system, size, seed)
    made: Biflows = model.sample(world.test.label, seed=world.seed("sample"))
    return Sides(model.train, world.test, made, model.log_likelihood)


# -- Systems of known truth: each makes synthetic traffic in a world


def noise(world: World, share: float) -> Biflows:
    """Fresh real traffic; each packet is with probability `share` one of random direction and length instead."""
    real, rng = world.fresh.signed_pl, world.rng("noise")
    random = rng.integers(1, PL_MAX + 1, real.shape) * rng.choice([-1, 1], real.shape)
    return changed(world.fresh, np.where((rng.random(real.shape) < share) & (real != 0), random, real))


def without_classes(world: World, count: int) -> Biflows:
    """Fresh real traffic without its first classes."""
    return world.fresh.select(world.fresh.label >= count)


def halved(world: World, count: int) -> Biflows:
    """Fresh real traffic whose last classes lack the biflows with fewer bytes than the median, equally many biflows."""
    wide = anonymous(drawn(4 * world.size, world.seed("halved")))
    bytes_of = np.abs(wide.signed_pl).sum(axis=1, dtype=np.int64)
    medians = np.array([np.median(bytes_of[wide.label == label]) for label in range(CLASSES)])
    heavy = wide.select(bytes_of > medians[wide.label])
    last = np.arange(CLASSES) >= CLASSES - count
    kept = world.fresh.select(~last[world.fresh.label])
    return Biflows.concat([kept, first(heavy, np.where(last, world.size // CLASSES, 0))])


def truncated(world: World, packets: int) -> Biflows:
    """Fresh real traffic, cut after `packets` packets."""
    return changed(world.fresh, np.where(np.arange(PACKETS) < packets, world.fresh.signed_pl, 0))


def swapped(world: World, count: int) -> Biflows:
    """Fresh real traffic; `count` classes are exchanged: the first with the last, and so on inwards."""
    label = world.fresh.label
    outside = np.minimum(label, CLASSES - 1 - label) < count // 2
    return replace(world.fresh, label=np.where(outside, CLASSES - 1 - label, label))


def permuted(world: World) -> Biflows:
    """Fresh real traffic; the packets of each biflow in a random order."""
    real = world.fresh.signed_pl
    # Places after the last packet stay where they are: they are sorted last.
    keys = world.rng("permuted").random(real.shape) + (real == 0)
    return changed(world.fresh, np.take_along_axis(real, np.argsort(keys, axis=1), axis=1))


def noisy_copy(world: World) -> Biflows:
    """The training set; each packet is 1 to 3 bytes shorter or longer."""
    real, rng = world.train.signed_pl.astype(np.int64), world.rng("noisy copy")
    step = rng.integers(1, 4, real.shape) * rng.choice([-1, 1], real.shape)
    return changed(world.train, np.sign(real) * np.clip(np.abs(real) + step, 1, PL_MAX))


def copies(world: World, share: float) -> Biflows:
    """Fresh real traffic; that share of its biflows, evenly over the classes, are training biflows instead."""
    train, fresh = anonymous(world.train), world.fresh
    # Both are sorted by class, with equally many biflows of each.
    taken = np.diff(np.floor(np.arange(len(train) + 1) * share + 1e-9)) > 0
    return changed(fresh, np.where(taken[:, None], train.signed_pl, fresh.signed_pl))


# -- Changes of all sides


def shuffled(world: World) -> Sides:
    """A chain, with all sides in another order of biflows."""
    plain = sides("chain", world.size, world.repetition)
    names = ("train", "test", "synthetic")
    changes: dict[str, Any] = {name: _shuffled(getattr(plain, name), world.rng(name)) for name in names}
    return replace(plain, **changes)


def _shuffled(biflows: Biflows, rng: np.random.Generator) -> Biflows:
    return biflows.select(rng.permutation(len(biflows)))


def exchanged(world: World, side: str) -> Sides:
    """A chain's traffic and the real traffic on one side, exchanged."""
    plain = sides("chain", world.size, world.repetition)
    return Sides(plain.synthetic, plain.synthetic, anonymous(getattr(plain, side)))


def disjoint(world: World) -> Sides:
    """Real traffic of at most 5 packets, all upstream; synthetic traffic of more packets, all downstream."""
    half = PACKETS // 2
    train, test = (
        changed(one, np.where(np.arange(PACKETS) < half, np.abs(one.signed_pl), 0)) for one in (world.train, world.test)
    )
    signed_pl = world.fresh.signed_pl
    # Packets that a biflow lacks repeat its first one.
    longer = np.where((signed_pl == 0) & (np.arange(PACKETS) <= half), signed_pl[:, :1], signed_pl)
    return Sides(train, test, changed(world.fresh, -np.abs(longer)))


def outlier(biflows: Biflows) -> Biflows:
    """The biflows; the first of them has the largest packets that there may be, all upstream."""
    signed_pl = biflows.signed_pl.copy()
    signed_pl[0] = biflows.pl_max
    return replace(biflows, signed_pl=signed_pl)


def with_outlier(world: World, side: str) -> Sides:
    """A chain, with an outlier on one side."""
    plain = sides("chain", world.size, world.repetition)
    names = ("synthetic",) if side == "synthetic" else ("train", "test")
    changes: dict[str, Any] = {name: outlier(getattr(plain, name)) for name in names}
    return replace(plain, **changes)


CASES: dict[str, Callable[[World, str], Biflows | Sides]] = {
    "fresh": lambda world, _: world.fresh,
    "itself": lambda world, side: anonymous(getattr(world, side)),
    "other way round": lambda world, _: Sides(world.test, world.train, world.fresh),
    "disjoint": lambda world, _: disjoint(world),
    "noise": lambda world, share: noise(world, float(share)),
    "classes left out": lambda world, count: without_classes(world, int(count)),
    "classes halved": lambda world, count: halved(world, int(count)),
    "cut after": lambda world, packets: truncated(world, int(packets)),
    "classes exchanged": lambda world, count: swapped(world, int(count)),
    "permuted": lambda world, _: permuted(world),
    "order": lambda world, order: sampled(world, f"markov[order={order}]", POOL, "pool"),
    "copy": lambda world, _: sampled(world, "copy", POOL, "pool"),
    "chain": lambda world, _: sampled(world, "markov", world.size, "train"),
    "noisy copy": lambda world, _: noisy_copy(world),
    "copied": lambda world, share: copies(world, float(share)),
    "shuffled": lambda world, _: shuffled(world),
    "exchanged": exchanged,
    "outlier": with_outlier,
}
"""What makes each case, called with the world and what follows the name after a colon."""


@lru_cache(maxsize=128)
def sides(case: str, size: int, repetition: int) -> Sides:
    """The traffic of a case, such as "fresh" or "noise: 0.1"."""
    name, _, level = case.partition(": ")
    world = World(size, repetition)
    made = CASES[name](world, level)
    return made if isinstance(made, Sides) else Sides(world.train, world.test, made)
