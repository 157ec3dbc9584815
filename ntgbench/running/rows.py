"""The row of a cell while it comes about."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any

from ntgbench.files import write_text
from ntgbench.interfaces import GeneratorSpec
from ntgbench.results import SCHEMA, MetricValue, Row
from ntgbench.running.cells import RESULT_FILE
from ntgbench.running.probe import machine, versions

if TYPE_CHECKING:
    from ntgbench.running.cells import Cell
    from ntgbench.suites.scores import Score

MEASURED_FILE = "measured.json"
"""The metrics of the suites that are through, should a later one end the process."""


class Notes(logging.Handler):
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
    row = Row(
        schema=SCHEMA,
        protocol=cell.protocol.name,
        protocol_version=cell.protocol.version,
        protocol_digest=cell.protocol.digest(),
        dataset=cell.dataset,
        dataset_digest=cell.dataset_digest,
        source=cell.source,
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
        notes=list(cell.notes),
        machine=machine_of(cell),
        versions=versions(),
    )
    if isinstance(system.spec, GeneratorSpec) and system.spec.base is not None:
        row["base"] = system.spec.base
    return row


def machine_of(cell: Cell) -> dict[str, Any]:
    """The machine as the cell's row tells it."""
    if not cell.protocol.of_costs:
        return {**machine(threads()), **({} if cell.device == "cpu" else {"device": cell.device})}
    from ntgbench.costs.hardware import hardware

    own = cell.protocol.efficiency.threads
    return {**machine(own), "device": cell.device, "hardware": hardware(cell.device, own)}


def write_result(cell: Cell, row: Row) -> None:
    """Put the row into the cell's folder, which finishes the cell. Its system may have deleted the folder."""
    cell.path.mkdir(parents=True, exist_ok=True)
    write_text(cell.path / RESULT_FILE, json.dumps(row, indent=1, sort_keys=True) + "\n")


def measured(cell: Cell) -> dict[str, MetricValue]:
    """The metrics that a process has left before it ended."""
    try:
        found: dict[str, MetricValue] = json.loads((cell.path / MEASURED_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def metric_value(score: Score) -> MetricValue:
    """A score as rows hold it."""
    metric = score.metric
    value = MetricValue(value=score.value, version=metric.version, goal=metric.goal, digits=metric.digits)
    if metric.primary:
        value["primary"] = True
    if score.reason is not None:
        value["reason"] = score.reason
    return value


def threads() -> int:
    """CPU threads that the run has given this process."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
