"""One cell in one process: `python -m ntgbench.running.worker FOLDER`.

It reads the folder's cell.json and writes its results there. When fitting is done, as state.json then says, a new
process measures the stored traffic and model: what a system has changed in memory, such as numpy, changes no score.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import shutil
import sys
import tempfile
import traceback
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ntgbench import systems
from ntgbench.errors import DatasetError, NtgbenchError, PluginError, described
from ntgbench.files import delete, replacing
from ntgbench.interfaces import Context, GeneratorSpec
from ntgbench.machine import peak_memory_mib
from ntgbench.plugins import registry, resolve
from ntgbench.results import with_suites
from ntgbench.running.beside import load_beside
from ntgbench.running.cells import SYNTHETIC_FILE, TRAFFIC_FILE, UNFINISHED_FOLDER, Cell, failed_suites, read_cell
from ntgbench.running.codes import codes, codes_tried, metrics_of
from ntgbench.running.inputs import named_files, refuse_other_machine
from ntgbench.running.rows import Notes, cautions_of, checked, empty_row, machine_of, profile_of, write_result
from ntgbench.running.state import State
from ntgbench.seeds import derive_seed
from ntgbench.suites import Alone, SuiteInput

if TYPE_CHECKING:
    from ntgbench.results import Row
    from ntgbench.systems import FittedSystem, System
    from ntgbench.tracks import Traffic

FITTED_FOLDER = "fitted"

_ENVIRONMENT = dict(os.environ)
_MEASURE = "--measure"
"""Argument of the process that follows a fit: it never fits."""


def main() -> None:
    """Run the cell in the folder that the command line names."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    run(read_cell(Path(sys.argv[1])))
    _flush()
    # The result is written: a thread that a system has left running does not keep the cell from its end.
    os._exit(0)


def run(cell: Cell) -> None:
    """Fit unless that is done, measure what is missing, and write the result, also when something fails."""
    earlier = cell.result()
    earlier = None if earlier is not None and earlier["status"] == "failed" else earlier
    missing = cell.missing(earlier)
    row = empty_row(cell)
    if earlier is not None:
        row["notes"], row["phases"] = earlier["notes"], earlier["phases"]
        row = with_suites(row, earlier, lambda suite: suite not in missing)
    notes = Notes()
    logging.basicConfig(handlers=[notes, logging.StreamHandler()])
    work = _Work(cell, notes)
    try:
        work.measure(missing, row)
        row["status"] = "ok"
    except Exception as error:  # a third party's system may fail in any way; the row says how
        traceback.print_exc()
        row["reason"] = _reason(error, cell)
    row["notes"] = list(dict.fromkeys([*row["notes"], *notes.messages]))
    row["phases"].update(work.state.seconds)
    write_result(cell, row)


def _start_measuring(cell: Cell) -> NoReturn:
    """Replace this process, which keeps its number and its limits, with one in which no system has run."""
    _flush()
    os.chdir(cell.path)
    command = [sys.executable, "-P", "-m", "ntgbench.running.worker", cell.folder, _MEASURE]
    os.execve(command[0], command, _ENVIRONMENT)  # noqa: S606 - no shell is wanted


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _reason(error: Exception, cell: Cell) -> str:
    reason = described(error)
    # Libraries that write files do not all say which, and a full disk may be one of several.
    if os.strerror(errno.ENOSPC) in reason and str(cell.path) not in reason:
        reason += f" (in {cell.path})"
    return reason


class _Work:
    """What one process does of a cell."""

    def __init__(self, cell: Cell, logged: Notes) -> None:
        self.cell, self.state, self.system, self.logged = cell, State(cell), cell.build(), logged
        self.names: tuple[str | int, ...] = (cell.dataset_digest, cell.seed)

    def measure(self, suites: tuple[str, ...], row: Row) -> None:
        """Put the metrics of `suites` into the row, suite by suite."""
        cell = self.cell
        refuse_other_machine(self.system, cell.code, cell.distribution, cell.device)
        alone = cell.protocol.alone
        given = self._fitted_input(row) if alone is None else self._alone_input(row)
        for suite in suites:
            about = registry().suites(cell.protocol.track)[suite]
            metrics = tuple(metrics_of(cell.protocol.track, suite))
            tried = codes_tried(cell.protocol.track, suite)
            # Already now: if the suite raises an error, it is measured again when this has changed.
            row["code"] = {**row.get("code", {}), **tried}
            own = replace(given, settings=cell.protocol.settings[suite], beside=load_beside(cell, suite))
            with self.state.timed(suite):
                found = resolve(about.target)(replace(own, metrics=metrics, progress=self.state.doing))
            row["metrics"].update(checked(found, suite))
            if suite not in failed_suites(row):
                for key in tried.keys() - codes(cell.protocol.track, suite).keys():
                    del row["code"][key]
            self.state.metrics = row["metrics"]
            self.state.write()
        if alone is not None:
            row["peak_memory_mib"] = peak_memory_mib()
        elif cell.seed == 0:
            found = profile_of(cell.track, given)
            if found is not None:
                row["profile"] = found

    def _fitted_input(self, row: Row) -> SuiteInput:
        """What suites are handed that measure a fitted system's traffic: fitted now unless that is done."""
        cell, track = self.cell, self.cell.track
        traffic = self._traffic()
        with self.state.timed("load"):
            train, test = track.split(traffic, cell.protocol.test_share, derive_seed(*self.names, "split"))
            row["notes"] += track.split_notes(train, test)
            row["split"] = {"train": len(train), "test": len(test), "again": track.splits_by_seed}
            row["cautions"] = cautions_of(track, train, test)
        spec = self.system.spec
        noted = self._fit(test if isinstance(spec, GeneratorSpec) and spec.heldout else train)
        row["notes"] += [*_notes_of_base(cell), *noted.get("notes", [])]
        row["phases"].update(noted["phases"])
        row["peak_memory_mib"], row["machine"] = noted["peak_memory_mib"], noted["machine"]
        return self._input(train, test, track.load(cell.path / SYNTHETIC_FILE), cell.path / FITTED_FOLDER)

    def _alone_input(self, row: Row) -> SuiteInput:
        """What a suite is handed that fits the system itself; it leaves the fitted one where others look for it."""
        traffic, home = self._traffic(), self.cell.path / FITTED_FOLDER
        if not self.state.kept:
            row["notes"], row["phases"] = list(self.cell.notes), {}
            delete(home)
            home.mkdir()
        self.state.seconds.update(row["phases"])
        base = _base_of(self.cell)
        alone = Alone(
            context=lambda few, budget: replace(self._context(self.system, "train", few, base), budget=budget),
            threads=self.cell.threads,
            device=self.cell.device,
            folder=home,
            earlier=self.state.kept,
            machine=row["machine"],
        )
        return replace(self._input(traffic, traffic, traffic, home), alone=alone)

    def _input(self, train: Traffic, test: Traffic, synthetic: Traffic, folder: Path) -> SuiteInput:
        return SuiteInput(
            settings=None,
            track=self.cell.track,
            system=self.system,
            metrics=(),
            names=self.names,
            train=train,
            test=test,
            synthetic=synthetic,
            # Only a suite that samples again needs the model.
            fitted=cache(lambda: systems.load(folder)),
            refit=lambda few: self._refit(self.system, few),
            progress=self.state.doing,
        )

    def _traffic(self) -> Traffic:
        track = self.cell.track
        own = self.cell.path / TRAFFIC_FILE
        path = own if own.exists() else self.cell.path.parent.parent / TRAFFIC_FILE
        with self.state.timed("load"):
            traffic = track.load(path)
        if track.digest(traffic) != self.cell.dataset_digest:
            raise DatasetError(f"{path} is not the traffic that the cell is about; run again, which replaces it")
        return traffic

    def _fit(self, train: Traffic) -> dict[str, Any]:
        """What an earlier process noted of the fit; else fit, make traffic, store both, and go on in a new process."""
        cell, track, noted = self.cell, self.cell.track, self.state.fitted
        with contextlib.suppress(OSError, NtgbenchError):
            if noted is not None and {"phases", "peak_memory_mib", "machine"} <= noted.keys():
                made = track.load(cell.path / SYNTHETIC_FILE)
                if len(made) == noted.get("made"):
                    return noted
        if _MEASURE in sys.argv:
            raise PluginError(f"the traffic that {self.system.display_name} has made is lost: {SYNTHETIC_FILE}")
        if named_files(self.system, Path(cell.home)) != cell.files:
            raise DatasetError(f"a file that {self.system.display_name} names has changed; run again")
        unfinished = cell.path / UNFINISHED_FOLDER
        if not unfinished.is_dir():
            delete(unfinished)
            unfinished.mkdir()
        digest = track.digest(train)
        with self.state.timed("fit"):
            context = self._context(self.system, "fit", train, _base_of(cell))
            fitted = self.system.fit(train, replace(context, checkpoint=unfinished))
        with self.state.timed("sample"):
            synthetic = fitted.sample(*track.request(train), seed=derive_seed(*self.names, "sample"))
        if track.digest(train) != digest:
            raise PluginError(f"{self.system.display_name} has changed the traffic that it was given")
        with self.state.timed("save"):
            home = cell.path / FITTED_FOLDER
            delete(home)
            home.mkdir()
            try:
                fitted.save(home)
            except Exception:
                # Half a model is of no use, and on a full disk others need its room.
                shutil.rmtree(home, ignore_errors=True)
                raise
            with replacing(cell.path / SYNTHETIC_FILE) as temporary:
                track.write(synthetic, temporary)
        noted = {
            "phases": dict(self.state.seconds),
            "peak_memory_mib": peak_memory_mib(),
            "machine": machine_of(cell),
            "made": len(synthetic),
            "notes": list(self.logged.messages),
        }
        self.state.fitted = noted
        self.state.write()
        delete(unfinished)
        _start_measuring(cell)

    def _refit(self, system: System, few: Traffic) -> FittedSystem:
        """The system fitted on `few` alone, and what it starts from as well."""
        with tempfile.TemporaryDirectory(dir=self.cell.path) as name:
            base = None
            if isinstance(system.spec, GeneratorSpec) and system.spec.base is not None:
                self._refit(systems.choose(system.spec.base, system.spec.track), few).save(Path(name))
                base = Path(name) / systems.MODEL_FOLDER
            return system.fit(few, self._context(system, "refit", few, base))

    def _context(self, system: System, purpose: str, train: Traffic, base: Path | None) -> Context:
        return Context(
            seed=derive_seed(*self.names, system.display_name, purpose, len(train)),
            threads=self.cell.threads,
            device=self.cell.device,
            budget=self.cell.protocol.budget,
            progress=self.state.progress,
            base=base,
            home=Path(self.cell.home),
        )


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


if __name__ == "__main__":
    main()
