"""What the processes that measure one system have timed so far: in a file between them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ntgbench.costs.timing import Visit
from ntgbench.costs.version import EFFICIENCY_VERSION
from ntgbench.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

OF_VISITS = ("longer", "shorter", "sampled", "first", "importing")
"""Fields that are lists of visits."""


@dataclass
class Times:
    """Times of all rounds; a later one adds to what an earlier one has found, and does the same work.

    Attributes:
        version: that of the numbers.
        rounds: processes that are through.
        train_biflows, fewer: biflows of the longer trainings and of the shorter ones, 0 before it is known.
        longer, shorter: their seconds, visit by visit; parts are what lies between two tellings of progress.
        samples: biflows of each class that a repetition of sampling makes, 0 before it is known.
        sampled: their seconds, visit by visit, each biflow a part.
        first, importing: of each fresh process, seconds to its first biflow, and of those the plugin's import.
        memory: peaks of their resident memory, MiB.
        references: seconds of the fixed workload.
        peak_host: most memory that a process of training and sampling had resident, MiB.
        others: largest part of the machine that other processes took in a round, 0..1.
        sample_calls: shortest seconds of a call, by its batch.
        trainings: shortest seconds of a training, by its batch and its biflows.
    """

    version: int = EFFICIENCY_VERSION
    rounds: int = 0
    train_biflows: int = 0
    fewer: int = 0
    longer: list[Visit] = field(default_factory=list)
    shorter: list[Visit] = field(default_factory=list)
    samples: int = 0
    sampled: list[Visit] = field(default_factory=list)
    first: list[Visit] = field(default_factory=list)
    importing: list[Visit] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    references: list[float] = field(default_factory=list)
    peak_host: float = 0.0
    others: float = 0.0
    sample_calls: dict[int, float] = field(default_factory=dict)
    trainings: dict[int, dict[int, float]] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write what `read` reads."""
        write_text(path, json.dumps(asdict(self)) + "\n")


def read(path: Path) -> Times:
    """The times that an earlier process has written; none where there is no such file, or it is damaged or older."""
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for name in OF_VISITS:
            values[name] = [Visit(**visit) for visit in values[name]]
        values["sample_calls"] = _by_number(values["sample_calls"])
        values["trainings"] = {batch: _by_number(own) for batch, own in _by_number(values["trainings"]).items()}
        return Times(**values) if values["version"] == EFFICIENCY_VERSION else Times()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Times()


def _by_number(values: dict[str, Any]) -> dict[int, Any]:
    """JSON has only text as keys."""
    return {int(key): value for key, value in values.items()}
