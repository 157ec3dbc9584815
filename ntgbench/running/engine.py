"""The local engine: cells in child processes, some at a time, each watched for time and memory, all ended on Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from ntgbench.errors import NtgbenchError
from ntgbench.files import locked, write_text
from ntgbench.results import suite_of
from ntgbench.running.cells import CELL_FILE, LOG_FILE, RESULT_FILE, UNFINISHED_FOLDER, Cell, failed_suites
from ntgbench.running.rows import MEASURED_FILE, empty_row, measured, write_result
from ntgbench.running.worker import FITTED_FILE, PROGRESS_FILE, TIMES_FILE

if TYPE_CHECKING:
    from ntgbench.results import Row

_LOOK_EVERY = 0.1
_WEIGH_EVERY = 0.5

Watcher = Callable[[Cell, str], None]
"""Told what a running cell is doing, as one short text."""


def run_cells(cells: Sequence[Cell], jobs: int, watch: Watcher) -> Iterator[tuple[Cell, Row]]:
    """Run cells, `jobs` at a time, and yield each with its row when it has ended.

    A cell starts when the cell it is based on has ended, and one that measures costs when no other runs. When the
    caller stops early, by an exception or Ctrl-C, every process that is still running is ended and its cell stays
    without a result.
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
                    running[pool.submit(_run_cell, cell, cell.threads, watch, stop)] = cell
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            stop.set()


def _run_cell(cell: Cell, threads: int, watch: Watcher, stop: threading.Event) -> Row:
    """Run one cell in a child process; its row says what happened, whatever happened.

    Another run may be at the same cell: then this one waits, and takes that one's result.
    """
    cell.path.mkdir(parents=True, exist_ok=True)
    # A cell that measures costs has the folder of all runs to itself, others share it.
    watch(cell, "waiting for its turn")
    with locked(cell.runs, stop, shared=not cell.protocol.of_costs) as runs, locked(cell.path, stop) as own:
        found = cell.result()
        return found if found and cell.state() != "part" else _run_child(cell, threads, watch, stop, (runs, own))


def _run_child(cell: Cell, threads: int, watch: Watcher, stop: threading.Event, holds: tuple[int, ...]) -> Row:
    for leftover in cell.path.glob(".*.tmp"):
        leftover.unlink()
    write_text(cell.path / CELL_FILE, cell.to_json())
    before = _written(cell)
    # NVML numbers devices by their bus, and CUDA would put the fastest first.
    environment = {**os.environ, "LOKY_MAX_CPU_COUNT": str(threads), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    for library in ("OMP", "MKL", "OPENBLAS"):
        environment[f"{library}_NUM_THREADS"] = str(threads)
    with (cell.path / LOG_FILE).open("ab") as log:
        process = subprocess.Popen(
            # -P keeps the folder of the user out of the import path.
            [sys.executable, "-P", "-m", "ntgbench.running.worker", cell.folder],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            # A child that outlives this process for a moment keeps its hold of the folders.
            pass_fds=holds,
        )
        try:
            stopped = _watch(process, cell, watch, stop)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for leftover in (cell.path / PROGRESS_FILE, *cell.path.glob(".*.tmp")):
                leftover.unlink(missing_ok=True)
    # A process that died has left the row of an earlier round, or of other suites, as it was.
    row = None if stopped or _written(cell) == before else cell.result()
    if row is None:
        row = empty_row(cell)
        row["reason"] = stopped or _death(process.returncode, cell)
        row["metrics"] = measured(cell)
        if not stop.is_set():
            write_result(cell, row)
    return row


def _written(cell: Cell) -> tuple[int, int] | None:
    """Which file the cell's result is, None when there is none: each is a new one."""
    try:
        found = (cell.path / RESULT_FILE).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _watch(process: subprocess.Popen[bytes], cell: Cell, watch: Watcher, stop: threading.Event) -> str | None:
    """Wait for the process; the reason why it must be ended, or None when it ended by itself."""
    limits = cell.protocol.limits
    start = weighed = time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_EVERY)
            return None
        now = time.monotonic()
        if stop.is_set():
            return "stopped"
        if now - start > limits.minutes * 60:
            return f"over the time limit of {limits.minutes:g} minutes{_while(cell)}"
        if now - weighed > _WEIGH_EVERY:
            weighed = now
            used = _memory_gib(process.pid)
            if used > limits.memory_gib:
                return f"over the memory limit of {limits.memory_gib:g} GiB (used {used:.1f} GiB){_while(cell)}"
        watch(cell, _doing(cell))


def _memory_gib(pid: int) -> float:
    """Resident memory of a process and all that it started."""
    import psutil

    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
    return float(total / 2**30)


def _doing(cell: Cell) -> str:
    try:
        state = json.loads((cell.path / PROGRESS_FILE).read_text(encoding="utf-8"))
        share = state["done"] / state["total"] if state["total"] else 0.0
    except (OSError, ValueError, KeyError):
        return ""
    return f"{state['phase']} {share:.0%} {state['note']}".strip()


def _while(cell: Cell) -> str:
    doing = _doing(cell)
    return f", at {doing}" if doing else ""


def _death(code: int, cell: Cell) -> str:
    """Why a process that left no result has ended, as far as can be told."""
    log = cell.path / LOG_FILE
    if code < 0:
        name = signal.Signals(-code).name
        hint = ", perhaps by the system for want of memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
    return f"its process ended with status {code} and without a result: {last[0]}"


def forget_failures(cell: Cell) -> None:
    """Make a failed cell as if it had never measured the suites of which a metric failed, or fitted its system.

    A training that did not come to its end goes on where it stood.
    """
    row = cell.result()
    if row is None or row["status"] == "failed":
        _delete_results(cell)
        return
    failed = failed_suites(row)
    row["metrics"] = {key: metric for key, metric in row["metrics"].items() if suite_of(key) not in failed}
    write_result(cell, row)


def forget(cell: Cell) -> None:
    """Make a cell as if it had never run."""
    _delete_results(cell)
    shutil.rmtree(cell.path / UNFINISHED_FOLDER, ignore_errors=True)


def _delete_results(cell: Cell) -> None:
    for name in (RESULT_FILE, FITTED_FILE, TIMES_FILE, MEASURED_FILE, LOG_FILE):
        try:
            (cell.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise NtgbenchError(f"cannot delete {cell.path / name}: {error.strerror}") from error
