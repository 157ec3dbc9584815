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
from ntgbench.traffic.flow_files import METADATA_KEY
from ntgbench.traffic.parquet import read_parquet, unreadable
from ntgbench.traffic.trace import PacketTrace

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


def read_trace_file(path: str | os.PathLike[str]) -> PacketTrace:
    """Read what `write_trace_file` wrote. Raises TrafficError for any other file, and a damaged one."""
    wrong: tuple[type[Exception], ...] = (*unreadable(), DatasetError, ValueError, TypeError, AttributeError)
    try:
        table = read_parquet(Path(path))
        head = json.loads((table.schema.metadata or {}).get(METADATA_KEY, b"{}"))
        if not isinstance(head, dict) or (head.get("kind"), head.get("format")) != (KIND, FORMAT):
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
    known = np.array([_halves(text) for text in held.dictionary.to_pylist()], np.uint64).reshape(-1, 2)
    found: npt.NDArray[np.uint64] = known[held.indices.to_numpy()]
    return found


def _halves(text: str) -> tuple[int, int]:
    address = ipaddress.ip_address(text)
    number = int(address) if address.version == 6 else 0xFFFF << 32 | int(address)
    return number >> 64, number & 0xFFFF_FFFF_FFFF_FFFF


def _address_texts(address: npt.NDArray[np.uint64]) -> pa.DictionaryArray:
    import pyarrow as pa

    from ntgbench.traffic.trace_flows import codes

    code = codes(address[:, 0], address[:, 1])
    _, appears = np.unique(code, return_index=True)
    texts = [str(_shown(int(high), int(low))) for high, low in address[appears]]
    return pa.DictionaryArray.from_arrays(pa.array(code.astype(np.int32)), pa.array(texts, pa.string()))


def _shown(high: int, low: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if high == 0 and low >> 32 == 0xFFFF:
        return ipaddress.IPv4Address(low & 0xFFFF_FFFF)
    return ipaddress.IPv6Address(high << 64 | low)
