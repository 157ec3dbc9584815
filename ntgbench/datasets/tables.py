"""Tables with one flow a row, Parquet or CSV: lists of payload lengths and directions, and a label.

A table is read twice, as a stream: first its labels and sessions, then its packets.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.datasets.columns import Names, compacted, integers, lists, names_of, ppi_lists
from ntgbench.datasets.resolving import resolve
from ntgbench.datasets.table_files import TableFiles
from ntgbench.datasets.table_packets import PacketReader
from ntgbench.errors import DatasetError
from ntgbench.limits import GIB, VARIABLE, Allowance, size_limit
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.notes import clipped, fill
from ntgbench.traffic.parquet import table_errors
from ntgbench.traffic.transport import KINDS, Transport
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from ntgbench.tracks.biflows.splits import Thinning

Mask = npt.NDArray[np.bool_]
Notes = tuple[str, ...]

_PACKET_BYTES = 16  # of memory for a packet of a biflow while biflows are made


@dataclass(frozen=True)
class _Scan:
    """What the first reading of a table tells.

    Attributes:
        label: of all rows.
        session: int32 (labelled rows,) or None.
        notes: on rows without a label.
    """

    label: Names
    session: npt.NDArray[np.int32] | None
    notes: Notes

    def labelled(self) -> npt.NDArray[np.int32]:
        """The label of each labelled row."""
        return self.label.code[self.label.code >= 0]


def read_table(
    path: Path,
    columns: Mapping[str, str] | None = None,
    upstream: str | None = None,
    limit: int | None = None,
    files: Sequence[Path] | None = None,
) -> tuple[FlowTable, Notes]:
    """The flows of a Parquet file, or of a CSV file with lists such as "[517, 1448]" or "517 1448" in its cells.

    Args:
        path: a .parquet, .csv or .csv.gz file with a label and the packets' lengths and directions; or signed lengths
            (positive = upstream) without directions, or CESNET's `ppi`, instead of both; iat (or times since the
            first packet) in seconds and a session where it has them.
        columns: column names by what they hold, where they are not the usual ones.
        upstream: the direction that means upstream, where directions are not +1 (upstream) and -1.
        limit: bytes of memory that the columns may expand to; None takes `ntgbench.limits.size_limit()`.
        files: the files of the table when `path` is a folder, see `ntgbench.datasets.partitions.parts_of`.

    Returns:
        the flows and notes; rows without a label are left out, see `ntgbench.datasets.columns.names_of`.

    Raises:
        DatasetError: when the table is empty or over the limit, or a column is missing or does not hold what it should,
            naming the column and the row.
    """
    table = TableFiles.of(path, files or [path], limit)
    with _errors(table):
        held = resolve(table.names, columns or {}, upstream)
        scan = _scan(table, held, limit, whole=True)
        reader = PacketReader(held, upstream)
        rows, parts = [], []
        for begin, flows in _flows(table, held, limit, reader, scan, whole=True):
            assert flows.session is not None
            rows.append(begin + flows.session.astype(np.int64))
            parts.append(flows)
        notes = (*scan.notes, *reader.notes())
    kept = np.concatenate(rows)
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    iats = [part.iat for part in parts if part.iat is not None]
    flows = FlowTable(
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        signed_pl=np.concatenate([part.signed_pl for part in parts]),
        label=scan.labelled()[kept],
        classes=scan.label.names,
        iat=np.concatenate(iats) if iats else None,
        session=None if scan.session is None else scan.session[kept],
        transport=Transport.concat([part.transport for part in parts]),
    )
    return flows.compact(), notes


def read_table_biflows(
    path: Path, files: Sequence[Path], packets: int, pl_max: int, thinning: Thinning | None = None
) -> tuple[Biflows, int, float, Notes]:
    """The first packets of each flow of a table with the usual columns, in the memory that they and some rows take.

    Args:
        path: what the user named.
        files: the files of the table.
        packets: as in `FlowTable.to_biflows`.
        pl_max: as there.
        thinning: which biflows are kept; None keeps all.

    Returns:
        the biflows, how many there are without thinning, the share that begins upstream, and notes.

    Raises:
        DatasetError: as `read_table`; or when the biflows need more memory than `ntgbench.limits.size_limit()`.
        TrafficError: for packets or pl_max out of their range.
    """
    table = TableFiles.of(path, files)
    with _errors(table):
        held = resolve(table.names, {})
        scan = _scan(table, held, None, whole=False)
        kept = None
        whole = len(scan.labelled())
        if thinning is not None and whole > thinning.most:
            alive = _alive(table, held, scan.label.code)
            whole = int(np.count_nonzero(alive))
            if whole > thinning.most:
                kept = alive
                kept[alive] = thinning.kept(scan.labelled()[alive])
        count = whole if kept is None else int(np.count_nonzero(kept))
        _refuse_memory(count, packets)
        reader = PacketReader(held, None)
        signed_pl = np.zeros((count, packets), np.int16)
        iat = np.zeros((count, packets), np.float32) if {"iat", "time", "ppi"} & set(held) else None
        rows = np.zeros(count, np.int64)
        transports: list[Transport | None] = []
        filled = there = long = 0
        for begin, flows in _flows(table, held, None, reader, scan, whole=False):
            first = flows.first(packets)
            there += len(first.signed_pl)
            long += int(np.count_nonzero(np.abs(first.signed_pl) > pl_max))
            assert flows.session is not None
            places = begin + flows.session.astype(np.int64)
            if kept is not None:
                first, places = first.select(kept[places]), places[kept[places]]
            made, _ = first.to_biflows(packets, pl_max)
            here = slice(filled, filled + len(made))
            signed_pl[here], rows[here] = made.signed_pl, places
            if iat is not None:
                iat[here] = made.iat
            transports.append(made.transport)
            filled += len(made)
        notes = (*scan.notes, *reader.notes(), *clipped(long, there, pl_max))
    rows = rows[:filled]
    used, label = np.unique(scan.labelled()[rows], return_inverse=True)
    names = [scan.label.names[code] for code in used]
    place = np.argsort(np.argsort(np.array(names, object))).astype(np.int32)
    biflows = Biflows(
        signed_pl=_frozen(signed_pl[:filled]),
        label=place[label],
        classes=tuple(sorted(names)),
        session=None if scan.session is None else scan.session[rows],
        iat=None if iat is None else iat[:filled],
        pl_max=pl_max,
        transport=Transport.concat(transports),
    )
    return biflows, filled if kept is None else whole, reader.upstream_share(), notes


def _frozen(values: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """The same values, which nobody writes to any more: `Biflows` need not copy them."""
    values.flags.writeable = False
    return values


def _scan(table: TableFiles, held: Mapping[str, str], limit: int | None, whole: bool) -> _Scan:
    """Labels and sessions. Raises DatasetError when there is no row, or a labelled row has no session."""
    import pyarrow as pa

    name = held["label"]
    wanted = list(dict.fromkeys(held[what] for what in ("label", "session") if what in held))
    labels: list[pa.Array] = []
    sessions: list[pa.Array] = []
    for batch in table.batches(wanted, limit, whole):
        label = compacted(batch.column(name), name)
        labels.append(label)
        if "session" in held:
            present = names_of(pa.chunked_array([label]), name, exact=table.ours).code >= 0
            session = compacted(batch.column(held["session"]), held["session"])
            sessions.append(session.filter(pa.array(present)))
    rows = sum(map(len, labels))
    if not rows:
        raise DatasetError("the table is empty: it has columns but no row, so it holds no usable flow")
    # A class of a table that ntgbench wrote may be called as it likes.
    names = names_of(_joined(labels, name), name, exact=table.ours)
    notes: Notes = ()
    if without := int(np.count_nonzero(names.code < 0)):
        written = f" ({', '.join(map(repr, names.absent))} among them)" if names.absent else ""
        notes = (f"left out {without:,} of {rows:,} flows without a label{written}",)
    code = None
    if "session" in held:
        code = names_of(_joined(sessions, held["session"]), held["session"]).code
        if (code < 0).any():
            missing = fill("{} [row has|rows have] no session", int(np.count_nonzero(code < 0)))
            raise DatasetError(f"column {held['session']!r}: {missing}")
    return _Scan(names, code, notes)


def _joined(parts: list[pa.Array], name: str) -> pa.ChunkedArray:
    import pyarrow as pa

    kinds = dict.fromkeys(part.type for part in parts)
    if len(kinds) > 1:
        raise DatasetError(f"column {name!r} has several types: {', '.join(map(str, kinds))}")
    return pa.chunked_array(parts)


def _labelled(
    table: TableFiles, columns: Sequence[str], label: npt.NDArray[np.int32], limit: int | None, whole: bool
) -> Iterator[tuple[int, pa.Table]]:
    """The rows with a label, some at a time, with the number of labelled rows before them."""
    import pyarrow as pa

    begin = read = 0
    for batch in table.batches(list(dict.fromkeys(columns)), limit, whole):
        present = label[read : read + len(batch)] >= 0
        read += len(batch)
        rows = pa.Table.from_batches([batch])
        rows = rows if present.all() else rows.filter(pa.array(present))
        yield begin, rows
        begin += len(rows)


def _flows(
    table: TableFiles, held: Mapping[str, str], limit: int | None, reader: PacketReader, scan: _Scan, whole: bool
) -> Iterator[tuple[int, FlowTable]]:
    """The flows of the labelled rows, see `PacketReader.take`, with the number of labelled rows before them."""
    columns = [held[what] for what in held if what not in ("label", "session")]
    columns += [name for name in KINDS if name in table.names and table.names.count(name) == 1]
    for begin, rows in _labelled(table, columns, scan.label.code, limit, whole):
        yield begin, reader.take(rows)


def _alive(table: TableFiles, held: Mapping[str, str], label: npt.NDArray[np.int32]) -> Mask:
    """Which labelled rows have a packet with payload."""
    found = [np.zeros(0, bool)]
    name = held.get("ppi", held.get("length", ""))
    for begin, rows in _labelled(table, [name], label, None, whole=False):
        column = rows.column(name)
        length = ppi_lists(column, name, begin)[2] if "ppi" in held else lists(column, name, begin)
        length = integers(length, name)
        row_of = np.repeat(np.arange(len(rows)), length.counts)
        found.append(np.bincount(row_of[length.values != 0], minlength=len(rows)) > 0)
    return np.concatenate(found)


def _refuse_memory(biflows: int, packets: int) -> None:
    """Raise DatasetError when biflows need more memory than there may be."""
    needed = biflows * _PACKET_BYTES * (packets + 1)
    if needed > size_limit():
        raise DatasetError(
            f"its {pluralised(biflows, 'biflow')} of {pluralised(packets, 'packet')} need {needed / GIB:,.2f} GiB of "
            f"memory, over the limit of {size_limit() / GIB:,.4g} GiB; write a number of biflows such as "
            f"`max_items = 1_000_000` into the protocol's TOML file, and so many are drawn, the same share of each "
            f"class; or raise the limit with {VARIABLE}=GIB"
        )


@contextlib.contextmanager
def _errors(table: TableFiles) -> Iterator[None]:
    is_csv = not table.files[0].name.lower().endswith(".parquet")
    with table_errors(table.path, is_csv, Allowance(table.path)):
        yield
