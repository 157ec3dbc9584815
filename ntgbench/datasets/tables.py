"""Tables with one flow a row, Parquet or CSV: lists of payload lengths and directions, and a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.datasets.columns import Lists, directions, integers, lists, names_of, ppi_lists, same_counts, upstream_of
from ntgbench.datasets.resolving import IMPORT, MILLISECONDS, USUAL, resolve
from ntgbench.errors import DatasetError
from ntgbench.limits import Allowance
from ntgbench.traffic.flow_files import METADATA_KEY
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.notes import WARNING, fill, filled
from ntgbench.traffic.parquet import TEXT_FACTOR, parquet_columns, read_parquet, table_errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

_BLOCK = 16 * 2**20  # bytes of a CSV file that are read at a time; a row must fit


def read_table(
    path: Path, columns: Mapping[str, str] | None = None, upstream: str | None = None, limit: int | None = None
) -> tuple[FlowTable, tuple[str, ...]]:
    """The flows of a Parquet file, or of a CSV file with lists such as "[517, 1448]" or "517 1448" in its cells.

    Args:
        path: a .parquet, .csv or .csv.gz file with a label and the packets' lengths and directions; or signed lengths
            (positive = upstream) without directions, or CESNET's `ppi`, instead of both; iat (or times since the
            first packet) in seconds and a session where it has them.
        columns: column names by what they hold, where they are not the usual ones.
        upstream: the direction that means upstream, where directions are not +1 (upstream) and -1.
        limit: bytes of memory that the columns may expand to; None takes `ntgbench.limits.size_limit()`.

    Returns:
        the flows and notes; rows without a label are left out, see `ntgbench.datasets.columns.names_of`.

    Raises:
        DatasetError: when the table is empty or over the limit, or a column is missing or does not hold what it should,
            naming the column and the row.
    """
    is_csv = not path.name.lower().endswith(".parquet")
    with table_errors(path, is_csv, Allowance(path, limit)):
        if is_csv:
            with _open_csv(path) as reader:
                names = list(reader.schema.names)
        else:
            names = parquet_columns(path)
        held = resolve(names, columns or {}, upstream)
        wanted = list(dict.fromkeys(held.values()))
        table = _read_csv(path, wanted, limit) if is_csv else read_parquet(path, wanted, limit)
        if not len(table):
            raise DatasetError("the table is empty: it has columns but no row, so it holds no usable flow")
        return _flows(table, held, upstream)


def _flows(table: pa.Table, held: Mapping[str, str], upstream: str | None) -> tuple[FlowTable, tuple[str, ...]]:
    # A class of a table that ntgbench wrote may be called as it likes.
    label = names_of(table.column(held["label"]), held["label"], exact=METADATA_KEY in (table.schema.metadata or {}))
    notes: list[str] = []
    labelled = label.code >= 0
    if not labelled.all():
        written = f" ({', '.join(map(repr, label.absent))} among them)" if label.absent else ""
        notes = [f"left out {np.count_nonzero(~labelled):,} of {len(table):,} flows without a label{written}"]
        table = table.filter(labelled)
    if "ppi" in held:
        name = held["ppi"]
        iat: Lists | None
        iat, direction, length = ppi_lists(table.column(name), name)
        length = integers(length, name)
        way = upstream_of(direction, length.values != 0, name, upstream)
    else:
        length, way, iat = _packets(table, held, upstream)
    sent = length.values != 0
    if sent.any() and way[sent].all() and (length.counts > 1).any():
        column = held.get("ppi", held.get("direction", held.get("length")))
        notes.append(f"{WARNING}all packets go upstream by column {column!r}: check that it holds directions")
    session = None
    if "session" in held:
        session = names_of(table.column(held["session"]), held["session"]).code
        if (session < 0).any():
            without = fill("{} [row has|rows have] no session", int(np.count_nonzero(session < 0)))
            raise DatasetError(f"column {held['session']!r}: {without}")
    flows, changes = FlowTable.from_packets(
        counts=length.counts,
        length=length.values,
        upstream=way,
        class_of=label.code[labelled],
        classes=label.names,
        iat=None if iat is None else iat.values,
        session=session,
    )
    return flows, (*notes, *filled(changes))


def _packets(
    table: pa.Table, held: Mapping[str, str], upstream: str | None
) -> tuple[Lists, npt.NDArray[np.bool_], Lists | None]:
    """Lengths, whether each packet goes upstream, and iat in seconds from columns of their own."""
    name = held["length"]
    length = integers(lists(table.column(name), name), name)
    if held.get("direction", name) == name:
        if "direction" not in held and not (length.values < 0).any():
            raise DatasetError(
                f"no column holds the direction: {' or '.join(USUAL['direction'])}, and no length in {name!r} is "
                f"negative, which would mean downstream; `{IMPORT} --column direction=NAME` names the column, "
                f"and --column direction={name} says that lengths are signed"
            )
        length, way = Lists(length.counts, np.abs(length.values)), length.values > 0
    else:
        direction = directions(table.column(held["direction"]), held["direction"])
        same_counts(direction, length, held["direction"], name)
        way = upstream_of(direction, length.values != 0, held["direction"], upstream)
        if (np.sign(length.values) == np.where(way, 1, -1))[length.values != 0].all():
            # Signed lengths beside directions that say the same.
            length = Lists(length.counts, np.abs(length.values))
    timing = held.get("iat", held.get("time"))
    if timing is None:
        return length, way, None
    iat = lists(table.column(timing), timing)
    same_counts(iat, length, timing, name)
    if "iat" not in held:
        iat = Lists(iat.counts, np.diff(iat.values, prepend=0.0))  # the first of a flow is set to 0 in any case
    if timing.lower() == MILLISECONDS:
        iat = Lists(iat.counts, iat.values / 1000)
    return length, way, iat


def _read_csv(path: Path, columns: list[str], limit: int | None = None) -> pa.Table:
    """Columns of a CSV file, plain or compressed, as text; an empty cell is null."""
    import pyarrow as pa
    import pyarrow.csv

    allowance = Allowance(path, limit)
    convert = pyarrow.csv.ConvertOptions(
        include_columns=columns,
        column_types=dict.fromkeys(columns, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
    )
    batches = []
    with _open_csv(path, convert) as reader:
        for batch in reader:
            allowance.take(TEXT_FACTOR * batch.nbytes)
            batches.append(batch)
        return pa.Table.from_batches(batches, reader.schema)


def _open_csv(path: Path, convert: Any = None) -> Any:
    import pyarrow.csv

    return pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=convert,
    )
