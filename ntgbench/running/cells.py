"""Cells: the unit of work, one (protocol, dataset, system, seed), planned from a protocol."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ntgbench.datasets.loading import load_dataset
from ntgbench.datasets.splits import split
from ntgbench.efficiency.settings import EFFICIENCY_VERSION
from ntgbench.errors import DatasetError, NtgbenchError
from ntgbench.files import read_json
from ntgbench.interfaces import GeneratorSpec
from ntgbench.plugins import code_digest, registry
from ntgbench.protocol import COSTS, Protocol, from_values
from ntgbench.results import check_row, suite_of
from ntgbench.systems import System, choose, with_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntgbench.datasets.loading import Dataset
    from ntgbench.interfaces import MetricSpec
    from ntgbench.results import Row
    from ntgbench.traffic.biflows import Biflows

CELL_FILE = "cell.json"
RESULT_FILE = "result.json"
LOG_FILE = "log.txt"
TRAFFIC_FILE = "biflows.parquet"
UNFINISHED_FOLDER = "unfinished"

State = Literal["done", "failed", "part", "left"]


@dataclass(frozen=True)
class Cell:
    """One unit of work, plain data that travels as JSON.

    Attributes:
        protocol: what to measure and how; its suites are those that are wanted now.
        dataset, dataset_digest: the traffic.
        source: what a user writes after -d for it, see `ntgbench.datasets.loading.Dataset`.
        notes: what was changed or left out when it was read.
        system: name of the system.
        settings: all its parameters.
        distribution, distribution_version: the plugin that brings it.
        seed: repetition, from 0.
        folder: where the cell works, as a path.
        base: folder of the cell whose fitted model this one starts from, None when it starts from nothing.
        device: where the system computes, "cpu" or a CUDA device as torch spells it.
    """

    protocol: Protocol
    dataset: str
    dataset_digest: str
    source: str
    notes: tuple[str, ...]
    system: str
    settings: dict[str, Any]
    distribution: str
    distribution_version: str
    seed: int
    folder: str
    base: str | None = None
    device: str = "cpu"

    @property
    def path(self) -> Path:
        """The cell's folder."""
        return Path(self.folder)

    @property
    def runs(self) -> Path:
        """The folder of all runs."""
        return self.path.parents[3]

    @property
    def threads(self) -> int:
        """CPU threads that the cell computes with, whatever else runs: another number gives other last digits."""
        return self.protocol.efficiency.threads if self.protocol.of_costs else self.protocol.threads

    @property
    def rounds(self) -> int:
        """Processes that costs are measured in: one on a GPU, which a model that a later one loads would not use."""
        return self.protocol.efficiency.rounds if self.device == "cpu" else 1

    @property
    def title(self) -> str:
        """How the cell is called in messages."""
        return f"{self.dataset} / {self.build().display_name} / seed {self.seed}"

    def build(self) -> System:
        """The system with its parameters."""
        return with_parameters(self.system, self.settings)

    def result(self) -> Row | None:
        """What an earlier run found, None when none has finished here.

        A file that is cut, of another schema or about something else is no result: the cell runs again, which needs no
        training when that is whole.
        """
        try:
            row: Row = read_json(self.path / RESULT_FILE)
        except NtgbenchError:
            return None
        if check_row(row) is not None:
            return None
        own = (self.protocol.digest(), self.dataset_digest, self.build().display_name, self.seed)
        found = (row["protocol_digest"], row["dataset_digest"], row["system"], row["seed"])
        return row if found == own else None

    def missing(self, row: Row | None) -> tuple[str, ...]:
        """The wanted suites that `row` does not have, or has by another version or other code of a metric."""
        if row is None:
            return self.protocol.suites
        return tuple(suite for suite in self.protocol.suites if not self._has(row, suite))

    def _has(self, row: Row, suite: str) -> bool:
        if suite in COSTS:
            own = [metric for key, metric in row["metrics"].items() if suite_of(key) == suite]
            rounds = row["metrics"].get("efficiency/rounds")
            through = bool(rounds and (rounds["value"] or 0) >= self.rounds)
            return through and all(metric["version"] == EFFICIENCY_VERSION for metric in own)
        code = row.get("code", {})
        if any(code.get(key) != digest for key, digest in codes(suite).items()):
            return False
        for metric in metrics_of(suite):
            prefix = f"{suite}/{metric.name}"
            found = [value for key, value in row["metrics"].items() if key.partition("@")[0] == prefix]
            if not found or any(value["version"] != metric.version for value in found):
                return False
        return True

    def state(self) -> State:
        """How far the cell has come: failed (a metric of it, perhaps), done, measured in part, or nothing yet."""
        row = self.result()
        if row is None:
            return "left"
        if row["status"] == "failed":
            return "failed"
        return "part" if self.missing(row) else "failed" if failed_suites(row) else "done"

    def to_json(self) -> str:
        """The cell as text that `read_cell` reads."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def read_cell(folder: Path) -> Cell:
    """The cell that a run has put into `folder`."""
    values = json.loads((folder / CELL_FILE).read_text(encoding="utf-8"))
    protocol = from_values(values.pop("protocol"), str(folder / CELL_FILE))
    return Cell(protocol=protocol, notes=tuple(values.pop("notes")), **values)


@dataclass(frozen=True)
class Plan:
    """What a protocol asks for.

    Attributes:
        cells: each after the one it is based on.
        traffic: the biflows of each dataset, by the file below the folder of all runs where its cells find them.
    """

    cells: tuple[Cell, ...]
    traffic: dict[Path, Biflows]


def plan(protocol: Protocol, runs: Path, loaded: Callable[[Dataset], None] | None = None, device: str = "cpu") -> Plan:
    """The protocol's cells; writes nothing.

    Args:
        protocol: what to run.
        runs: folder of all runs.
        loaded: called with each dataset that was read.
        device: where systems compute.

    Raises:
        NtgbenchError: for a dataset or a system that is not there, or a dataset that cannot be split.
    """
    cells: dict[str, Cell] = {}
    traffic: dict[Path, Biflows] = {}
    systems = [choose(text) for text in protocol.systems]
    for argument in protocol.datasets:
        dataset = load_dataset(argument, protocol.packets, protocol.pl_max, protocol.biflows)
        if loaded is not None:
            loaded(dataset)
        try:
            split(dataset.biflows, protocol.test_share, seed=0)
        except DatasetError as error:
            raise DatasetError(f"{dataset.name}: {error}") from error
        digest = dataset.biflows.digest()
        home = runs / protocol.name / f"{dataset.name}-{digest[:8]}"
        traffic[home / TRAFFIC_FILE] = dataset.biflows
        for seed in range(protocol.seeds):
            for system in systems:
                cell = Cell(
                    protocol=protocol,
                    dataset=dataset.name,
                    dataset_digest=digest,
                    source=dataset.source,
                    notes=dataset.notes,
                    system=system.spec.name,
                    settings=system.settings(),
                    distribution="",
                    distribution_version="",
                    seed=seed,
                    folder=str(home),
                    device=device,
                )
                for one in _with_bases(cell):
                    cells.setdefault(one.folder, one)
    return Plan(tuple(cells.values()), traffic)


def _with_bases(draft: Cell) -> list[Cell]:
    """The cell that `draft` is about, in a folder of its own below the draft's, after the cells it is based on."""
    system = draft.build()
    before: list[Cell] = []
    if isinstance(system.spec, GeneratorSpec) and system.spec.base is not None:
        base = choose(system.spec.base)
        before = _with_bases(replace(draft, system=base.spec.name, settings=base.settings()))
    plugin = registry().plugin_of(system.spec)
    identity = {
        "protocol": draft.protocol.digest(),
        "dataset": draft.dataset_digest,
        "system": draft.system,
        "settings": draft.settings,
        "plugin": (plugin.distribution, plugin.version, code_digest(system.spec.target)),
        "seed": draft.seed,
        "base": Path(before[-1].folder).name if before else None,
    }
    if draft.device != "cpu":
        identity["device"] = draft.device
    mark = hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=4).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9=.]+", "-", system.display_name).strip("-")[:80]
    cell = replace(
        draft,
        distribution=plugin.distribution,
        distribution_version=plugin.version,
        folder=str(Path(draft.folder) / readable / f"seed{draft.seed}-{mark}"),
        base=before[-1].folder if before else None,
    )
    return [*before, cell]


def metrics_of(suite: str) -> list[MetricSpec]:
    """The installed metrics of a suite; that of augmentation asks those of utility."""
    wanted = "utility" if suite == "augmentation" else suite
    return [metric for metric in registry().metrics().values() if metric.suite == wanted]


@cache
def codes(suite: str) -> dict[str, str]:
    """Digests of the code that measures a suite, as `Row` has them: changed code may give other numbers."""
    targets = {metric.target.partition(":")[0].partition(".")[0]: metric.target for metric in metrics_of(suite)}
    return {f"{suite}/{package}": code_digest(target) for package, target in sorted(targets.items())}


def failed_suites(row: Row) -> set[str]:
    """The suites of which a metric has no value."""
    return {suite_of(key) for key, metric in row["metrics"].items() if metric["value"] is None}
