"""The row of a cell while it comes about."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from ntgbench.errors import NtgbenchError
from ntgbench.files import read_json, write_text
from ntgbench.interfaces import GeneratorSpec
from ntgbench.results import SCHEMA, MetricValue, Row, check_row
from ntgbench.row_schema import LARGEST, MOST_NOTES, clean, is_metric
from ntgbench.running.cells import LOG_FILE, RESULT_FILE
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
        source=clean(cell.source, 300),
        system=system.display_name,
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
        return {**machine(cell.threads), **({} if cell.device == "cpu" else {"device": cell.device})}
    from ntgbench.costs.hardware import hardware

    return {**machine(cell.threads), "device": cell.device, "hardware": hardware(cell.device, cell.threads)}


def write_result(cell: Cell, row: Row) -> None:
    """Put the row into the cell's folder, which finishes the cell; a failed one says where its log is.

    Texts of the row that come from plugins are made printable in it, and cut where they are very long.
    """
    if row["status"] == "failed":
        row["log"] = str((cell.path / LOG_FILE).relative_to(cell.runs))
    else:
        row.pop("log", None)

    def shown(text: str) -> str:
        # Where the folder of runs is on this machine is nobody else's business.
        return clean(text.replace(str(cell.runs), "runs"))

    if row["reason"] is not None:
        row["reason"] = shown(row["reason"])
    row["notes"] = [shown(note) for note in row["notes"][:MOST_NOTES]]
    for metric in row["metrics"].values():
        if "reason" in metric:
            metric["reason"] = shown(metric["reason"])
    wrong = check_row(row)
    if wrong is not None:
        raise NtgbenchError(f"the row of {cell.title} cannot be written: {wrong}")
    # Its system may have deleted the folder.
    cell.path.mkdir(parents=True, exist_ok=True)
    write_text(cell.path / RESULT_FILE, json.dumps(row, indent=1, sort_keys=True) + "\n")


def measured(cell: Cell) -> dict[str, MetricValue]:
    """The metrics that a process has left before it ended."""
    try:
        found: dict[str, MetricValue] = read_json(cell.path / MEASURED_FILE)
    except NtgbenchError:
        return {}
    whole = isinstance(found, dict) and all(is_metric(key, metric) for key, metric in found.items())
    return found if whole else {}


def metric_value(score: Score) -> MetricValue:
    """A score as rows hold it."""
    metric = score.metric
    shown = score.value if score.value is None or abs(score.value) <= LARGEST else None
    value = MetricValue(value=shown, version=metric.version, goal=metric.goal, digits=metric.digits)
    if metric.primary:
        value["primary"] = True
    if score.reason is not None:
        value["reason"] = clean(score.reason)
    elif shown is None:
        value["reason"] = f"{score.value} is beyond {LARGEST:g}, the largest number of a row"
    return value
