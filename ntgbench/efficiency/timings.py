"""What the rounds of one system have timed so far; a file hands it from one process to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ntgbench.efficiency.settings import EFFICIENCY_VERSION
from ntgbench.files import write_text


@dataclass
class Timings:
    """What one round, which is one process, has timed, in seconds.

    Attributes:
        sample: one item, the mean of each repetition.
        train: one epoch of all training items at batch 1, each repetition.
        sample_calls: the shortest call by its batch.
        train_epochs: one epoch of all training items by its batch.
        imports, first: the plugin's import, and the time to the first item, of each fresh process.
        reference: the fixed workload, each time.
        peaks: numbers of which the largest of all rounds counts, by the name of their column.
        version: that of the suite.
    """

    sample: list[float] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    sample_calls: dict[int, float] = field(default_factory=dict)
    train_epochs: dict[int, float] = field(default_factory=dict)
    imports: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    version: int = EFFICIENCY_VERSION


def read(path: Path) -> list[Timings]:
    """The rounds in a file; none when it is missing, damaged, or of another version of the suite."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[Timings])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return []
    return [one for one in found if one.version == EFFICIENCY_VERSION]


def write(path: Path, rounds: Sequence[Timings]) -> None:
    """Write the file that `read` reads."""
    write_text(path, msgspec.json.encode(rounds).decode() + "\n")
