"""Resets cells, so that a run takes them up again."""

from __future__ import annotations

import contextlib

from ntgbench.errors import NtgbenchError
from ntgbench.files import delete
from ntgbench.results import suite_of
from ntgbench.running.cells import LOG_FILE, RESULT_FILE, STATE_FILE, UNFINISHED_FOLDER, Cell, failed_suites
from ntgbench.running.rows import write_result


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


def forget_changed(cell: Cell) -> None:
    """Reset a cell that is measured alone if its suite's code has changed: its rounds are measured by the same code."""
    row = cell.result()
    if row is not None and any(cell.has_other_code(row, suite) for suite in cell.protocol.suites):
        _delete_results(cell)


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
