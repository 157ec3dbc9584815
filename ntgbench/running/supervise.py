"""Watches over one cell on this machine: runs it in a child process, enforces its limits, and ends it with its run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ntgbench.errors import NtgbenchError, described
from ntgbench.files import delete, locked, write_text
from ntgbench.plugins import RESTRICT, registry
from ntgbench.probing import PROBED, ended_how
from ntgbench.running.beacon import SILENCE, is_seen, stopping
from ntgbench.running.cells import (
    CELL_FILE,
    LOG_FILE,
    RESULT_FILE,
    STATE_FILE,
    SYNTHETIC_FILE,
    TRAFFIC_FILE,
    Cell,
    cell_of,
)
from ntgbench.running.codes import codes_tried
from ntgbench.running.leases import leased
from ntgbench.running.processes import Usage, kept, last_line, working_elsewhere
from ntgbench.running.rows import failed_row, write_result
from ntgbench.running.state import doing, forget_process, left_behind

if TYPE_CHECKING:
    from ntgbench.results import Row

_LOOK_EVERY = 0.1
_FILES = (CELL_FILE, STATE_FILE, RESULT_FILE, LOG_FILE, TRAFFIC_FILE, SYNTHETIC_FILE)
_GRACE = 2.0


def request(cell: Cell, beacon: Path) -> str:
    """What `run_cell` is told, as JSON."""
    sound = [plugin.name for plugin in registry().plugins if plugin.refused is None]
    values = {"cell": json.loads(cell.to_json()), "run": str(beacon), "silence": SILENCE, "plugins": sound}
    return json.dumps(values)


def run_cell(text: str) -> str:
    """Run the cell of a `request` in a child process; its row, as JSON, says what happened, whatever happened.

    Another run may be at the same cell: then this one waits, and takes that one's result. It ends with a failed row,
    which is not stored, when the run of the request has stopped.
    """
    values = json.loads(text)
    cell, run = cell_of(values["cell"], "request"), Path(values["run"])
    if not is_seen(run):
        return json.dumps(failed_row(cell, f"the machine that was given it does not see the runs folder {cell.runs}"))
    with stopping(run, values["silence"]) as stop:
        try:
            row = _run_locked(cell, values["plugins"], stop)
        except InterruptedError:
            row = failed_row(cell, "stopped")
        except (NtgbenchError, OSError) as error:
            # For example its folder is gone or cannot be written; other cells are not affected.
            row = failed_row(cell, described(error))
            _store(cell, row)
    return json.dumps(row)


def _run_locked(cell: Cell, plugins: Sequence[str], stop: threading.Event) -> Row:
    cell.path.mkdir(parents=True, exist_ok=True)
    # A cell whose suite is measured alone has the folder of all runs to itself, others share it.
    with locked(cell.runs, stop, shared=cell.protocol.alone is None) as runs, locked(cell.path, stop) as own:
        found = cell.result()
        if found and cell.progress_of(found) in ("done", "failed"):
            return found
        with leased(cell.device, stop) as (gpu, lease):
            return _run_child(cell, _environment(cell.threads, plugins) | gpu, stop, (runs, own, *lease))


def _run_child(cell: Cell, environment: dict[str, str], stop: threading.Event, holds: tuple[int, ...]) -> Row:
    _clear(cell)
    forget_process(cell)
    write_text(cell.path / CELL_FILE, cell.to_json())
    before, begun = _written(cell), time.monotonic()
    # -P keeps the folder of the user out of the import path.
    command = [sys.executable, "-P", "-m", "ntgbench.running.worker", cell.folder]
    with (cell.path / LOG_FILE).open("a+b") as log:
        with kept(command, log, cell.path, environment, holds) as process:
            usage = Usage(process, cell.protocol.limits)
            stopped = _wait(process, usage, cell, stop)
            metrics, phases = left_behind(cell, begun)
        usage.kill()
        last = last_line(log, process)
    _clear(cell)
    # A process that died has left the row of an earlier round, or of other suites, as it was.
    wrote = not stopped and _written(cell) != before
    row = cell.result() if wrote else None
    if row is None:
        damaged = f"the {RESULT_FILE} that its process left is damaged" if wrote and not process.returncode else None
        row = failed_row(cell, stopped or damaged or _death(process.returncode, last))
        row["metrics"], row["phases"] = metrics, phases
        begun_suites = [suite for suite in cell.protocol.suites if suite in phases]
        row["code"] = {
            key: one for suite in begun_suites for key, one in codes_tried(cell.protocol.track, suite).items()
        }
        # What ends this process soon, such as a scheduler, may have ended that of the cell first.
        if not stop.wait(_GRACE if process.returncode == -signal.SIGTERM else 0.0):
            _store(cell, row)
    return row


def _environment(threads: int, plugins: Sequence[str]) -> dict[str, str]:
    """What the process of a cell finds in its environment."""
    # NVML numbers devices by their bus, and CUDA would put the fastest first.
    environment = working_elsewhere(os.environ)
    environment |= {"LOKY_MAX_CPU_COUNT": str(threads), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    for library in ("OMP", "MKL", "OPENBLAS"):
        environment[f"{library}_NUM_THREADS"] = str(threads)
    # What a system may do otherwise elsewhere: order sets, name times of day, sort text.
    environment |= {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    # A cell loads the plugins that were found sound, and those only.
    environment[RESTRICT] = ",".join(plugins)
    environment[PROBED] = "1"
    return environment


def _store(cell: Cell, row: Row) -> None:
    """Write the row into the cell's folder; a row that cannot be written says so."""
    try:
        write_result(cell, row)
    except OSError as error:
        where = str(error.filename).replace(str(cell.runs), "runs")
        row["reason"] = f"{row['reason']}; its row is not stored: {where}: {error.strerror}"


def _clear(cell: Cell) -> None:
    """Delete what a process left half-written, or put in the place of a file of the cell."""
    files = [cell.path / name for name in _FILES]
    for leftover in (*cell.path.glob(".*.tmp"), *(path for path in files if path.is_symlink() or not path.is_file())):
        with contextlib.suppress(OSError):
            delete(leftover)


def _written(cell: Cell) -> tuple[int, int] | None:
    """Identity of the cell's result file, None without one: every write makes a new file."""
    try:
        found = (cell.path / RESULT_FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _wait(process: subprocess.Popen[bytes], usage: Usage, cell: Cell, stop: threading.Event) -> str | None:
    """Wait for the process; the reason why it must be ended, or None when it ended by itself."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_EVERY)
            return None
        if stop.is_set():
            return "stopped"
        over = usage.over()
        if over is not None:
            now = doing(cell)
            return f"{over}, at {now}" if now else over


def _death(code: int, last: str) -> str:
    """Why a process without a result has ended, from its status and its last line of output."""
    if code < 0:
        hint = ", perhaps by the system because memory ran out" if -code == signal.SIGKILL else ""
        return f"its process was ended {ended_how(code)}{hint}"
    return f"its process ended {ended_how(code)} and without a result: {last or 'it printed nothing'}"
