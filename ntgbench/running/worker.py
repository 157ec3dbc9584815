"""One cell in one process: `python -m ntgbench.running.worker FOLDER`.

Everything it learns is in the folder's cell.json, everything it finds goes into the folder. Fitting and measuring are
two steps with a mark between them, so that measuring alone can be repeated from the stored biflows and model.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntgbench import systems
from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.files import replacing, write_text
from ntgbench.interfaces import Context
from ntgbench.plugins import registry
from ntgbench.results import SCHEMA, MetricValue, Row
from ntgbench.running.cells import RESULT_FILE, TRAFFIC_FILE, Cell, read_cell
from ntgbench.running.probe import Phases, machine, peak_memory_mib, versions
from ntgbench.seeds import derive_seed
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntgbench.interfaces import Labels
    from ntgbench.suites.scores import Score, Scores
    from ntgbench.systems import FittedSystem

SYNTHETIC_FILE = "synthetic.parquet"
FITTED_FOLDER = "fitted"
FITTED_FILE = "fitted.json"
PROGRESS_FILE = "progress.json"


def main() -> None:
    """Run the cell in the folder that the command line names."""
    _end_with_parent()
    run(read_cell(Path(sys.argv[1])))


def run(cell: Cell) -> None:
    """Fit unless that is done, measure what is missing, and write the result, also when something fails."""
    earlier = cell.result()
    earlier = None if earlier is not None and earlier["status"] == "failed" else earlier
    missing = cell.missing(earlier)
    if earlier is not None and not missing:
        return
    phases = Phases()
    row = empty_row(cell)
    notes = _Notes()
    logging.basicConfig(handlers=[notes, logging.StreamHandler()])
    try:
        fitted = _fit(cell, phases)
        row["phases"], row["peak_memory_mib"], row["machine"] = (
            fitted["phases"],
            fitted["peak_memory_mib"],
            fitted["machine"],
        )
        row["metrics"] = {} if earlier is None else _kept(earlier["metrics"], missing)
        row["metrics"].update(_measure(cell, missing, phases))
        row["status"] = "ok"
    except Exception as error:  # a third party's system may fail in any way; the row says how
        traceback.print_exc()
        row["reason"] = str(error) if isinstance(error, NtgbenchError) else f"{type(error).__name__}: {error}"
    row["notes"] = list(dict.fromkeys([*(earlier or row)["notes"], *notes.messages]))
    row["phases"] = {**(earlier or row)["phases"], **row["phases"], **phases.seconds}
    write_text(cell.path / RESULT_FILE, json.dumps(row, indent=1, sort_keys=True) + "\n")


class _Notes(logging.Handler):
    """What anything logs as a warning while the cell runs, each message once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.messages.setdefault(record.getMessage())


def empty_row(cell: Cell) -> Row:
    """The row of a cell that has failed before it found anything."""
    system = cell.build()
    return Row(
        schema=SCHEMA,
        protocol=cell.protocol.name,
        protocol_version=cell.protocol.version,
        protocol_digest=cell.protocol.digest(),
        dataset=cell.dataset,
        dataset_digest=cell.dataset_digest,
        system=system.label,
        kind="generator" if system.is_generator else "augmenter",
        reference=system.spec.reference,
        distribution=cell.distribution,
        distribution_version=cell.distribution_version,
        params=system.settings(),
        seed=cell.seed,
        status="failed",
        reason=None,
        metrics={},
        phases={},
        peak_memory_mib=None,
        notes=[],
        machine=machine(threads()),
        versions=versions(),
    )


def threads() -> int:
    """CPU threads that the run has given this process."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def _fit(cell: Cell, phases: Phases) -> dict[str, Any]:
    """Fit the system, make its biflows and store both; returns what an earlier process noted when that is done."""
    mark = cell.path / FITTED_FILE
    if mark.exists():
        noted: dict[str, Any] = json.loads(mark.read_text(encoding="utf-8"))
        return noted
    with phases.timed("load"):
        train, _ = _split(cell)
    with phases.timed("fit"):
        fitted = cell.build().fit(train, _context(cell, train, "fit"))
    with phases.timed("sample"):
        synthetic = fitted.sample(train.label, derive_seed(*_names(cell), "sample"))
    with phases.timed("save"):
        home = cell.path / FITTED_FOLDER
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        fitted.save(home)
        with replacing(cell.path / SYNTHETIC_FILE) as temporary:
            synthetic.to_parquet(temporary)
    noted = {"phases": phases.seconds, "peak_memory_mib": peak_memory_mib(), "machine": machine(threads())}
    write_text(mark, json.dumps(noted) + "\n")
    return noted


def _measure(cell: Cell, suites: tuple[str, ...], phases: Phases) -> dict[str, MetricValue]:
    from ntgbench.suites import augmentation, fidelity, utility
    from ntgbench.suites.material import Material

    measures: dict[str, Callable[[Material], Scores]] = {
        "fidelity": fidelity.measure,
        "utility": utility.measure,
        "augmentation": augmentation.measure,
    }
    train, test = _split(cell)
    system = cell.build()
    # Only a suite that samples again needs the model.
    loaded: list[FittedSystem] = []

    def sample(labels: Labels, seed: int) -> Biflows:
        if not loaded:
            loaded.append(systems.load(cell.path / FITTED_FOLDER))
        return loaded[0].sample(labels, seed)

    def refit(few: Biflows) -> Callable[[Labels, int], Biflows]:
        return system.fit(few, _context(cell, few, "refit")).sample

    material = Material(
        protocol=cell.protocol,
        train=train,
        test=test,
        synthetic=Biflows.from_parquet(cell.path / SYNTHETIC_FILE),
        metrics=tuple(registry().metrics().values()),
        names=_names(cell),
        sample=sample,
        refit=refit,
        is_generator=system.is_generator,
    )
    values: dict[str, MetricValue] = {}
    for place, suite in enumerate(suites):
        _progress(cell, suite, place, len(suites))
        with phases.timed(suite):
            scores = measures[suite](material)
        values.update({f"{suite}/{key}": _value(score) for key, score in scores.items()})
    return values


def _value(score: Score) -> MetricValue:
    metric = score.metric
    value = MetricValue(value=score.value, version=metric.version, goal=metric.goal, digits=metric.digits)
    if metric.primary:
        value["primary"] = True
    if score.reason is not None:
        value["reason"] = score.reason
    return value


def _kept(metrics: dict[str, MetricValue], missing: tuple[str, ...]) -> dict[str, MetricValue]:
    return {key: value for key, value in metrics.items() if key.partition("/")[0] not in missing}


def _names(cell: Cell) -> tuple[str | int, ...]:
    return (cell.dataset_digest, cell.seed)


def _split(cell: Cell) -> tuple[Biflows, Biflows]:
    from ntgbench.datasets.splits import split

    biflows = Biflows.from_parquet(cell.path.parent.parent / TRAFFIC_FILE)
    return split(biflows, cell.protocol.test_share, derive_seed(*_names(cell), "split"))


def _context(cell: Cell, train: Biflows, purpose: str) -> Context:
    base = None
    if cell.base is not None:
        base = Path(cell.base) / FITTED_FOLDER / systems.MODEL_FOLDER
        if not base.is_dir():
            raise PluginError(
                f"{cell.system} starts from a fitted model that is not there, because its own cell failed"
            )
    return Context(
        seed=derive_seed(*_names(cell), cell.build().label, purpose, len(train)),
        threads=threads(),
        budget=cell.protocol.budget,
        progress=partial(_progress, cell, purpose),
        base=base,
    )


_told = 0.0


def _progress(cell: Cell, phase: str, done: float, total: float, note: str = "") -> None:
    """Tell the run how far the cell is, at most five times a second; a file reaches it from any engine."""
    global _told
    now = time.monotonic()
    if now - _told < 0.2:
        return
    _told = now
    state = {"phase": phase, "done": float(done), "total": float(total), "note": str(note)}
    # Whoever reads it half-written reads it again a moment later: that is cheaper than a safe write.
    (cell.path / PROGRESS_FILE).write_text(json.dumps(state), encoding="utf-8")


def _end_with_parent() -> None:
    """End this process and those it has started as soon as the run that started it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os.killpg(0, signal.SIGKILL)

    # Only a process that leads its own group may end it: a worker started by hand shares its group with the shell.
    if os.getpgrp() == os.getpid():
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
