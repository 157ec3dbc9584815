"""The Parquet files of flows that ntgbench writes.

Columns: app, pkts_len, pkts_dir (+1 upstream, -1); where known, pkts_iat, session and those of `Transport`.

Both functions speak of the columns of a `FlowTable` by name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.errors import DatasetError, TrafficError
from ntgbench.files import replacing
from ntgbench.traffic.parquet import read_parquet, unreadable
from ntgbench.traffic.transport import KINDS, Transport

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy.typing as npt
    import pyarrow as pa

METADATA_KEY = b"ntgbench"  # of the head of our files, as JSON, in the metadata of Parquet


def write_flow_file(
    path: str | os.PathLike[str], columns: Mapping[str, Any], head: Mapping[str, Any] | None = None
) -> None:
    """Write flows, and `head` as metadata of the file, which appears whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def lists(values: npt.NDArray[Any]) -> pa.Array:
        return pa.ListArray.from_arrays(pa.array(columns["offsets"].astype(np.int32)), pa.array(values))

    classes, signed_pl = columns["classes"], columns["signed_pl"]
    table = {
        "app": pa.DictionaryArray.from_arrays(pa.array(columns["label"]), pa.array(classes, pa.string())),
        "pkts_len": lists(np.abs(signed_pl)),
        "pkts_dir": lists(np.sign(signed_pl).astype(np.int8)),
    }
    if columns["iat"] is not None:
        table["pkts_iat"] = lists(columns["iat"])
    if columns["session"] is not None:
        table["session"] = pa.array(columns["session"])
    if columns["transport"] is not None:
        table |= {name: pa.array(getattr(columns["transport"], name)) for name in KINDS}
    metadata = {METADATA_KEY: json.dumps({"classes": classes, **(head or {})})}
    with replacing(Path(path)) as temporary:
        pq.write_table(pa.table(table).replace_schema_metadata(metadata), temporary, compression="zstd")


def read_flow_file(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of a file and its head.

    Raises TrafficError for a file that ntgbench did not write, and one that is damaged or over the limit on its size.
    """
    # What a damaged file, and one of another structure, lead to.
    wrong: tuple[type[Exception], ...] = (*unreadable(), DatasetError, ValueError, TypeError, AttributeError)
    wrong = (*wrong, IndexError, RecursionError)
    try:
        return _read(Path(path))
    except wrong as error:
        why = str(error) or type(error).__name__
        raise TrafficError(f"{path} was not written by ntgbench, or is damaged: {why}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise TrafficError(f"{path} is not a Parquet file: {error}") from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    import pyarrow.parquet as pq

    metadata = pq.read_schema(path).metadata or {}
    if METADATA_KEY not in metadata:
        raise ValueError("its metadata has no key 'ntgbench'")
    head = json.loads(metadata[METADATA_KEY])
    classes = tuple(head["classes"])
    if not all(isinstance(name, str) for name in classes):
        raise TypeError("a class name is not text")
    table = read_parquet(path).combine_chunks()
    names = table.column_names
    lists = ("pkts_len", "pkts_dir", "pkts_iat")
    found = {name: _lists(table.column(name), name) for name in lists if name in names}
    counts, length = found["pkts_len"]
    for name, (others, _) in found.items():
        if not np.array_equal(counts, others):
            raise ValueError(f"the lists of 'pkts_len' and {name!r} differ in length")
    direction = found["pkts_dir"][1]
    if (np.abs(direction) != 1).any() or (length < 1).any() or (length > np.iinfo(np.int32).max).any():
        raise ValueError("a direction is neither +1 nor -1, or a length is not a positive number of 32 bits")
    app = table.column("app").unify_dictionaries().combine_chunks()
    # The file's dictionary may hold the classes in another order, and none that has no flow.
    index = {name: i for i, name in enumerate(classes)}
    code_of = np.array([index[name] for name in app.dictionary.to_pylist()], np.int32)
    return {
        "offsets": np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        "signed_pl": (length * direction).astype(np.int32),
        "label": code_of[app.indices.to_numpy()],
        "classes": classes,
        "iat": found["pkts_iat"][1].astype(np.float32) if "pkts_iat" in found else None,
        "session": table.column("session").to_numpy().astype(np.int32) if "session" in names else None,
        "transport": Transport.of_columns({name: table.column(name).to_numpy() for name in KINDS if name in names}),
    }, head


def _lists(column: pa.ChunkedArray, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """How many numbers each row holds, and all of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type.value_type if pa.types.is_list(column.type) else column.type
    if kind is column.type or not (pa.types.is_integer(kind) or (name == "pkts_iat" and pa.types.is_floating(kind))):
        raise TypeError(f"column {name!r} must hold lists of numbers, not {column.type}")
    values = pc.list_flatten(column)
    if column.null_count or values.null_count:
        raise ValueError(f"column {name!r} has no value in some place")
    numbers = values.to_numpy()
    return (
        pc.list_value_length(column).to_numpy().astype(np.int64),
        numbers if name == "pkts_iat" else numbers.astype(np.int64),
    )
