"""The main job: plan, run what is missing, collect the rows, write the leaderboards."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntgbench.errors import NtgbenchError, ProtocolError
from ntgbench.files import delete, refuse_file
from ntgbench.plugins import registry
from ntgbench.protocol import Protocol, find, from_values
from ntgbench.report.failures import told
from ntgbench.report.repair import repair
from ntgbench.running.available import available
from ntgbench.running.cells import TRAFFIC_FILE, Cell, plan
from ntgbench.running.dispatch import run_cells
from ntgbench.running.engines.connect import connect, refuse_mixed
from ntgbench.running.reset import forget, forget_changed, forget_failures
from ntgbench.tracks import blamed

if TYPE_CHECKING:
    from ntgbench.datasets.loading import Dataset
    from ntgbench.results import Row
    from ntgbench.running.engines import Engine
    from ntgbench.tracks import Track, Traffic

Texts = str | Path | Sequence[str | Path]
"""One name or path, or several."""

RUNS = Path("runs")
LEADERBOARDS = Path("leaderboards")


class RunObserver:
    """Told how a run goes; this one keeps silent. The command line overrides what it shows."""

    def loaded(self, dataset: Dataset, track: Track[Any]) -> None:
        """A dataset has been read."""

    def repaired(self, line: str) -> None:
        """A damaged line of rows.jsonl was put back; `line` says which."""

    def left_out(self, line: str) -> None:
        """Systems or metrics of the protocol were left out; `line` says which, why, and how to get them."""

    def planned(self, cells: Sequence[Cell], todo: Sequence[Cell]) -> None:
        """All cells are known, and which of them will run."""

    def round(self, number: int, cells: Sequence[Cell]) -> None:
        """Another round of measuring these cells begins, the second or a later one."""

    def doing(self, cell: Cell, what: str) -> None:
        """A running cell has come further."""

    def ended(self, cell: Cell, row: Row) -> None:
        """A cell has ended."""


@dataclass(frozen=True)
class Outcome:
    """The results of a run."""

    rows: tuple[Row, ...]  # of all its cells, finished earlier or now
    leaderboards: tuple[Path, ...]  # the files that were written
    runs: Path = RUNS  # folder of all runs, with the cells' logs
    left_out: tuple[str, ...] = ()  # what lacks a package, a line for each command that installs it

    def failures(self) -> list[str]:
        """One line for each cell that failed, with its log, and for each cause for which a metric has no value."""
        return told(self.rows, self.runs)


def run(
    protocol: str | Path | Protocol = "quick",
    *,
    datasets: Texts = (),
    systems: Texts = (),
    suites: Texts = (),
    seeds: int | None = None,
    runs: str | Path = RUNS,
    out: str | Path = LEADERBOARDS,
    jobs: int | None = None,
    retry: bool = False,
    fresh: bool = False,
    device: str = "cpu",
    engine: str = "local",
    address: str | None = None,
    options: Mapping[str, str] | None = None,
    observer: RunObserver | None = None,
) -> Outcome:
    """Run a protocol's missing cells and bring the leaderboards up to date.

    Args:
        protocol: a bundled name, a path to a TOML file, or a `Protocol`.
        datasets: names or paths, instead of the protocol's own; likewise the next three.
        systems: as `name[parameter=value,…]`.
        suites: names of suites.
        seeds: number of repetitions.
        runs: folder of all runs; what has finished there is not run again.
        out: folder of the leaderboards; rows of other runs stay in it.
        jobs: cells at a time; by default, as many as the engine has room for.
        retry: run cells again that have failed.
        fresh: run all cells again.
        device: where systems compute, "cpu" or a CUDA device as torch spells it. A GPU computes one cell at a time.
        engine: where cells run: "local", "dask" or "slurm".
        address: of dask's scheduler.
        options: of SLURM, as `sbatch` names them.
        observer: told how the run goes.

    Returns:
        the rows of all cells and the files written. Failed cells are rows with a reason. What lacks a package is left
        out, unless it was named by `systems` or `suites`.

    Raises:
        NtgbenchError: when nothing could be run as asked.
    """
    from ntgbench.report.publish import publish

    observer = observer or RunObserver()
    if jobs is not None and jobs < 1:
        raise ProtocolError(f"jobs must be at least 1, not {jobs}")
    refuse_mixed(engine, address, options)
    runs, out = _writable(runs), _writable(out)
    for line in repair(out, runs):
        observer.repaired(line)
    resolved = resolve_protocol(protocol, datasets, systems, suites, seeds)
    left_out: tuple[str, ...] = ()
    if engine == "local":  # machines of others have packages of their own
        with in_file(protocol, systems):
            resolved, left_out = available(resolved, _texts(systems), _texts(suites))
    for line in left_out:
        observer.left_out(line)
    with in_file(protocol, datasets):
        planned = plan(resolved, runs, observer.loaded, device)
    cells = planned.cells
    track = registry().track(resolved.track)
    with blamed(resolved.track):
        for path, traffic in planned.traffic.items():
            _store(path, traffic, track)
    for cell in cells:
        if fresh:
            forget(cell)
        elif retry and cell.progress() == "failed":
            forget_failures(cell)
        elif resolved.alone is not None:
            forget_changed(cell)
    todo = [cell for cell in cells if cell.progress() in ("pending", "partial")]
    for cell in todo:
        _link_traffic(cell)
    observer.planned(cells, todo)
    # A row may be known that could not be stored.
    ended: dict[str, Row] = {}
    jobs = 1 if jobs is None and resolved.alone is not None else jobs
    try:
        if todo:
            with (
                connect(engine, jobs, runs, address, options) as place,
                # Closed first, whatever ends the loop: that tells the engine's work to stop.
                contextlib.closing(_run_rounds(todo, resolved.rounds(device), place, observer)) as rounds,
            ):
                for cell, row in rounds:
                    ended[cell.folder] = row
                    observer.ended(cell, row)
                    # A system may have deleted what later cells read; where it cannot be put back, their rows say so.
                    for path in [path for path in planned.traffic if not path.is_file()]:
                        with contextlib.suppress(NtgbenchError):
                            _store(path, planned.traffic[path], track)
    finally:
        # Also when the run is stopped: what has finished counts.
        rows = [found for cell in cells if (found := ended.get(cell.folder) or cell.result()) is not None]
        written = publish(rows, out)
    return Outcome(tuple(rows), tuple(written), runs, left_out)


def _run_rounds(todo: list[Cell], rounds: int, place: Engine, observer: RunObserver) -> Generator[tuple[Cell, Row]]:
    """Run the cells, and those again that are not measured in full; yields each with its row when it has ended."""
    yield from run_cells(todo, place, observer.doing)
    # A round ends before the next one begins, because a machine may be slow for minutes.
    for number in range(2, rounds + 1):
        todo = [cell for cell in todo if cell.progress() == "partial"]
        if not todo:
            return
        observer.round(number, todo)
        yield from run_cells(todo, place, observer.doing)


def resolve_protocol(
    protocol: str | Path | Protocol,
    datasets: Texts = (),
    systems: Texts = (),
    suites: Texts = (),
    seeds: int | None = None,
) -> Protocol:
    """The protocol with the grid that a user asks for. Raises ProtocolError."""
    found = protocol if isinstance(protocol, Protocol) else find(str(protocol))
    wanted = {
        "datasets": _texts(datasets) or found.datasets,
        "systems": _texts(systems) or found.systems,
        "suites": _texts(suites) or found.suites,
        "seeds": found.seeds if seeds is None else seeds,
    }
    return from_values({**found.to_json(), **wanted}, f"protocol {found.name}")


@contextlib.contextmanager
def in_file(protocol: str | Path | Protocol, given: Texts) -> Iterator[None]:
    """Errors of this block begin with the protocol's TOML file, unless a user has `given` what they are about."""
    try:
        yield
    except NtgbenchError as error:
        if isinstance(protocol, Protocol) or given or not str(protocol).endswith(".toml"):
            raise
        raise ProtocolError(f"{protocol}: {error}") from error


def _texts(given: Texts) -> tuple[str, ...]:
    return (str(given),) if isinstance(given, str | Path) else tuple(str(one) for one in given)


def _store(path: Path, traffic: Traffic, track: Track[Any]) -> None:
    """Put a dataset where its cells find it, unless it is there already and whole. Raises NtgbenchError."""
    try:
        if track.digest(track.load(path)) == track.digest(traffic):
            return
    except (OSError, NtgbenchError):
        pass
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        track.write(traffic, path)
    except OSError as error:
        raise NtgbenchError(f"cannot write {path}: {error.strerror or error}") from error


def _link_traffic(cell: Cell) -> None:
    """Give a cell its traffic under a name of its own, so that no system can delete that of another cell."""
    own = cell.path / TRAFFIC_FILE
    shared = cell.path.parent.parent / TRAFFIC_FILE
    # Where that is not possible, the cell reads the file of all.
    with contextlib.suppress(OSError):
        cell.path.mkdir(parents=True, exist_ok=True)
        if not own.exists() or not own.samefile(shared):
            delete(own)
            own.hardlink_to(shared)


def _writable(folder: str | Path) -> Path:
    path = Path(folder).absolute()
    refuse_file(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NtgbenchError(f"cannot make the folder {path}: {error.strerror}") from error
    return path
