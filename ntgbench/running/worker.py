"""One cell in one process: `python -m ntgbench.running.worker FOLDER`.

Everything it learns is in the folder's cell.json, everything it finds goes into the folder. Fitting and measuring are
two steps with a mark between them, so that measuring alone can be repeated from the stored biflows and model.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntgbench import systems
from ntgbench.efficiency.timings import read as read_timings
from ntgbench.errors import DatasetError, NtgbenchError, PluginError
from ntgbench.files import read_json, replacing, write_text
from ntgbench.interfaces import BUDGET_LOGGER, Budget, Context, GeneratorSpec
from ntgbench.plugins import registry
from ntgbench.results import suite_of
from ntgbench.running.cells import TRAFFIC_FILE, UNFINISHED_FOLDER, Cell, codes, read_cell
from ntgbench.running.probe import Phases, peak_memory_mib
from ntgbench.running.rows import MEASURED_FILE, Notes, empty_row, machine_of, metric_value, write_result
from ntgbench.seeds import derive_seed
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntgbench.interfaces import Labels
    from ntgbench.results import Row
    from ntgbench.suites.scores import Scores
    from ntgbench.systems import FittedSystem, System

SYNTHETIC_FILE = "synthetic.parquet"
FITTED_FOLDER = "fitted"
FITTED_FILE = "fitted.json"
PROGRESS_FILE = "progress.json"
PHASES_FILE = "phases.json"
TIMES_FILE = "times.json"


def main() -> None:
    """Run the cell in the folder that the command line names."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    run(read_cell(Path(sys.argv[1])))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    # The result is written: a thread that a system has left running does not keep the cell from its end.
    os._exit(0)


def run(cell: Cell) -> None:
    """Fit unless that is done, measure what is missing, and write the result, also when something fails."""
    earlier = cell.result()
    earlier = None if earlier is not None and earlier["status"] == "failed" else earlier
    missing = cell.missing(earlier)
    phases = Phases(cell.path / PHASES_FILE)
    row = empty_row(cell)
    if earlier is not None:
        row["metrics"] = {key: value for key, value in earlier["metrics"].items() if suite_of(key) not in missing}
        row["code"] = {key: digest for key, digest in earlier.get("code", {}).items() if suite_of(key) not in missing}
        if not cell.protocol.of_costs:
            row["notes"], row["phases"] = earlier["notes"], earlier["phases"]
        elif read_timings(cell.path / TIMES_FILE):
            row["notes"], phases.seconds = earlier["notes"], dict(earlier["phases"])
    notes = Notes()
    logging.basicConfig(handlers=[notes, logging.StreamHandler()])
    (cell.path / MEASURED_FILE).unlink(missing_ok=True)
    try:
        if cell.protocol.of_costs:
            _measure_costs(cell, _traffic(cell, phases), row, phases)
        else:
            train, test = _split(cell, phases)
            noted = _fit(cell, train, phases)
            row["notes"] += _notes_of_base(cell)
            row["phases"].update(noted["phases"])
            row["peak_memory_mib"], row["machine"] = noted["peak_memory_mib"], noted["machine"]
            _measure(cell, train, test, missing, row, phases)
        row["status"] = "ok"
    except Exception as error:  # a third party's system may fail in any way; the row says how
        traceback.print_exc()
        row["reason"] = _reason(error, cell)
    row["notes"] = list(dict.fromkeys([*row["notes"], *notes.messages]))
    row["phases"].update(phases.seconds)
    write_result(cell, row)


def _reason(error: Exception, cell: Cell) -> str:
    reason = str(error) if isinstance(error, NtgbenchError) else f"{type(error).__name__}: {error}"
    # Libraries that write files do not all say which, and a full disk may be one of several.
    if os.strerror(errno.ENOSPC) in reason and str(cell.path) not in reason:
        reason += f" (in {cell.path})"
    return reason


def _traffic(cell: Cell, phases: Phases) -> Biflows:
    path = cell.path.parent.parent / TRAFFIC_FILE
    with phases.timed("load"):
        biflows = Biflows.from_parquet(path)
    if biflows.digest() != cell.dataset_digest:
        raise DatasetError(f"{path} is not the traffic that the cell is about; run again, which replaces it")
    return biflows


def _split(cell: Cell, phases: Phases) -> tuple[Biflows, Biflows]:
    from ntgbench.datasets.splits import split

    biflows = _traffic(cell, phases)
    with phases.timed("load"):
        return split(biflows, cell.protocol.test_share, derive_seed(*_names(cell), "split"))


def _fit(cell: Cell, train: Biflows, phases: Phases) -> dict[str, Any]:
    """Fit the system, make its biflows and store both; returns what an earlier process noted when that is done."""
    noted: dict[str, Any]
    try:
        noted = read_json(cell.path / FITTED_FILE)
        if {"phases", "peak_memory_mib", "machine"} <= noted.keys() and len(
            Biflows.from_parquet(cell.path / SYNTHETIC_FILE)
        ) == len(train):
            return noted
    except (OSError, ValueError, AttributeError, NtgbenchError):
        # Not fitted yet, or something of it is damaged: either way it is fitted now.
        pass
    unfinished = cell.path / UNFINISHED_FOLDER
    unfinished.mkdir(exist_ok=True)
    _progress(cell, "fit", 0, 1)
    with phases.timed("fit"):
        context = _context(cell, cell.build(), "fit", train, _base_of(cell))
        fitted = cell.build().fit(train, replace(context, checkpoint=unfinished))
    _progress(cell, "sample", 0, 1)
    with phases.timed("sample"):
        synthetic = fitted.sample(train.label, derive_seed(*_names(cell), "sample"))
    with phases.timed("save"):
        home = cell.path / FITTED_FOLDER
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        try:
            fitted.save(home)
        except Exception:
            # Half a model is of no use, and on a full disk others need its room.
            shutil.rmtree(home, ignore_errors=True)
            raise
        with replacing(cell.path / SYNTHETIC_FILE) as temporary:
            synthetic.to_parquet(temporary)
    noted = {"phases": phases.seconds, "peak_memory_mib": peak_memory_mib(), "machine": machine_of(cell)}
    write_text(cell.path / FITTED_FILE, json.dumps(noted) + "\n")
    shutil.rmtree(unfinished)
    return noted


def _measure(cell: Cell, train: Biflows, test: Biflows, suites: tuple[str, ...], row: Row, phases: Phases) -> None:
    """Put the metrics of `suites` into the row, suite by suite."""
    from ntgbench.suites import augmentation, fidelity, utility
    from ntgbench.suites.material import Material

    measures: dict[str, Callable[[Material], Scores]] = {
        "fidelity": fidelity.measure,
        "utility": utility.measure,
        "augmentation": augmentation.measure,
    }
    system = cell.build()
    # Only a suite that samples again needs the model.
    loaded: list[FittedSystem] = []

    def sample(labels: Labels, seed: int) -> Biflows:
        if not loaded:
            loaded.append(systems.load(cell.path / FITTED_FOLDER))
        return loaded[0].sample(labels, seed)

    def refit(few: Biflows) -> Callable[[Labels, int], Biflows]:
        return _refit(cell, system, few).sample

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
    for place, suite in enumerate(suites):
        _progress(cell, suite, place, len(suites))
        with phases.timed(suite):
            scores = measures[suite](material)
        row["metrics"].update({f"{suite}/{key}": metric_value(score) for key, score in scores.items()})
        row["code"] = {**row.get("code", {}), **codes(suite)}
        write_text(cell.path / MEASURED_FILE, json.dumps(row["metrics"]))


def _measure_costs(cell: Cell, biflows: Biflows, row: Row, phases: Phases) -> None:
    """Put what the system costs into the row, and the fitted system where cells that start from it look for it."""
    from ntgbench.efficiency.biflows import workload
    from ntgbench.efficiency.clock import clock
    from ntgbench.efficiency.hardware import hardware, pin, state
    from ntgbench.efficiency.measure import Job, measure

    logging.getLogger(BUDGET_LOGGER).disabled = True
    settings = cell.protocol.efficiency
    base, system = _base_of(cell), cell.build()

    def context(few: Biflows, budget: Budget) -> Context:
        return replace(_context(cell, system, "train", few, base), budget=budget)

    work = workload(biflows, settings, derive_seed(*_names(cell), "efficiency"))
    job = Job(system, work, settings, context, cell.path / FITTED_FOLDER, cell.path / TIMES_FILE, cell.device)
    row["machine"].update({**state(), "clock": clock(), "processors": pin(settings.threads)})
    with phases.timed("efficiency"):
        row["metrics"] = measure(job, lambda phase: _progress(cell, phase, 0, 1))
    if "efficiency/peak_device_mib" not in row["metrics"]:
        row["machine"]["hardware"] = hardware("cpu", settings.threads)
    row["peak_memory_mib"] = peak_memory_mib()


def _refit(cell: Cell, system: System, few: Biflows) -> FittedSystem:
    """The system fitted on `few` alone, and what it starts from as well."""
    with tempfile.TemporaryDirectory(dir=cell.path) as name:
        base = None
        if isinstance(system.spec, GeneratorSpec) and system.spec.base is not None:
            _refit(cell, systems.choose(system.spec.base), few).save(Path(name))
            base = Path(name) / systems.MODEL_FOLDER
        return system.fit(few, _context(cell, system, "refit", few, base))


def _names(cell: Cell) -> tuple[str | int, ...]:
    return (cell.dataset_digest, cell.seed)


def _notes_of_base(cell: Cell) -> list[str]:
    """What the row of the model that the cell starts from says about that model, such as a training cut short."""
    found = None if cell.base is None else read_cell(Path(cell.base)).result()
    if found is None:
        return []
    return [f"{found['system']}, which it starts from: {note}" for note in found["notes"] if note not in cell.notes]


def _base_of(cell: Cell) -> Path | None:
    """Folder of the fitted model that the cell's system starts from."""
    if cell.base is None:
        return None
    folder = Path(cell.base) / FITTED_FOLDER / systems.MODEL_FOLDER
    if not folder.is_dir():
        raise PluginError(f"{cell.system} starts from a fitted model that is not there, because its own cell failed")
    return folder


def _context(cell: Cell, system: System, purpose: str, train: Biflows, base: Path | None) -> Context:
    return Context(
        seed=derive_seed(*_names(cell), system.display_name, purpose, len(train)),
        threads=cell.threads,
        device=cell.device,
        budget=cell.protocol.budget,
        progress=partial(_progress, cell, purpose),
        base=base,
    )


_told: tuple[str, float] = ("", 0.0)


def _progress(cell: Cell, phase: str, done: float, total: float, note: str = "") -> None:
    """Tell the run how far the cell is, at each new phase and five times a second; a file reaches it from anywhere."""
    global _told
    now = time.monotonic()
    if phase == _told[0] and now - _told[1] < 0.2:
        return
    _told = (phase, now)
    state = {"phase": phase, "done": float(done), "total": float(total), "note": str(note)}
    # Whoever reads it half-written reads it again a moment later: that is cheaper than a safe write. And no training
    # fails for want of what is only shown.
    with contextlib.suppress(OSError):
        (cell.path / PROGRESS_FILE).write_text(json.dumps(state), encoding="utf-8")


if __name__ == "__main__":
    main()
