"""The files of a table as a stream of rows: one Parquet or CSV file, or the Parquet files in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntgbench.datasets.columns import as_text
from ntgbench.datasets.partitions import written_in_path
from ntgbench.errors import DatasetError
from ntgbench.limits import Allowance
from ntgbench.traffic.flow_files import METADATA_KEY
from ntgbench.traffic.parquet import TEXT_FACTOR, parquet_batches, parquet_schema, table_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

_BLOCK = 16 * 2**20  # bytes of a CSV file that are read at a time; a row must fit


@dataclass(frozen=True)
class TableFiles:
    """A table in files that have the same columns.

    Attributes:
        path: what the user named.
        files: in the order of their rows.
        names: of the columns, those that folders are named after at the end.
        ours: whether ntgbench wrote all the files.
    """

    path: Path
    files: tuple[Path, ...]
    names: tuple[str, ...]
    ours: bool

    @staticmethod
    def of(path: Path, files: Sequence[Path], limit: int | None = None) -> TableFiles:
        """The table in files. Raises DatasetError that names the file which is no table or has other columns."""
        names: tuple[str, ...] | None = None
        ours = True
        for file in files:
            is_csv = not file.name.lower().endswith(".parquet")
            with table_errors(file, is_csv, Allowance(file, limit)):
                if is_csv:
                    with _open_csv(file) as reader:
                        schema = reader.schema
                else:
                    schema = parquet_schema(file)
                there = (*schema.names, *(name for name in _constants(path, file) if name not in schema.names))
                if names is None:
                    names = there
                elif sorted(there) != sorted(names):
                    raise DatasetError(
                        f"its columns are {', '.join(there)}, and those of {files[0].name} are {', '.join(names)}"
                    )
                ours &= METADATA_KEY in (schema.metadata or {})
        return TableFiles(path, tuple(files), names or (), ours)

    def batches(self, columns: Sequence[str], limit: int | None, whole: bool) -> Iterator[pa.RecordBatch]:
        """The rows, a few at a time; text of CSV files is text, and an empty cell is null.

        Args:
            columns: names of columns.
            limit: bytes of memory that rows may expand to; None takes `ntgbench.limits.size_limit()`.
            whole: whether all rows of the table together must be within the limit, or those of a batch.
        """
        taken = 0
        for file in self.files:
            is_csv = not file.name.lower().endswith(".parquet")
            allowance = Allowance(file, limit)
            allowance.taken = taken
            constants = _constants(self.path, file)
            own = [name for name in columns if name not in constants]
            with table_errors(file, is_csv, allowance):
                batches = _csv(file, own, allowance, whole) if is_csv else parquet_batches(file, own, allowance, whole)
                for batch in batches:
                    yield _with(batch, constants, columns)
            taken = allowance.taken if whole else 0


def _constants(path: Path, file: Path) -> Mapping[str, str | None]:
    return written_in_path(path, file) if file != path else {}


def _with(batch: pa.RecordBatch, constants: Mapping[str, str | None], columns: Sequence[str]) -> pa.RecordBatch:
    """The batch with the columns that folders are named after."""
    import pyarrow as pa

    for name, value in constants.items():
        if name in columns:
            batch = batch.append_column(name, pa.repeat(pa.scalar(value, pa.string()), len(batch)))
    return batch


def _csv(path: Path, columns: Sequence[str], allowance: Allowance, whole: bool) -> Iterator[pa.RecordBatch]:
    """Columns of a CSV file, plain or compressed, as text; an empty cell is null."""
    with _open_csv(path, as_text(columns)) as reader:
        for batch in reader:
            allowance.taken *= whole
            allowance.take(TEXT_FACTOR * batch.nbytes)
            yield batch


def _open_csv(path: Path, convert: Any = None) -> Any:
    import pyarrow.csv

    return pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=convert,
    )
