"""The calibration checks of the metrics of header traces, a few that mean something for most of them.

The traffic is that of the dataset `lab-trace`, cut into windows one after the other. Each repetition takes three: the
training trace, the held-out one, and fresh traffic. Systems are the references of the track, fitted on the first.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.calibration import Calibration, CalibrationCheck, DoesNotApplyError, identity, is_worse
from ntgbench.calling import Sides
from ntgbench.datasets.loading import load_dataset
from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Context
from ntgbench.systems import choose
from ntgbench.tracks.headers.calibration import COPIERS, WITHOUT_STRUCTURE

if TYPE_CHECKING:
    from ntgbench.calibration import Asking
    from ntgbench.traffic.trace import PacketTrace

DATASET = "lab-trace"
SHORT_SIZE, FULL_SIZE, REPETITIONS = 4_000, 10_000, 3


def calibration(full: bool) -> Calibration:
    """The catalogue; the full form has longer windows."""
    size = FULL_SIZE if full else SHORT_SIZE
    traffic = f"Windows of {size:,} packets of the dataset `{DATASET}`, three in each repetition."
    return Calibration(CHECKS, sides, size, (1_000, size), REPETITIONS, unit="packets", traffic=traffic)


@cache
def _whole() -> PacketTrace:
    try:
        trace: PacketTrace = load_dataset(DATASET, track="headers").traffic
    except NtgbenchError as error:
        raise DoesNotApplyError(str(error)) from error
    return trace


@lru_cache(maxsize=64)
def sides(case: str, size: int, repetition: int) -> Sides:
    """The traffic of a case: "fresh", "itself: test", "itself: train", or the name of a reference system."""
    windows = [_whole().select(np.arange(size) + (3 * repetition + place) * size) for place in range(3)]
    train, test, fresh = windows
    name, _, side = case.partition(": ")
    if name == "fresh":
        return Sides(train, test, fresh)
    if name == "itself":
        return Sides(train, test, train if side == "train" else test)
    try:
        model = choose(name, "headers").fit(train, Context(seed=repetition))
    except NtgbenchError as error:
        raise DoesNotApplyError(str(error)) from error
    return Sides(train, test, model.sample(*model.system.track.request(train), seed=repetition))


def structure(ask: Asking) -> str | None:
    """Traces without structure score worse than other real traffic.

    The references `poisson`, `marginals` and `zero`, fitted on the training trace, are each worse than fresh traffic,
    the window after the next: in each repetition, and on average by more than two standard errors.
    """
    return _all_worse(ask, WITHOUT_STRUCTURE)


def copies(ask: Asking) -> str | None:
    """Copies of the training trace score worse than other real traffic.

    The references `shifted` and `flow-bootstrap`, fitted on the training trace, are each worse than fresh traffic, as
    above.
    """
    return _all_worse(ask, COPIERS)


def _all_worse(ask: Asking, systems: tuple[str, ...]) -> str | None:
    fresh = ask.losses("fresh")
    missed = [name for name in systems if not is_worse(ask.losses(name), fresh)]
    return f"{', '.join(missed)} does not score worse than other real traffic" if missed else None


CHECKS = (
    CalibrationCheck("identity", "the real traffic itself scores best", identity),
    CalibrationCheck("structure", "traces without structure score worse than real traffic", structure),
    CalibrationCheck("copies", "copies of the training trace score worse than other real traffic", copies),
)
