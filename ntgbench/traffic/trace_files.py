"""The Parquet files of packet traces that ntgbench writes: one row a packet, addresses as text."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError, TrafficError
from ntgbench.files import replacing
from ntgbench.limits import Allowance, memory_limit
from ntgbench.traffic.flow_files import METADATA_KEY
from ntgbench.traffic.parquet import parquet_batches, read_parquet, unreadable
from ntgbench.traffic.trace import PacketTrace, ipv4_address, is_ipv4

if TYPE_CHECKING:
    import os

    import pyarrow as pa

FORMAT = 1
"""Version of the layout of these files."""

KIND = "packet trace"

COLUMNS = {
    "time_ns": "time_ns",
    "srcip": "source",
    "dstip": "destination",
    "srcport": "source_port",
    "dstport": "destination_port",
    "proto": "protocol",
    "pkt_len": "ip_length",
    "payload_len": "payload_length",
    "ttl": "ttl",
    "tcp_flags": "tcp_flags",
    "tcp_seq": "tcp_sequence",
    "tcp_ack": "tcp_acknowledgement",
    "tos": "tos",
    "id": "ip_id",
    "ip_flags": "ip_flags",
    "off": "fragment_offset",
}
"""The column of `PacketTrace` that each column of a file holds."""

_ADDRESSES = ("srcip", "dstip")

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_DOTTED = rf"^{_OCTET}(\.{_OCTET}){{3}}$"


def write_trace_file(trace: PacketTrace, path: str | os.PathLike[str]) -> None:
    """Write a trace without loss; the file appears whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {
        name: _address_texts(getattr(trace, column)) if name in _ADDRESSES else pa.array(getattr(trace, column))
        for name, column in COLUMNS.items()
    }
    metadata = {METADATA_KEY: json.dumps({"kind": KIND, "format": FORMAT})}
    with replacing(Path(path)) as temporary:
        pq.write_table(
            pa.table(table).replace_schema_metadata(metadata),
            temporary,
            compression="zstd",
            use_dictionary=list(_ADDRESSES),
            column_encoding={"time_ns": "DELTA_BINARY_PACKED"},
        )


def is_trace_file(path: str | os.PathLike[str]) -> bool:
    """Whether a Parquet file says that it is one of these; False for a file that is damaged."""
    import pyarrow.parquet as pq

    wrong: tuple[type[Exception], ...] = (*unreadable(), OSError, ValueError)
    try:
        with memory_limit(2**31):
            return bool(_head(pq.read_schema(path)).get("kind") == KIND)
    except wrong:
        return False


def _head(schema: pa.Schema) -> dict[str, Any]:
    head = json.loads((schema.metadata or {}).get(METADATA_KEY, b"{}"))
    return head if isinstance(head, dict) else {}


def longer_than(path: Path, packets: int) -> int | None:
    """How many packets one of these files holds, when there are more than `packets` and they are in order of time.

    None otherwise, and for a file that is damaged.
    """
    import pyarrow.parquet as pq

    wrong: tuple[type[Exception], ...] = (*unreadable(), OSError, DatasetError, ValueError)
    try:
        with memory_limit(2**31):
            count = int(pq.read_metadata(path).num_rows)
        last = np.int64(np.iinfo(np.int64).min)
        for batch in parquet_batches(path, ["time_ns"], Allowance(path), whole=False) if count > packets else ():
            times = batch.column(0).to_numpy()
            if (times < np.append(last, times[:-1])).any():
                return None
            last = times[-1]
    except wrong:
        return None
    return count if count > packets else None


def read_trace_file(path: str | os.PathLike[str], limit: int | None = None, packets: int | None = None) -> PacketTrace:
    """Read what `write_trace_file` wrote. Raises TrafficError for any other file, a damaged one, or one over the limit.

    Args:
        path: the file.
        limit: bytes of memory that the columns may expand to; None takes `ntgbench.limits.size_limit()`.
        packets: the first so many are read; None reads all.
    """
    wrong: tuple[type[Exception], ...] = (*unreadable(), OSError, DatasetError, ValueError, TypeError, AttributeError)
    try:
        table = read_parquet(Path(path), limit=limit, rows=packets)
        head = _head(table.schema)
        if (head.get("kind"), head.get("format")) != (KIND, FORMAT):
            raise TrafficError(f"{path} is not a packet trace of format {FORMAT}")
        missing = [name for name in COLUMNS if name not in table.column_names]
        if missing:
            raise TrafficError(f"{path} has no column {', '.join(missing)}")
        columns: dict[str, Any] = {}
        for name, column in COLUMNS.items():
            held = table.column(name)
            columns[column] = addresses(held) if name in _ADDRESSES else held.to_numpy()
    except TrafficError:
        raise
    except wrong as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise TrafficError(f"{path} cannot be read: {error}") from error
    try:
        return PacketTrace(**columns)
    except TrafficError as error:
        raise TrafficError(f"{path}: {error}") from error


def addresses(texts: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Addresses as text, IPv4 or IPv6, as `PacketTrace` holds them, uint64 (N, 2).

    Raises ValueError for the first text that is not an address.
    """
    import pyarrow as pa

    held = texts.combine_chunks()
    if not pa.types.is_dictionary(held.type):
        held = held.dictionary_encode()
    if held.null_count:
        raise ValueError("an address is missing")
    found: npt.NDArray[np.uint64] = address_halves(held.dictionary)[held.indices.to_numpy()]
    return found


def address_halves(texts: pa.Array) -> npt.NDArray[np.uint64]:
    """Addresses as text without a null, as `addresses` gives them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = np.zeros((len(texts), 2), np.uint64)
    dotted = pc.match_substring_regex(texts, _DOTTED).to_numpy(zero_copy_only=False)
    if dotted.any():
        octets = pc.list_flatten(pc.split_pattern(texts.filter(pa.array(dotted)), ".")).cast(pa.uint8()).to_numpy()
        known[dotted] = ipv4_address(octets.reshape(-1, 4).view(">u4")[:, 0].astype(np.uint32))
    others = texts.filter(pa.array(~dotted)).to_pylist()
    known[~dotted] = np.array([_halves(text) for text in others], np.uint64).reshape(-1, 2)
    return known


def _halves(text: str) -> tuple[int, int]:
    address = ipaddress.ip_address(text)
    number = int(address) if address.version == 6 else 0xFFFF << 32 | int(address)
    return number >> 64, number & 0xFFFF_FFFF_FFFF_FFFF


def _address_texts(address: npt.NDArray[np.uint64]) -> pa.DictionaryArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    from ntgbench.traffic.trace_flows import codes

    code = codes(address[:, 0], address[:, 1])
    _, appears = np.unique(code, return_index=True)
    distinct = address[appears]
    short = is_ipv4(distinct)
    texts = np.empty(len(distinct), object)
    octets = (distinct[short, 1] & np.uint64(0xFFFF_FFFF)).astype(">u4").view(np.uint8).reshape(-1, 4)
    dotted = pc.binary_join_element_wise(*(pa.array(column).cast(pa.string()) for column in octets.T), ".")
    texts[short] = dotted.to_numpy(zero_copy_only=False)
    texts[~short] = [str(ipaddress.IPv6Address(int(high) << 64 | int(low))) for high, low in distinct[~short]]
    return pa.DictionaryArray.from_arrays(pa.array(code.astype(np.int32)), pa.array(texts, pa.string()))
