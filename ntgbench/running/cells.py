"""Cells: the unit of work, one (protocol, dataset, system, seed), planned from a protocol."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ntgbench.datasets.loading import load_dataset
from ntgbench.errors import NtgbenchError
from ntgbench.files import replacing
from ntgbench.interfaces import GeneratorSpec
from ntgbench.plugins import registry
from ntgbench.protocol import Protocol, from_values
from ntgbench.systems import System, choose, with_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntgbench.datasets.loading import Dataset
    from ntgbench.results import Row

CELL_FILE = "cell.json"
RESULT_FILE = "result.json"
TRAFFIC_FILE = "biflows.parquet"

State = Literal["done", "failed", "part", "left"]


@dataclass(frozen=True)
class Cell:
    """One unit of work, plain data that travels as JSON.

    Attributes:
        protocol: what to measure and how; its suites are those that are wanted now.
        dataset, dataset_digest: the traffic.
        system: name of the system.
        settings: all its parameters.
        distribution, distribution_version: the plugin that brings it.
        seed: repetition, from 0.
        folder: where the cell works, as a path.
        base: folder of the cell whose fitted model this one starts from, None when it starts from nothing.
    """

    protocol: Protocol
    dataset: str
    dataset_digest: str
    system: str
    settings: dict[str, Any]
    distribution: str
    distribution_version: str
    seed: int
    folder: str
    base: str | None = None

    @property
    def path(self) -> Path:
        """The cell's folder."""
        return Path(self.folder)

    @property
    def title(self) -> str:
        """How the cell is called in messages."""
        return f"{self.dataset} / {self.build().label} / seed {self.seed}"

    def build(self) -> System:
        """The system with its parameters."""
        return with_parameters(self.system, self.settings)

    def result(self) -> Row | None:
        """What an earlier run found, None when none has finished here."""
        try:
            row: Row = json.loads((self.path / RESULT_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise NtgbenchError(
                f"{self.path / RESULT_FILE} is unreadable ({error}); delete it to run the cell again"
            ) from error
        return row

    def missing(self, row: Row | None) -> tuple[str, ...]:
        """The wanted suites that `row` does not have, or has by another version of a metric."""
        if row is None:
            return self.protocol.suites
        return tuple(suite for suite in self.protocol.suites if not _has(row, suite))

    def state(self) -> State:
        """How far the cell has come: failed, done, measured in part, or nothing yet."""
        row = self.result()
        if row is not None and row["status"] == "failed":
            return "failed"
        missing = self.missing(row)
        return "done" if not missing else "left" if row is None else "part"

    def to_json(self) -> str:
        """The cell as text that `read_cell` reads."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def read_cell(folder: Path) -> Cell:
    """The cell that a run has put into `folder`."""
    values = json.loads((folder / CELL_FILE).read_text(encoding="utf-8"))
    protocol = from_values(values.pop("protocol"), str(folder / CELL_FILE))
    return Cell(protocol=protocol, **values)


def plan(protocol: Protocol, runs: Path, loaded: Callable[[Dataset], None] | None = None) -> list[Cell]:
    """The protocol's cells, each after the one it is based on.

    Every dataset is read once and kept below `runs`, where the cells find it.

    Args:
        protocol: what to run.
        runs: folder of all runs.
        loaded: called with each dataset that was read.
    """
    cells: dict[str, Cell] = {}
    systems = [choose(text) for text in protocol.systems]
    for argument in protocol.datasets:
        dataset = load_dataset(argument, protocol.packets, protocol.pl_max)
        if loaded is not None:
            loaded(dataset)
        digest = dataset.biflows.digest()
        home = runs / protocol.name / f"{dataset.name}-{digest[:8]}"
        home.mkdir(parents=True, exist_ok=True)
        if not (home / TRAFFIC_FILE).exists():
            with replacing(home / TRAFFIC_FILE) as temporary:
                dataset.biflows.to_parquet(temporary)
        for seed in range(protocol.seeds):
            for system in systems:
                for cell in _with_bases(protocol, dataset.name, digest, system, seed, home):
                    cells.setdefault(cell.folder, cell)
    return list(cells.values())


def _with_bases(protocol: Protocol, dataset: str, digest: str, system: System, seed: int, home: Path) -> list[Cell]:
    """The system's cell, after the cells of the systems it is based on."""
    before: list[Cell] = []
    if isinstance(system.spec, GeneratorSpec) and system.spec.base is not None:
        before = _with_bases(protocol, dataset, digest, choose(system.spec.base), seed, home)
    plugin = registry().plugin_of(system.spec)
    cell = Cell(
        protocol=protocol,
        dataset=dataset,
        dataset_digest=digest,
        system=system.spec.name,
        settings=system.settings(),
        distribution=plugin.distribution,
        distribution_version=plugin.version,
        seed=seed,
        folder="",
        base=before[-1].folder if before else None,
    )
    identity = (protocol.digest(), digest, cell.system, cell.settings, plugin.distribution, plugin.version, seed)
    mark = hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=4).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9=.]+", "-", system.label).strip("-")
    return [*before, replace(cell, folder=str(home / readable / f"seed{seed}-{mark}"))]


def _has(row: Row, suite: str) -> bool:
    wanted = "utility" if suite == "augmentation" else suite
    for metric in registry().metrics().values():
        if metric.suite == wanted:
            prefix = f"{suite}/{metric.name}"
            found = [value for key, value in row["metrics"].items() if key.partition("@")[0] == prefix]
            if not found or any(value["version"] != metric.version for value in found):
                return False
    return True
