"""What the rounds of one system have timed so far; one process hands it to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ntgbench.efficiency.settings import EFFICIENCY_VERSION


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


def rounds_of(earlier: Mapping[str, Any]) -> list[Timings]:
    """The rounds that `add` has added; none when they are damaged or of another version of the suite."""
    try:
        found = msgspec.convert(earlier.get("rounds", []), list[Timings], strict=False)
    except msgspec.ValidationError:
        return []
    return [one for one in found if one.version == EFFICIENCY_VERSION]


def add(earlier: dict[str, Any], timings: Timings) -> None:
    """Add a round to what the suite keeps of earlier ones."""
    rounds = [*rounds_of(earlier), timings]
    earlier["rounds"] = msgspec.to_builtins(rounds, str_keys=True)
