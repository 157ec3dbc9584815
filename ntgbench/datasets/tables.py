"""Tables with one flow a row, Parquet or CSV: lists of payload lengths and directions, and a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.datasets.cesnet import split_ppi
from ntgbench.datasets.columns import Lists, lists, row_of, same_counts, whole
from ntgbench.errors import DatasetError
from ntgbench.parameters import suggestion
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.notes import counted, filled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

_USUAL: dict[str, tuple[str, ...]] = {
    "label": ("app", "label"),
    "length": ("pkts_len", "pkts_size", "ppi_size"),
    "direction": ("pkts_dir", "ppi_dir"),
    "gap": ("pkts_iat", "ppi_ipt"),
    "time": ("timetofirst", "pkts_timetofirst"),
    "session": ("session",),
    "ppi": ("ppi",),
}
"""Usual names of the columns, in any case, by what they hold: ours, tcbench's and those of CESNET."""

_MILLISECONDS = "ppi_ipt"


def read_table(path: Path, columns: Mapping[str, str] | None = None) -> tuple[FlowTable, tuple[str, ...]]:
    """The flows of a Parquet file, or of a CSV file with lists such as "[517, 1448]" or "517 1448" in its cells.

    Args:
        path: a .parquet, .csv or .csv.gz file with a label, the packets' lengths and directions, or CESNET's `ppi` in
            their place; gaps (or times since the first packet) in seconds and a session where it has them.
        columns: column names by what they hold, where they are not the usual ones.

    Returns:
        the flows and notes; rows without a label are left out.

    Raises:
        DatasetError: when a column is missing or does not hold what it should, naming the column and the row.
    """
    import pyarrow as pa

    is_csv = not path.name.lower().endswith(".parquet")
    try:
        held = _resolve(_column_names(path, is_csv), columns or {})
        table = _read_columns(path, is_csv, list(held.values()))
        return _flows(table, held)
    except pa.ArrowException as error:
        raise DatasetError(f"{path} is no readable {'CSV' if is_csv else 'Parquet'} table: {error}") from error
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from error


def _flows(table: pa.Table, held: Mapping[str, str]) -> tuple[FlowTable, tuple[str, ...]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    label = table.column(held["label"]).cast(pa.string())
    notes: tuple[str, ...] = ()
    if label.null_count:
        labelled = pc.is_valid(label)
        notes = (f"left out {label.null_count:,} of {len(label):,} flows without a label",)
        table, label = table.filter(labelled), label.filter(labelled)
    length, direction, gap = _ppi(table, held) if "ppi" in held else _packets(table, held)
    names = label.combine_chunks().dictionary_encode()
    flows, changes = FlowTable.from_packets(
        counts=length.counts,
        length=length.values,
        upstream=_upstream(length, direction, held.get("direction", held.get("ppi", ""))),
        app=names.indices.to_numpy(),
        classes=names.dictionary.to_pylist(),
        iat=None if gap is None else gap.values,
        session=_session(table, held),
    )
    return flows, (*notes, *counted(changes))


def _packets(table: pa.Table, held: Mapping[str, str]) -> tuple[Lists, Lists, Lists | None]:
    """Lengths, directions and gaps in seconds from columns of their own."""
    length = whole(lists(table.column(held["length"]), held["length"]), held["length"])
    direction = whole(lists(table.column(held["direction"]), held["direction"]), held["direction"])
    same_counts(direction, length, held["direction"], held["length"])
    timing = held.get("gap", held.get("time"))
    if timing is None:
        return length, direction, None
    gap = lists(table.column(timing), timing)
    same_counts(gap, length, timing, held["length"])
    if "gap" not in held:
        gap = Lists(gap.counts, np.diff(gap.values, prepend=0.0))  # the first gap of a flow is set to 0 in any case
    if timing.lower() == _MILLISECONDS:
        gap = Lists(gap.counts, gap.values / 1000)
    return length, direction, gap


def _ppi(table: pa.Table, held: Mapping[str, str]) -> tuple[Lists, Lists, Lists | None]:
    gap, direction, length = split_ppi(table.column(held["ppi"]), held["ppi"])
    return whole(length, held["ppi"]), whole(direction, held["ppi"]), gap


def _upstream(length: Lists, direction: Lists, name: str) -> npt.NDArray[np.bool_]:
    """Which packets go upstream, from +1 (upstream) and -1, or from 0 (upstream) and 1, bool (packets,)."""
    upstream: npt.NDArray[np.bool_]
    sent = direction.values[length.values > 0]
    if np.isin(sent, (1, -1)).all():
        upstream = direction.values == 1
    elif np.isin(sent, (0, 1)).all():
        upstream = direction.values == 0
    else:
        odd = ~np.isin(direction.values, (1, -1)) & (length.values > 0)
        raise DatasetError(
            f"column {name!r}, row {row_of(direction.counts, odd)}: a direction is +1 (upstream) or -1, "
            f"or 0 (upstream) or 1, the same way in all rows; found {np.unique(sent)[:5].tolist()}"
        )
    return upstream


def _session(table: pa.Table, held: Mapping[str, str]) -> npt.NDArray[np.int32] | None:
    import pyarrow as pa

    if "session" not in held:
        return None
    column = table.column(held["session"])
    if column.null_count:
        raise DatasetError(
            f"column {held['session']!r}: {filled('{} [row has|rows have] no session', column.null_count)}"
        )
    codes: npt.NDArray[np.int32] = column.cast(pa.string()).combine_chunks().dictionary_encode().indices.to_numpy()
    return codes


def _resolve(names: list[str], given: Mapping[str, str]) -> dict[str, str]:
    """The column for each thing that the table holds."""
    for what, column in given.items():
        if what not in _USUAL:
            raise DatasetError(f"a table has no {what!r}; {suggestion(what, _USUAL)}")
        if column not in names:
            raise DatasetError(f"there is no column {column!r}; {suggestion(column, names)}")
    folded = {name.lower(): name for name in reversed(names)}
    held = {}
    for what, usual in _USUAL.items():
        found = [folded[name] for name in usual if name in folded]
        if what in given or found:
            held[what] = given[what] if what in given else found[0]
    # A cell with all three lists stands for the separate columns, unless these are there or asked for.
    if "length" in held and "direction" in held and "ppi" not in given:
        held.pop("ppi", None)
    needed = ["label"] if "ppi" in held else ["label", "length", "direction"]
    missing = [what for what in needed if what not in held]
    if missing:
        known = "; ".join(f"{what}: {' or '.join(_USUAL[what])}" for what in missing)
        raise DatasetError(f"no column holds the {known}. There are {', '.join(names)}; say which one holds it")
    if "ppi" in held:
        held = {what: held[what] for what in ("label", "session", "ppi") if what in held}
    return held


def _column_names(path: Path, is_csv: bool) -> list[str]:
    import pyarrow.csv
    import pyarrow.parquet

    if not is_csv:
        return list(pyarrow.parquet.read_schema(path).names)
    # One batch is enough for the header.
    with pyarrow.csv.open_csv(path, parse_options=_csv()) as reader:
        return list(reader.schema.names)


def _read_columns(path: Path, is_csv: bool, names: list[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if not is_csv:
        return pyarrow.parquet.ParquetFile(path).read(columns=names)
    convert = pyarrow.csv.ConvertOptions(
        include_columns=names,
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
    )
    return pyarrow.csv.read_csv(path, parse_options=_csv(), convert_options=convert)


def _csv() -> Any:
    import pyarrow.csv

    return pyarrow.csv.ParseOptions(newlines_in_values=True)
