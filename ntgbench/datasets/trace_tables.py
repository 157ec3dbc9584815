"""Tables with a row for each packet, CSV or Parquet: CascadeNet's and NetShare's columns, and ours."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.datasets.columns import as_text
from ntgbench.datasets.trace_captures import laid_end_to_end
from ntgbench.datasets.trace_columns import addresses, ip_flags, nanoseconds, plain, protocols, times, whole_numbers
from ntgbench.errors import DatasetError
from ntgbench.limits import Allowance
from ntgbench.traffic.notes import SHOWN, filled
from ntgbench.traffic.parquet import parquet_columns, read_parquet, table_errors
from ntgbench.traffic.trace import COLUMN_KINDS, TCP, UDP, PacketTrace, shortest_headers
from ntgbench.words import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

_TIMES: dict[str, int | None] = {"time_ns": 0, "time": None, "timestamp": 9}  # digits, see `nanoseconds`
_ADDRESSES = {"srcip": "source", "dstip": "destination"}
# By column of a table: the column of a trace, and the range of its field in the headers of IPv4 or TCP.
_NEEDED = {
    "srcport": ("source_port", (0, 65535)),
    "dstport": ("destination_port", (0, 65535)),
    "proto": ("protocol", (0, 255)),
    "pkt_len": ("ip_length", (1, 65535)),
    "ttl": ("ttl", (0, 255)),
}
_OPTIONAL = {
    "payload_len": ("payload_length", (0, 65535)),
    "tcp_flags": ("tcp_flags", (0, 255)),
    "tcp_seq": ("tcp_sequence", (0, 2**32 - 1)),
    "tcp_ack": ("tcp_acknowledgement", (0, 2**32 - 1)),
    "tos": ("tos", (0, 255)),
    "id": ("ip_id", (0, 65535)),
    "off": ("fragment_offset", (0, 8191)),
}
_IP_FLAGS = ("flag", "ip_flags")
_OF_FLOWS = {"td", "pkt", "byt", "id.orig_h", "orig_pkts", "dpkts", "flow_duration", "ppi", "pkts_len", "app"}
_BLOCK = 2**22  # bytes of a CSV file that are read at a time; a row must fit

Columns = dict[str, npt.NDArray[Any]]


def read_trace_table(
    path: Path, capture: str | None = None, limit: int | None = None
) -> tuple[PacketTrace, tuple[str, ...]]:
    """The packets of a table in the order of the file, and notes on what was left out or changed.

    The columns are those of CascadeNet and NetShare in any order: srcip, dstip, srcport, dstport, proto, time, pkt_len,
    ttl, and where they are there tos, id, flag, off. Addresses and protocols are numbers or text. `time` is in us since
    1970, or in seconds, see `nanoseconds`; `timestamp`, in its place, is in seconds, and `time_ns` in ns. The other
    columns that `write_trace_file` writes are read too, and all else is passed over. A table with a column `capture`
    holds several captures, see `laid_end_to_end`.

    A packet without an address, a port, a protocol, a time, a length or a TTL is left out, and so is one that is
    neither TCP nor UDP. Fractions are cut off and values out of range are clipped, except those of the time.

    Args:
        path: a .parquet, .csv or .csv.gz file.
        capture: take only the captures whose name begins so, device|capture where there is a column `device`; rows in
            errors are counted among theirs.
        limit: bytes of memory that the columns may expand to; None takes `ntgbench.limits.size_limit()`.

    Raises:
        DatasetError: when the file is empty, damaged or over the limit, a column is missing or does not hold what it
            should, naming the column and the row; or when it holds flows.
    """
    is_csv = not path.name.lower().endswith(".parquet")
    allowance = Allowance(path, limit)
    with table_errors(path, is_csv, allowance):
        names = _csv_columns(path) if is_csv else parquet_columns(path)
        held = _resolved(names)
        if capture is not None and "capture" not in held:
            raise DatasetError("the table has no column capture, so none can be chosen")
        wanted = list(dict.fromkeys(held.values()))
        batches = _csv_batches(path, wanted) if is_csv else iter(read_parquet(path, wanted, limit).to_batches())
        return _trace(batches, held, capture, allowance)


def _resolved(names: list[str]) -> dict[str, str]:
    """The column for each thing that a table with columns `names` holds."""
    folded = {name.strip().lower(): name for name in reversed(names)}
    known = (*_TIMES, *_ADDRESSES, *_NEEDED, *_OPTIONAL, *_IP_FLAGS, "capture", "device")
    held = {name: folded[name] for name in known if name in folded}
    time = [name for name in _TIMES if name in held]
    missing = [name for name in (*_ADDRESSES, *_NEEDED) if name not in held] + ([] if time else ["time"])
    if missing:
        if flows := sorted(_OF_FLOWS & set(folded)):
            raise DatasetError(
                f"a row of this table is a flow (column {', '.join(flows)}), not a packet: the lengths and times of "
                "its packets, which header traces are about, are not in it"
            )
        there = ", ".join(names[:20]) or "none"
        raise DatasetError(f"there is no column {', '.join(missing)}; the columns are {there}")
    for name in time[1:]:
        del held[name]
    twice = [name for name in held.values() if names.count(name) > 1]
    if twice:
        raise DatasetError(f"there are {names.count(twice[0])} columns called {twice[0]!r}")
    return held


def _trace(
    batches: Iterator[pa.RecordBatch], held: Mapping[str, str], capture: str | None, allowance: Allowance
) -> tuple[PacketTrace, tuple[str, ...]]:
    import pyarrow as pa

    changes: Counter[str] = Counter()
    parts: list[Columns] = []
    written: list[pa.Array] = []
    captures: list[pa.Array] = []
    time = next(name for name in _TIMES if name in held)
    rows = 0
    for batch, names in _chosen(batches, held, capture):
        columns, kept = _columns(batch, held, rows, changes)
        written.append(times(batch.column(held[time]), held[time], rows).filter(pa.array(kept)))
        parts.append({name: column[kept] for name, column in columns.items()})
        captures += [] if names is None else [names.filter(pa.array(kept)).dictionary_encode()]
        allowance.take(sum(column.nbytes for column in parts[-1].values()) + written[-1].nbytes)
        rows += len(batch)
    time_ns, timed = nanoseconds(written, _TIMES[time])
    changes[f"left out {{}} [packet|packets]: no {held[time]} between 1824 and 2116"] += int((~timed).sum())
    columns = {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}
    columns["time_ns"] = time_ns
    if not timed.all():
        columns = {name: column[timed] for name, column in columns.items()}
    notes: tuple[str, ...] = ()
    if captures:
        key = pa.chunked_array(captures).unify_dictionaries().combine_chunks().filter(pa.array(timed))
        order, columns["time_ns"], notes = laid_end_to_end(columns["time_ns"], key)
        columns = {name: column if name == "time_ns" else column[order] for name, column in columns.items()}
    _consistent(columns, changes)
    for column in columns.values():
        column.flags.writeable = False  # so that the trace need not copy it
    trace = PacketTrace.of(**columns)
    return trace, (*notes, *filled(changes))


def _chosen(
    batches: Iterator[pa.RecordBatch], held: Mapping[str, str], capture: str | None
) -> Iterator[tuple[pa.RecordBatch, pa.Array | None]]:
    """The rows of the captures that are asked for, and the names of their captures where the table has them."""
    import pyarrow.compute as pc

    read = chosen = 0
    some: list[str] = []
    for batch in batches:
        read += len(batch)
        names: Any = _names(batch, held) if "capture" in held else None
        if capture is not None:
            some = some or names.unique().to_pylist()[:SHOWN]
            of_these = pc.starts_with(names, capture)
            batch, names = batch.filter(of_these), names.filter(of_these)
        chosen += len(batch)
        yield batch, names
    if not read:
        raise DatasetError("the table is empty: it has columns but no row")
    if not chosen:
        known = ", ".join(map(printable, some))
        raise DatasetError(f"no capture has a name that begins with {capture!r}; some are {known}")


def _columns(
    batch: pa.RecordBatch, held: Mapping[str, str], begin: int, changes: Counter[str]
) -> tuple[Columns, npt.NDArray[np.bool_]]:
    """The columns of some rows without the time, and which of the rows are TCP or UDP packets with all they need."""
    kept = np.ones(len(batch), bool)
    columns: Columns = {}

    def needed(name: str, there: npt.NDArray[np.bool_]) -> None:
        changes[f"left out {{}} [packet|packets]: no {name}"] += int((kept & ~there).sum())
        kept[~there] = False

    for name, column in _ADDRESSES.items():
        columns[column], there = addresses(batch.column(held[name]), held[name], begin, changes)
        needed(name, there)
    for name, (column, limits) in {**_NEEDED, **_OPTIONAL}.items():
        if name not in held:
            continue
        part = batch.column(held[name])
        if name == "proto":
            values, there = protocols(part, held[name], begin, changes)
        else:
            values, there = whole_numbers(part, held[name], begin, limits, changes)
        columns[column] = values.astype(COLUMN_KINDS[column][0])
        if name in _NEEDED:
            needed(name, there)
    for name in _IP_FLAGS:
        if name in held:
            values, _ = ip_flags(batch.column(held[name]), held[name], begin, changes)
            columns["ip_flags"] = values.astype(np.uint8)
    other = kept & (columns["protocol"] != TCP) & (columns["protocol"] != UDP)
    changes["left out {} [packet|packets]: neither TCP nor UDP"] += int(other.sum())
    return columns, kept & ~other


def _consistent(columns: Columns, changes: Counter[str]) -> None:
    """Change what contradicts the lengths and the protocol, and count packets that are too short for their headers."""
    udp = columns["protocol"] == UDP
    for name in ("tcp_flags", "tcp_sequence", "tcp_acknowledgement"):
        if name in columns:
            changes[f"set {name} of {{}} UDP [packet|packets] to 0"] += int((udp & (columns[name] != 0)).sum())
            columns[name] = np.where(udp, 0, columns[name]).astype(columns[name].dtype)
    if "payload_length" in columns:
        longest = columns["ip_length"] - 1
        longer = columns["payload_length"] > longest
        changes["cut {} [payload|payloads] to the length of the packet"] += int(longer.sum())
        columns["payload_length"] = np.minimum(columns["payload_length"], longest)
    short = columns["ip_length"] < shortest_headers(columns["protocol"], columns["source"])
    changes["{} [packet is|packets are] too short for [its|their] headers"] += int(short.sum())


def _names(batch: pa.RecordBatch, held: Mapping[str, str]) -> pa.Array:
    """The capture of each row as text: device|capture where a device is named."""
    import pyarrow as pa
    import pyarrow.compute as pc

    named = [plain(batch.column(held[name])) for name in ("device", "capture") if name in held]
    try:
        texts = [pc.fill_null(column.cast(pa.string()), "") for column in named]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DatasetError(f"columns `capture` and `device` must hold text: {error}") from error
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "|")


def _csv_columns(path: Path) -> list[str]:
    with _open_csv(path) as reader:
        return list(reader.schema.names)


def _csv_batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Columns of a CSV file, plain or compressed, as text; an empty cell is null."""
    with _open_csv(path, as_text(columns)) as reader:
        yield from reader


def _open_csv(path: Path, convert: Any = None) -> Any:
    import pyarrow as pa
    import pyarrow.csv

    file = pa.input_stream(str(path), compression="gzip" if path.name.lower().endswith(".gz") else None)
    return pyarrow.csv.open_csv(file, read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK), convert_options=convert)
