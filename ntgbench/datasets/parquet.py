"""Parquet files, read no further than an allowance goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.datasets.limits import Allowance, memory_limit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

_BATCH_ROWS = 65_536

_VALUE_BYTES = 16
"""Memory that a number of a list takes while it is read: as it is stored, and as int64 or float64."""

TEXT_FACTOR = 16
"""Bytes of memory that a byte of text takes while its numbers are read."""


def parquet_columns(path: Path) -> list[str]:
    """The names of the columns. Raises an error that `unreadable` lists for a file that is no Parquet."""
    import pyarrow.parquet as pq

    with memory_limit(2**31):
        return list(pq.read_schema(path).names)


def read_parquet(path: Path, columns: Sequence[str] | None = None, limit: int | None = None) -> pa.Table:
    """Columns of a Parquet file, all when None; text that stands for itself is held as a dictionary.

    The numbers of values that the file declares are checked before anything is read, for its size says little: a value
    that repeats a thousand million times takes some bytes. What is really there is counted on the way.

    Args:
        path: the file.
        columns: names of columns.
        limit: bytes that the columns may expand to; None takes `size_limit()`.

    Raises:
        DatasetError: above the limit.
        pyarrow.ArrowException or another error that `unreadable` lists: for a damaged file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    allowance = Allowance(path, limit)
    with memory_limit(2 * allowance.limit + 2**31):
        texts = _declared(pq.read_metadata(path), columns, allowance)
        allowance.taken = 0
        batches = []
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            schema = file.schema_arrow
            for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
                allowance.take(sum(map(_expanded, batch.columns)))
                batches.append(batch)
                schema = batch.schema
        if not batches and columns is not None:
            schema = pa.schema([schema.field(name) for name in columns], schema.metadata)
        table = pa.Table.from_batches(batches, schema)
        table.validate(full=True)
        return table


def _declared(metadata: pa.parquet.FileMetaData, columns: Sequence[str] | None, allowance: Allowance) -> list[str]:
    """Count the values that the file declares; gives the paths of its columns of text."""
    texts = []
    for place in range(metadata.num_columns):
        about = metadata.schema.column(place)
        if columns is not None and not any(about.path == name or about.path.startswith(f"{name}.") for name in columns):
            continue
        if about.physical_type == "BYTE_ARRAY":
            texts.append(about.path)
        width = max(_VALUE_BYTES, about.length or 0)
        for group in range(metadata.num_row_groups):
            chunk = metadata.row_group(group).column(place)
            # A damaged file may declare a number below 0.
            allowance.take(max(chunk.num_values * width, chunk.total_uncompressed_size, 0))
    return texts


def _expanded(column: pa.Array) -> int:
    """Bytes of memory that a column takes when its dictionaries are written out and its text is read as numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ntgbench.datasets.columns import is_list

    if is_list(column.type):
        return int(column.nbytes) + _expanded(pc.list_flatten(column))
    if not pa.types.is_dictionary(column.type) or not len(column.dictionary):
        return int(column.nbytes)
    kind = column.type.value_type
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        sizes = pc.take(pc.binary_length(column.dictionary), column.indices)
        return TEXT_FACTOR * int(pc.sum(sizes.cast(pa.int64())).as_py() or 0)
    return int(column.nbytes)


def unreadable() -> tuple[type[Exception], ...]:
    """What pyarrow raises for damaged files, beside OSError."""
    import pyarrow as pa

    arrow: type[Exception] = pa.ArrowException
    return (arrow, MemoryError, OverflowError, UnicodeError, KeyError, RuntimeError)
