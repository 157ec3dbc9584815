"""Which column of a table holds what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.errors import DatasetError
from ntgbench.words import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USUAL: dict[str, tuple[str, ...]] = {
    "label": ("app", "label"),
    "length": ("pkts_len", "pkts_size", "ppi_size", "signed_pl"),
    "direction": ("pkts_dir", "ppi_dir"),
    "iat": ("pkts_iat", "ppi_ipt"),
    "time": ("timetofirst", "pkts_timetofirst"),
    "session": ("session",),
    "ppi": ("ppi",),
}
"""Usual names of the columns, in any case, by what they hold: ours, tcbench's and those of CESNET."""

MILLISECONDS = "ppi_ipt"
"""The column whose iat are in milliseconds; those of the others are in seconds."""

IMPORT = "ntgbench datasets import"

_SHOWN = 20


def resolve(names: Sequence[str], given: Mapping[str, str], upstream: str | None = None) -> dict[str, str]:
    """The column for each thing that a table with columns `names` holds.

    Args:
        names: the table's columns.
        given: columns that the user has named, by what they hold.
        upstream: what the user has said about directions, see `read_table`.

    Raises:
        DatasetError: when a column is missing, is there twice, or is not needed.
    """
    for what, column in given.items():
        if what not in USUAL:
            raise DatasetError(f"a table has no {what!r}; {suggestion(what, USUAL)}")
        if column not in names:
            raise DatasetError(f"there is no column {column!r}; {_known(column, names)}")
    folded = {name.lower(): name for name in reversed(names)}
    held = {}
    for what, usual in USUAL.items():
        found = [folded[name] for name in usual if name in folded]
        if what in given or found:
            held[what] = given[what] if what in given else found[0]
    # A cell with all three lists stands for the separate columns, unless these are there or asked for.
    if "length" in held and "direction" in held and "ppi" not in given:
        held.pop("ppi", None)
    needed = ["label"] if "ppi" in held else ["label", "length"]
    if "ppi" not in held and "length" not in held:  # signed lengths need no directions
        needed.append("direction")
    missing = [what for what in needed if what not in held]
    if missing:
        known = "; ".join(f"{what}: {' or '.join(USUAL[what])}" for what in missing)
        options = " ".join(f"--column {what}=NAME" for what in missing)
        raise DatasetError(
            f"no column holds the {known}. There are {_listed(names)}; `{IMPORT} {options}` names the column that does"
        )
    if "ppi" in held:
        held = {what: held[what] for what in ("label", "session", "ppi") if what in held}
    twice = [column for column in held.values() if names.count(column) > 1]
    if twice:
        raise DatasetError(f"there are {names.count(twice[0])} columns called {twice[0]!r}")
    if upstream is not None and "ppi" not in held and held.get("direction", held["length"]) == held["length"]:
        raise DatasetError("--upstream is about a column of directions; this table has none")
    return held


def _known(column: str, names: Sequence[str]) -> str:
    return suggestion(column, names) if len(names) <= _SHOWN else f"there are {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}" if names else "none"
