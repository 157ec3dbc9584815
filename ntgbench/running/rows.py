"""The row of a cell, from the start of its process to the written result."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ntgbench.errors import NtgbenchError, PluginError, described
from ntgbench.files import write_text
from ntgbench.interfaces import GeneratorSpec
from ntgbench.machine import machine, versions
from ntgbench.results import SCHEMA, Row, check_row
from ntgbench.row_schema import MOST_CAUTIONS, MOST_NOTES, Caution, Metrics, Profile, clean, uneven
from ntgbench.running.cells import LOG_FILE, RESULT_FILE
from ntgbench.values import problem

if TYPE_CHECKING:
    from ntgbench.results import MetricValue
    from ntgbench.running.cells import Cell
    from ntgbench.suites import SuiteInput
    from ntgbench.tracks import Track, Traffic

_log = logging.getLogger(__name__)


class Notes(logging.Handler):
    """What anything logs as a warning while the cell runs, each message once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message, without where the environment is: rows are published."""
        self.messages.setdefault(record.getMessage().replace(f"{sys.prefix}/", ""))


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
        source=clean(cell.argument, 300),
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
        track=cell.protocol.track,
        keys={suite: cell.protocol.key(suite) for suite in cell.protocol.suites},
    )
    if isinstance(system.spec, GeneratorSpec) and system.spec.base is not None:
        row["base"] = system.spec.base
    return row


def checked(found: Any, suite: str) -> dict[str, MetricValue]:
    """What a suite returned, as metrics of a row. Raises PluginError that says what is wrong with it."""
    if not isinstance(found, Mapping):
        raise PluginError(f"the suite {suite} returned {type(found).__name__}, not metrics by name")
    metrics: dict[str, MetricValue] = {f"{suite}/{key}": value for key, value in found.items()}
    wrong = problem(metrics, Metrics)
    if wrong is not None:
        raise PluginError(f"the suite {suite} returned metrics that no row can hold: {wrong}")
    return metrics


def profile_of(track: Track[Any], given: SuiteInput) -> Profile | None:
    """What the real and the synthetic traffic look like, with examples of the latter that are no real traffic.

    None where the track has no profile; where it fails, that is logged: no row is lost for a picture.
    """
    real = given.train if track.profiled == "train" else given.test
    try:
        profile = track.profile(real, given.synthetic)
        if profile is None:
            return None
        examples = track.examples(real, given.synthetic, given.synthetic, (given.train, given.test))
        if examples is not None:
            profile["synthetic"]["examples"] = examples
        wrong = problem(profile, Profile) or uneven(profile)
    except Exception as error:  # a track is a plugin's, and may fail in any way
        wrong = described(error)
    if wrong is not None:
        _log.warning("there is no profile of the traffic: %s", wrong)
        return None
    return profile


def cautions_of(track: Track[Any], train: Traffic, test: Traffic) -> list[Caution]:
    """What the track says of a test set, as rows hold it."""
    found = []
    for text, unranked in track.cautions(train, test)[:MOST_CAUTIONS]:
        caution = Caution(text=clean(text))
        found.append(Caution(**caution, unranked=True) if unranked else caution)
    return found


def failed_row(cell: Cell, reason: str) -> Row:
    """The row of a cell that has failed for this reason."""
    row = empty_row(cell)
    row["reason"] = reason
    return row


def machine_of(cell: Cell) -> dict[str, Any]:
    """The machine as the cell's row tells it."""
    if cell.protocol.alone is None:
        return {**machine(cell.threads), **({} if cell.device == "cpu" else {"device": cell.device})}
    from ntgbench.efficiency.hardware import hardware

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
        # The row is published, so it does not say where the runs are on this machine.
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
