"""Parquet files, read no further than an allowance of memory goes."""

from __future__ import annotations

import contextlib
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from ntgbench.errors import DatasetError
from ntgbench.limits import Allowance, memory_limit
from ntgbench.words import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

TEXT_FACTOR = 16  # bytes of memory that a byte of text takes while its numbers are read

_VALUE_BYTES = 16  # of memory that a number of a list takes while it is read: as stored, and as int64 or float64
_BATCH_ROWS = 65_536
_BATCH_BYTES = 64 * 2**20  # of memory for the rows that are read at a time where they are not kept
_BUFFER = 2**18  # bytes of a column that are read from the disk at a time; without it, all of a row group
_FEW_ROWS = 256  # read at a time where a text that repeats is written out
_DICTIONARY_ENCODINGS = {"PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BIT_PACKED"}  # that pyarrow can keep
_OVERHEAD = 2**31  # bytes of memory that opening a file, or reading the first row of a row group, may take


def parquet_schema(path: Path) -> pa.Schema:
    """The columns and their types. Raises an error that `unreadable` lists for a file that is not Parquet."""
    import pyarrow.parquet as pq

    with memory_limit(_OVERHEAD):
        return pq.read_schema(path)


def parquet_columns(path: Path) -> list[str]:
    """The names of the columns, as `parquet_schema`."""
    return list(parquet_schema(path).names)


def read_parquet(
    path: Path, columns: Sequence[str] | None = None, limit: int | None = None, rows: int | None = None
) -> pa.Table:
    """Columns of a Parquet file, all when None, see `parquet_batches`.

    Args:
        path: the file.
        columns: names of columns.
        limit: bytes that the columns may expand to; None takes `size_limit()`.
        rows: the first so many rows are read; None reads all.
    """
    import pyarrow as pa

    allowance, held = Allowance(path, limit), Allowance(path, limit)
    with memory_limit(2 * allowance.limit + _OVERHEAD):
        batches = []
        read = 0
        for batch in parquet_batches(path, columns, allowance, whole=rows is None):
            batches.append(batch)
            read += len(batch)
            if rows is not None:
                held.take(allowance.taken)  # of this batch
                if read >= rows:
                    break
        if batches:
            return pa.Table.from_batches(batches).slice(0, rows)
        schema = parquet_schema(path)
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns], schema.metadata)
        return pa.Table.from_batches([], schema)


def parquet_batches(
    path: Path, columns: Sequence[str] | None, allowance: Allowance, whole: bool = True
) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, some at a time; a column of text is held as a dictionary where the file allows it.

    The numbers of values that the file declares are checked before anything is read, for its size says little: a value
    that repeats a thousand million times takes some bytes. What is really there is counted while it is read.

    Args:
        path: the file.
        columns: names of columns, all when None.
        allowance: bytes that the columns may expand to; what is read is added to what it has counted.
        whole: whether all rows must be within the allowance together, or those that are read at a time.

    Raises:
        DatasetError: above the limit.
        pyarrow.ArrowException or another error that `unreadable` lists: for a damaged file.
    """
    import pyarrow.parquet as pq

    limited = partial(memory_limit, 2 * allowance.limit + _OVERHEAD)
    with limited():
        metadata = pq.read_metadata(path)
        leaves = [metadata.schema.column(place) for place in range(metadata.num_columns)]
        wanted = [
            place
            for place, leaf in enumerate(leaves)
            if columns is None or any(leaf.path == name or leaf.path.startswith(f"{name}.") for name in columns)
        ]
        groups = [group for group in range(metadata.num_row_groups) if metadata.row_group(group).num_rows > 0]
        with pq.ParquetFile(path, buffer_size=_BUFFER) as file:
            # pyarrow opens the column chunks here, and raises an error where their metadata is damaged. Without that,
            # asking for the same metadata from Python ends the process: pyarrow does not catch the C++ exception.
            for group in groups:
                with memory_limit(_OVERHEAD):
                    next(file.iter_batches(1, [group], columns, use_threads=False), None)
    declared = [sum(_declared(metadata, group, place) for place in wanted) for group in groups]
    texts = [place for place in wanted if leaves[place].physical_type == "BYTE_ARRAY"]
    repeating = [
        place
        for place in texts
        if all(set(metadata.row_group(group).column(place).encodings) <= _DICTIONARY_ENCODINGS for group in groups)
    ]
    rows = _BATCH_ROWS if repeating == texts else _FEW_ROWS
    before = allowance.taken
    if whole:
        allowance.take(sum(declared))
    else:
        sizes = (size / metadata.row_group(group).num_rows for size, group in zip(declared, groups, strict=True))
        widest = max(sizes, default=0)
        few = min(_BATCH_BYTES, allowance.limit // 4)
        rows = int(max(1, min(rows, few // max(widest, 1))))
        allowance.take(int(widest * rows))
    allowance.taken = before
    repeated = [leaves[place].path for place in repeating]
    with pq.ParquetFile(path, read_dictionary=repeated, buffer_size=_BUFFER) as file:
        # Group by group, as pyarrow keeps what it has read of all groups that it is given until the last one ends.
        parts = (file.iter_batches(rows, [group], columns, use_threads=False) for group in groups)
        batches = chain.from_iterable(parts)
        while True:
            with limited():
                batch = next(batches, None)
                if batch is None:
                    return
                batch.validate(full=True)
                allowance.taken *= whole
                allowance.take(sum(map(_expanded, batch.columns)))
            yield batch


def _declared(metadata: pa.parquet.FileMetaData, group: int, place: int) -> int:
    """Bytes of memory that the values of a column chunk take, by what the file declares."""
    chunk = metadata.row_group(group).column(place)
    width = max(_VALUE_BYTES, metadata.schema.column(place).length or 0)
    # A damaged file may declare a number below 0.
    return int(max(chunk.num_values * width, chunk.total_uncompressed_size, 0))


def _expanded(column: pa.Array) -> int:
    """Bytes of memory that a column takes when its dictionaries are written out and its text is read as numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_list(column.type):
        return int(column.nbytes) + _expanded(pc.list_flatten(column))
    if pa.types.is_dictionary(column.type) and len(column.dictionary) and _is_text(column.type.value_type):
        sizes = pc.take(pc.binary_length(column.dictionary), column.indices)
        return TEXT_FACTOR * int(pc.sum(sizes.cast(pa.int64())).as_py() or 0)
    return int(column.nbytes) * (TEXT_FACTOR if _is_text(column.type) else 1)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind))


def is_list(kind: pa.DataType) -> bool:
    """Whether a column type is a list of any kind."""
    import pyarrow as pa

    tests = ("list", "large_list", "fixed_size_list", "list_view", "large_list_view")
    return any(getattr(pa.types, f"is_{test}")(kind) for test in tests)


def unreadable() -> tuple[type[Exception], ...]:
    """What pyarrow raises for damaged files, beside OSError."""
    import pyarrow as pa

    arrow: type[Exception] = pa.ArrowException
    return (arrow, MemoryError, OverflowError, UnicodeError, KeyError, RuntimeError)


@contextlib.contextmanager
def table_errors(path: Path, is_csv: bool, allowance: Allowance) -> Iterator[None]:
    """What reading the table at `path` raises in the block becomes a DatasetError that names it; an empty file too."""
    damaged = f"{path} is not a readable {'CSV' if is_csv else 'Parquet'} table"
    try:
        if path.is_file() and not path.stat().st_size:
            raise DatasetError("the file is empty, it has 0 bytes")
        yield
    except DatasetError as error:
        if str(error).startswith(printable(str(path))):  # it names this file, or one in this folder
            raise
        raise DatasetError(f"{path}: {error}") from error
    except MemoryError as error:
        raise DatasetError(f"{path}: its content needs too much memory, {allowance.advice()}") from error
    except unreadable() as error:
        raise DatasetError(f"{damaged}: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise DatasetError(f"{damaged}: {error}") from error
