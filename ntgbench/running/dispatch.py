"""Hands cells to an engine as they become ready, tells how they go on, and yields them as they end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import TYPE_CHECKING

from ntgbench.errors import described
from ntgbench.running.beacon import beacon
from ntgbench.running.cells import Cell
from ntgbench.running.engines import EngineError, Needs
from ntgbench.running.rows import failed_row
from ntgbench.running.state import doing
from ntgbench.running.supervise import request, run_cell

if TYPE_CHECKING:
    from ntgbench.results import Row
    from ntgbench.running.engines import Engine

_LOOK_EVERY = 0.25

Observe = Callable[[Cell, str], None]
"""Told what a cell that was handed over is doing, as one short text; nothing while it waits for its turn."""


def run_cells(cells: Sequence[Cell], engine: Engine, observe: Observe) -> Iterator[tuple[Cell, Row]]:
    """Run cells on an engine and yield each with its row when it has ended.

    A cell starts when the cell it is based on has ended, and one whose suite is measured alone when no other runs.
    When the caller stops early, by an exception or Ctrl-C, every running process is ended and its cell has no result.

    Raises:
        EngineError: when the engine is lost.
    """
    waiting = list(cells)
    running: dict[Future[str], Cell] = {}
    left: dict[str, str] = {}  # what a process of an earlier run said last, until its cell is begun again
    if not cells:
        return
    with beacon(cells[0].runs) as lit:
        while waiting or running:
            unfinished = {cell.folder for cell in (*waiting, *running.values())}
            for cell in [cell for cell in waiting if cell.base not in unfinished]:
                if not engine.has_room(needs_of(cell)):
                    break
                waiting.remove(cell)
                left[cell.folder] = doing(cell)
                running[engine.submit(run_cell, request(cell, lit), needs_of(cell))] = cell
            for future in wait(running, _LOOK_EVERY, FIRST_COMPLETED).done:
                cell = running.pop(future)
                yield cell, _row(cell, future)
            for cell in running.values():
                now = doing(cell)
                if now != left.get(cell.folder):
                    left.pop(cell.folder, None)
                observe(cell, "" if cell.folder in left else now)


def needs_of(cell: Cell) -> Needs:
    """What the cell occupies: the threads of its protocol or what its plugin declares, and no more than its limits."""
    declared = cell.build().spec.occupies
    return Needs(
        threads=max(cell.threads, declared.threads),
        memory_gib=min(declared.memory_gib, cell.protocol.limits.memory_gib),
        gpus=int(cell.device != "cpu"),
    )


def _row(cell: Cell, future: Future[str]) -> Row:
    try:
        row: Row = json.loads(future.result())
    except (EngineError, CancelledError) as error:
        why = str(error) or "it has dropped what was submitted"
        raise EngineError(f"the engine is lost: {why}; run the same command again to go on") from error
    except Exception as error:  # whatever ended the work on another machine, such as the death of its worker
        return failed_row(cell, described(error))
    return row
