"""The local engine: runs cells in child processes, enforces their limits, and ends all of them on Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from ntgbench.errors import NtgbenchError, described
from ntgbench.files import delete, locked, write_text
from ntgbench.plugins import RESTRICT, registry
from ntgbench.probing import PROBED, ended_how
from ntgbench.results import suite_of
from ntgbench.running.cells import (
    CELL_FILE,
    LOG_FILE,
    RESULT_FILE,
    STATE_FILE,
    SYNTHETIC_FILE,
    TRAFFIC_FILE,
    UNFINISHED_FOLDER,
    Cell,
    failed_suites,
)
from ntgbench.running.processes import Usage, kept, last_line, working_elsewhere
from ntgbench.running.rows import empty_row, write_result
from ntgbench.running.state import doing, forget_process, left_behind

if TYPE_CHECKING:
    from ntgbench.results import Row

_LOOK_EVERY = 0.1
_FILES = (CELL_FILE, STATE_FILE, RESULT_FILE, LOG_FILE, TRAFFIC_FILE, SYNTHETIC_FILE)

Observe = Callable[[Cell, str], None]
"""Told what a running cell is doing, as one short text."""


def run_cells(cells: Sequence[Cell], jobs: int, observe: Observe) -> Iterator[tuple[Cell, Row]]:
    """Run cells, `jobs` at a time, and yield each with its row when it has ended.

    A cell starts when the cell it is based on has ended, and one whose suite is measured alone when no other runs.
    When the caller stops early, by an exception or Ctrl-C, every running process is ended and its cell has no result.
    """
    stop = threading.Event()
    waiting = list(cells)
    running: dict[Future[Row], Cell] = {}
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while waiting or running:
                unfinished = {cell.folder for cell in (*waiting, *running.values())}
                for cell in [cell for cell in waiting if cell.base not in unfinished][: jobs - len(running)]:
                    waiting.remove(cell)
                    running[pool.submit(_run_cell, cell, observe, stop)] = cell
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            stop.set()


def _run_cell(cell: Cell, observe: Observe, stop: threading.Event) -> Row:
    """Run one cell in a child process; its row says what happened, whatever happened.

    Another run may be at the same cell: then this one waits, and takes that one's result.

    Raises:
        InterruptedError: when `stop` is set while this waits.
    """
    try:
        return _run_locked(cell, observe, stop)
    except InterruptedError:
        raise
    except (NtgbenchError, OSError) as error:
        # For example its folder is gone or cannot be written; other cells are not affected.
        row = _failed(cell, described(error))
        _store(cell, row)
        return row


def _run_locked(cell: Cell, observe: Observe, stop: threading.Event) -> Row:
    cell.path.mkdir(parents=True, exist_ok=True)
    # A cell whose suite is measured alone has the folder of all runs to itself, others share it.
    observe(cell, "waiting for its turn")
    with locked(cell.runs, stop, shared=cell.protocol.alone is None) as runs, locked(cell.path, stop) as own:
        found = cell.result()
        return found if found and cell.progress() != "partial" else _run_child(cell, observe, stop, (runs, own))


def _run_child(cell: Cell, observe: Observe, stop: threading.Event, holds: tuple[int, ...]) -> Row:
    _clear(cell)
    forget_process(cell)
    write_text(cell.path / CELL_FILE, cell.to_json())
    before, begun = _written(cell), time.monotonic()
    # -P keeps the folder of the user out of the import path.
    command = [sys.executable, "-P", "-m", "ntgbench.running.worker", cell.folder]
    with (cell.path / LOG_FILE).open("a+b") as log:
        with kept(command, log, cell.path, _environment(cell.threads), holds) as process:
            usage = Usage(process, cell.protocol.limits)
            stopped = _wait(process, usage, cell, observe, stop)
            metrics, phases = left_behind(cell, begun)
        usage.kill()
        last = last_line(log, process)
    _clear(cell)
    # A process that died has left the row of an earlier round, or of other suites, as it was.
    wrote = not stopped and _written(cell) != before
    row = cell.result() if wrote else None
    if row is None:
        damaged = f"the {RESULT_FILE} that its process left is damaged" if wrote and not process.returncode else None
        row = _failed(cell, stopped or damaged or _death(process.returncode, last))
        row["metrics"], row["phases"] = metrics, phases
        if not stop.is_set():
            _store(cell, row)
    return row


def _environment(threads: int) -> dict[str, str]:
    """What the process of a cell finds in its environment."""
    # NVML numbers devices by their bus, and CUDA would put the fastest first.
    environment = working_elsewhere(os.environ)
    environment |= {"LOKY_MAX_CPU_COUNT": str(threads), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    for library in ("OMP", "MKL", "OPENBLAS"):
        environment[f"{library}_NUM_THREADS"] = str(threads)
    # A cell loads the plugins that were found sound, and those only.
    environment[RESTRICT] = ",".join(plugin.name for plugin in registry().plugins if plugin.refused is None)
    environment[PROBED] = "1"
    return environment


def _failed(cell: Cell, reason: str) -> Row:
    row = empty_row(cell)
    row["reason"] = reason
    return row


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


def _wait(
    process: subprocess.Popen[bytes], usage: Usage, cell: Cell, observe: Observe, stop: threading.Event
) -> str | None:
    """Wait for the process; the reason why it must be ended, or None when it ended by itself."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_EVERY)
            return None
        if stop.is_set():
            return "stopped"
        over, now = usage.over(), doing(cell)
        if over is not None:
            return f"{over}, at {now}" if now else over
        observe(cell, now)


def _death(code: int, last: str) -> str:
    """Why a process without a result has ended, from its status and its last line of output."""
    if code < 0:
        hint = ", perhaps by the system because memory ran out" if -code == signal.SIGKILL else ""
        return f"its process was ended {ended_how(code)}{hint}"
    return f"its process ended {ended_how(code)} and without a result: {last or 'it printed nothing'}"


def forget_failures(cell: Cell) -> None:
    """Reset a failed cell: without the suites of which a metric failed, or, if the cell itself failed, from the start.

    A training that was interrupted continues where it stopped.
    """
    row = cell.result()
    if row is None or row["status"] == "failed":
        _delete_results(cell)
        return
    failed = failed_suites(row)
    row["metrics"] = {key: metric for key, metric in row["metrics"].items() if suite_of(key) not in failed}
    write_result(cell, row)


def forget(cell: Cell) -> None:
    """Reset a cell as if it had never run."""
    _delete_results(cell)
    with contextlib.suppress(OSError):
        delete(cell.path / UNFINISHED_FOLDER)


def _delete_results(cell: Cell) -> None:
    for name in (RESULT_FILE, STATE_FILE, LOG_FILE):
        try:
            delete(cell.path / name)
        except OSError as error:
            raise NtgbenchError(f"cannot delete {cell.path / name}: {error.strerror}") from error
