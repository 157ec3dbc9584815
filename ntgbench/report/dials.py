"""Dials: systems that differ in one numeric parameter alone, in the order of its value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ntgbench.report.board import Entry


@dataclass(frozen=True)
class Dial:
    """One parameter of one system, all others the same.

    Attributes:
        system: its display name without the parameter.
        parameter: the parameter's name.
        settings: the values, at least two, ascending, and the system at each.
    """

    system: str
    parameter: str
    settings: tuple[tuple[float, Entry], ...]

    @property
    def title(self) -> str:
        """What changes, and of what."""
        return f"{self.parameter} of {self.system}"


def dials(entries: Iterable[Entry]) -> list[Dial]:
    """All dials by system and parameter. Rows hold every parameter, so that no plugin is asked for its defaults."""
    gathered: dict[tuple[str, ...], dict[float, Entry]] = {}
    for entry in entries:
        row = entry.rows[0]
        for name, value in row["params"].items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                others = json.dumps({key: other for key, other in row["params"].items() if key != name}, sort_keys=True)
                own = (_without(row["system"], name), name, row["distribution"], row["distribution_version"], others)
                gathered.setdefault(own, {})[value] = entry
    return [
        Dial(system, parameter, tuple(sorted(own.items())))
        for (system, parameter, *_), own in sorted(gathered.items())
        if len(own) > 1
    ]


def _without(system: str, parameter: str) -> str:
    """A display name without one of its parameters."""
    name, _, body = system.removesuffix("]").partition("[")
    rest = [part for part in body.split(",") if part and part.partition("=")[0] != parameter]
    return f"{name}[{','.join(rest)}]" if rest else name
