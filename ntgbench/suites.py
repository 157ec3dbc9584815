"""Suites: what is measured of a system. A suite is a record; plugins register it by a hook."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntgbench.seeds import derive_seed
from ntgbench.tracks import DEFAULT

if TYPE_CHECKING:
    from ntgbench.interfaces import Budget, Context, MetricSpec
    from ntgbench.row_schema import MetricValue
    from ntgbench.systems import FittedSystem, System
    from ntgbench.tracks import Track, Traffic


TRADEOFF, FRONT = "tradeoff", "front"
PAGES = {TRADEOFF: "quality against cost", FRONT: "utility against copying"}
"""The pages that are about several suites, and what they are called in words; no suite can have such a name."""


@dataclass(frozen=True)
class NoSettings:
    """The settings of a suite that has none."""


@dataclass(frozen=True)
class Suite:
    """One way to measure a system, and the page that shows its numbers.

    Attributes:
        name: lower-case letters, digits and hyphens: what protocols call it and its table of settings.
        target: "module:function", called as `function(SuiteInput)`, imported only when the suite is measured. It
            returns the row's metrics by key: the metric's name, and after "@" what it was compared with.
        summary: one line for listings.
        reading: how to read the page, a few sentences of Markdown.
        settings: frozen dataclass with defaults: the protocol's table of this name.
        version: raised when the same traffic and settings may give other numbers though no metric has changed.
        track: the track whose traffic it measures.
        metrics_of: name of the suite whose metrics it computes, when it has none of its own.
        alone: it measures time and memory: no other cell runs at the same time, its rows are comparable on the same
            hardware only, and it fits systems itself.
        rounds: for suites that are `alone`: processes of the worker that measure it one after another, by its settings
            and the device. Its metrics then include `rounds`, how many are through.
        sides: "module:function", called as `function(real, synthetic, seed)`: the parts of both sides that
            `ntgbench measure` hands to the metrics; None for all of them.
        exposes: its metrics are handed `Exposed`, the training and the held-out traffic together, as `real`.
        beside: name of the text setting that names another dataset, as after -d: the suite is handed its traffic as
            `SuiteInput.beside`. Its settings also have a text `digest`, which a run fills in: rows compare where that
            of the traffic is equal.
        on_request: it is measured only where a protocol or `--suite` names it.
        tables: "module:function", called as `function(board, rows)`: blocks of Markdown in place of the usual table.
        ranks: "module:function", called as `function(board, column)`: whether the metric of a column may rank that
            board on the page of ranks over datasets; None where all may.
        shown: names of the metrics that stand for the suite at the end of a run, where none of them is primary.
        closing: Markdown at the end of the page.
    """

    name: str
    target: str
    summary: str
    reading: str = ""
    settings: type = NoSettings
    version: int = 1
    track: str = DEFAULT
    metrics_of: str | None = None
    alone: bool = False
    rounds: Callable[[Any, str], int] | None = None
    sides: str | None = None
    exposes: bool = False
    beside: str | None = None
    on_request: bool = False
    tables: str | None = None
    ranks: str | None = None
    shown: tuple[str, ...] = ()
    closing: str = ""


@dataclass(frozen=True)
class Alone:
    """What a suite needs that is measured alone on the machine and fits the system itself.

    Attributes:
        context: what a fit on this traffic, within this budget, may know.
        threads, device: what the system computes with, as in `Context`.
        folder: where the suite leaves the fitted system, empty in the first round.
        earlier: what the suite has kept of earlier rounds, JSON values; it adds to it.
        machine: what the row says of the machine; the suite adds to it.
    """

    context: Callable[[Traffic, Budget], Context]
    threads: int
    device: str
    folder: Path
    earlier: dict[str, Any]
    machine: dict[str, Any]


@dataclass(frozen=True)
class SuiteInput:
    """One system on one split of one dataset.

    Attributes:
        settings: those of the suite.
        track: the traffic's track.
        system: what is measured.
        metrics: those of the suite.
        names: what seeds are derived from: dataset digest and repetition.
        train, test: the real traffic, split; for a suite that is `alone`, both are the whole dataset.
        synthetic: as much traffic as `train`, made by the system; for a suite that is `alone`, the whole dataset.
        fitted: returns the system as it was fitted on `train`.
        refit: fits the system on other traffic.
        progress: called with what is measured next.
        alone: for a suite that is `alone`.
        beside: for a suite that has one, the other dataset.
    """

    settings: Any
    track: Track[Any]
    system: System
    metrics: tuple[MetricSpec, ...]
    names: tuple[str | int, ...]
    train: Traffic
    test: Traffic
    synthetic: Traffic
    fitted: Callable[[], FittedSystem]
    refit: Callable[[Traffic], FittedSystem]
    progress: Callable[[str], None]
    alone: Alone | None = None
    beside: Traffic | None = None

    def seed(self, *what: str | int) -> int:
        """A seed for one random choice; the same for every system, so that rows differ only by system."""
        return derive_seed(*self.names, *what)


Measure = Callable[[SuiteInput], Mapping[str, "MetricValue"]]
"""What a suite's target is."""


def changed(settings: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not at their default, those of nested dataclasses likewise."""
    found = {}
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if dataclasses.is_dataclass(value):
            value = changed(value)
            if value:
                found[item.name] = value
        elif value != item.default:
            found[item.name] = value
    return found
