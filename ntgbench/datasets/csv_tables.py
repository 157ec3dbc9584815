"""CSV files, also gzipped, as text; read no further than an allowance goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ntgbench.datasets.parquet import TEXT_FACTOR
from ntgbench.limits import Allowance

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

_BLOCK = 16 * 2**20
"""Bytes that are read at a time; a row must fit."""


def csv_columns(path: Path) -> list[str]:
    """The names in the first row. Raises pyarrow.ArrowInvalid for a file that is no CSV."""
    with _open(path) as reader:
        return list(reader.schema.names)


def read_csv(path: Path, columns: list[str], limit: int | None = None) -> pa.Table:
    """Columns of a CSV file as text; an empty cell is null.

    Args:
        path: a .csv file, or a compressed one such as .csv.gz.
        columns: names of columns.
        limit: bytes that the columns may expand to; None takes `size_limit()`.

    Raises:
        DatasetError: above the limit.
        pyarrow.ArrowInvalid: for a file that is no CSV.
    """
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
    with _open(path, convert) as reader:
        for batch in reader:
            allowance.take(TEXT_FACTOR * batch.nbytes)
            batches.append(batch)
        return pa.Table.from_batches(batches, reader.schema)


def _open(path: Path, convert: Any = None) -> Any:
    import pyarrow.csv

    return pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=convert,
    )
