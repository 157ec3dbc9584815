"""Cells: the unit of work, one (protocol, dataset, system, seed), planned from a protocol."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ntgbench.code_digest import code_digest
from ntgbench.datasets.loading import load_dataset
from ntgbench.errors import DatasetError, NtgbenchError
from ntgbench.files import read_json
from ntgbench.interfaces import GeneratorSpec
from ntgbench.plugins import registry
from ntgbench.protocol import Protocol, from_values
from ntgbench.results import check_row, has_failed, key_of, suite_of
from ntgbench.running.beside import beside_path, read_beside
from ntgbench.running.codes import codes, codes_tried, metrics_of
from ntgbench.running.inputs import code_of, named_files
from ntgbench.systems import System, choose, with_parameters
from ntgbench.tracks import blamed

if TYPE_CHECKING:
    from ntgbench.datasets.loading import Dataset
    from ntgbench.results import Row
    from ntgbench.tracks import Track, Traffic

CELL_FILE = "cell.json"
STATE_FILE = "state.json"
RESULT_FILE = "result.json"
LOG_FILE = "log.txt"
TRAFFIC_FILE = "traffic.parquet"
SYNTHETIC_FILE = "synthetic.parquet"
UNFINISHED_FOLDER = "unfinished"

Progress = Literal["done", "failed", "partial", "pending"]


@dataclass(frozen=True)
class Cell:
    """One unit of work, plain data that travels as JSON.

    Attributes:
        protocol: what to measure and how; its suites are those that are wanted now.
        dataset, dataset_digest: the traffic.
        argument: what a user writes after -d for it, see `ntgbench.datasets.loading.Dataset`.
        notes: what was changed or left out when it was read.
        system: name of the system.
        settings: all its parameters.
        distribution, distribution_version: the plugin that brings it.
        seed: repetition, from 0.
        folder: where the cell works, as a path.
        base: folder of the cell whose fitted model this one starts from, None when it starts from nothing.
        device: where the system computes, "cpu" or a CUDA device as torch spells it.
        home: folder that relative paths in the settings start from.
        files: what is in the files that the settings name, see `named_files`.
        code: digest of the plugin's code, and version of ntgbench, where the cell was planned.
    """

    protocol: Protocol
    dataset: str
    dataset_digest: str
    argument: str
    notes: tuple[str, ...]
    system: str
    settings: dict[str, Any]
    distribution: str
    distribution_version: str
    seed: int
    folder: str
    base: str | None = None
    device: str = "cpu"
    home: str = ""
    files: dict[str, list[str]] = field(default_factory=dict)
    code: tuple[str, str] = ("", "")

    @property
    def path(self) -> Path:
        """The cell's folder."""
        return Path(self.folder)

    @property
    def runs(self) -> Path:
        """The folder of all runs."""
        return self.path.parents[3]

    @property
    def track(self) -> Track[Any]:
        """The track of its traffic."""
        return registry().track(self.protocol.track)

    @property
    def threads(self) -> int:
        """CPU threads that the cell computes with, whatever else runs: another number gives other last digits."""
        return self.protocol.threads

    @property
    def title(self) -> str:
        """How the cell is called in messages."""
        return f"{self.dataset} / {self.build().display_name} / seed {self.seed}"

    def build(self) -> System:
        """The system with its parameters."""
        return with_parameters(self.system, self.settings, self.protocol.track)

    def result(self) -> Row | None:
        """What an earlier run found, None when none has finished here.

        A damaged file, one of another schema and one about something else do not count: the cell then runs again,
        without training if the fitted model is there.
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
        """The wanted suites that `row` lacks, or has by other settings, another version or other code of a metric."""
        if row is None:
            return self.protocol.suites
        return tuple(suite for suite in self.protocol.suites if not self._has(row, suite))

    def _has(self, row: Row, suite: str) -> bool:
        if key_of(row, suite) != self.protocol.key(suite):
            return False
        own = {key: metric for key, metric in row["metrics"].items() if suite_of(key) == suite}
        if not own:
            return False
        if self.has_other_code(row, suite):
            return False
        if self.protocol.alone is not None:
            rounds = own.get(f"{suite}/rounds")
            return rounds is None or (rounds["value"] or 0) >= self.protocol.rounds(self.device)
        if not codes(self.protocol.track, suite).keys() <= row.get("code", {}).keys():
            return False
        for metric in metrics_of(self.protocol.track, suite):
            found = [value for key, value in own.items() if key.partition("@")[0] == f"{suite}/{metric.name}"]
            if not found or any(value["version"] != metric.version for value in found):
                return False
        return True

    def has_other_code(self, row: Row, suite: str) -> bool:
        """Whether the code that measured a suite in `row`, or failed to, has changed since."""
        now = codes_tried(self.protocol.track, suite)
        return any(now.get(key, digest) != digest for key, digest in row.get("code", {}).items())

    def progress(self) -> Progress:
        """How far the cell has come: failed (a metric of it, perhaps), done, measured in part, or nothing yet."""
        return self.progress_of(self.result())

    def progress_of(self, row: Row | None) -> Progress:
        """As `progress`, for what `result` has returned."""
        if row is None:
            return "pending"
        if row["status"] == "failed":
            # Another fit would fail again, but not suites whose code has been mended.
            return "pending" if any(self.has_other_code(row, suite) for suite in self.protocol.suites) else "failed"
        return "partial" if self.missing(row) else "failed" if failed_suites(row) else "done"

    def to_json(self) -> str:
        """The cell as text that `read_cell` reads."""
        return json.dumps({**asdict(self), "protocol": self.protocol.to_json()}, indent=1, sort_keys=True) + "\n"


def read_cell(folder: Path) -> Cell:
    """The cell that a run has put into `folder`. Raises NtgbenchError when there is none."""
    return cell_of(read_json(folder / CELL_FILE), str(folder / CELL_FILE))


def cell_of(values: Any, where: str) -> Cell:
    """The cell of the values that `Cell.to_json` writes. Raises NtgbenchError that begins with `where`."""
    try:
        rest = dict(values)
        protocol = from_values(rest.pop("protocol"), where)
        notes, code = tuple(rest.pop("notes")), tuple(rest.pop("code"))
        return Cell(protocol=protocol, notes=notes, code=code, **rest)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NtgbenchError(f"{where} is not a cell: {error}") from error


@dataclass(frozen=True)
class Plan:
    """What a protocol asks for."""

    cells: tuple[Cell, ...]  # each after the one it is based on
    traffic: dict[Path, Traffic]  # each dataset, by the path of the file that its cells load


Loaded = Callable[["Dataset", "Track[Any]"], None]
"""Called with each dataset that was read, and its track."""


def plan(protocol: Protocol, runs: Path, loaded: Loaded | None = None, device: str = "cpu") -> Plan:
    """The protocol's cells below the folder `runs`; writes nothing.

    Raises:
        NtgbenchError: for a dataset or a system that is not there or of another track, or a dataset that cannot be
            split.
    """
    cells: dict[str, Cell] = {}
    traffic: dict[Path, Traffic] = {}
    track = registry().track(protocol.track)
    systems = [choose(text, protocol.track) for text in protocol.systems]
    others = read_beside(protocol)
    protocol = others.protocol
    for argument in protocol.datasets:
        dataset = load_dataset(argument, track=protocol.track, max_items=protocol.max_items, **asdict(protocol.layout))
        with blamed(protocol.track):
            if loaded is not None:
                loaded(dataset, track)
            digest = track.digest(dataset.traffic)
            try:
                track.split(dataset.traffic, protocol.test_share, seed=0)
            except DatasetError as error:
                raise DatasetError(f"{dataset.name}: {error}") from error
        home = runs / protocol.name / f"{dataset.name}-{digest[:8]}"
        traffic[home / TRAFFIC_FILE] = dataset.traffic
        traffic.update({beside_path(home, other): one for other, one in others.traffic.items()})
        dataset = replace(dataset, notes=(*dataset.notes, *others.notes))
        for seed in range(protocol.seeds):
            for system in systems:
                for cell in _cells(protocol, dataset, digest, system, seed, home, device):
                    cells.setdefault(cell.folder, cell)
    return Plan(tuple(cells.values()), traffic)


def _cells(
    protocol: Protocol, dataset: Dataset, digest: str, system: System, seed: int, home: Path, device: str
) -> list[Cell]:
    """The cell of a system below the folder `home`, after the cells it is based on."""
    before: list[Cell] = []
    if isinstance(system.spec, GeneratorSpec) and system.spec.base is not None:
        before = _cells(protocol, dataset, digest, choose(system.spec.base, protocol.track), seed, home, device)
    plugin = registry().plugin_of(system.spec)
    files = named_files(system, Path())
    identity = {
        "track": protocol.track,
        "protocol": protocol.digest(),
        "dataset": digest,
        "system": system.spec.name,
        "settings": system.settings(),
        "plugin": (plugin.distribution, plugin.version, code_digest(system.spec.target)),
        "seed": seed,
        "base": before[-1].path.name if before else None,
        "device": device,
        **({"files": files} if files else {}),
    }
    mark = hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=4).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9=.]+", "-", system.display_name).strip("-")[:80]
    cell = Cell(
        protocol=protocol,
        dataset=dataset.name,
        dataset_digest=digest,
        argument=dataset.argument,
        notes=dataset.notes,
        system=system.spec.name,
        settings=system.settings(),
        distribution=plugin.distribution,
        distribution_version=plugin.version,
        seed=seed,
        folder=str(home / readable / f"seed{seed}-{mark}"),
        base=before[-1].folder if before else None,
        device=device,
        home=str(Path.cwd()),
        files=files,
        code=code_of(system),
    )
    return [*before, cell]


def failed_suites(row: Row) -> set[str]:
    """The suites of which a metric has failed."""
    return {suite_of(key) for key, metric in row["metrics"].items() if has_failed(metric)}
