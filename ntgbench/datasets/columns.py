"""Columns of lists, as tables of flows hold them, turned into flat arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError
from ntgbench.words import counted

if TYPE_CHECKING:
    import pyarrow as pa

_LARGEST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Lists:
    """A column of lists: how many values each of F rows has, int64 (F,), and all of them, (values,)."""

    counts: npt.NDArray[np.int64]
    values: npt.NDArray[Any]


def lists(column: pa.ChunkedArray, name: str) -> Lists:
    """The values of a column of lists, or of text that spells lists of numbers with any brackets and separators."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = pc.utf8_trim(pc.replace_substring_regex(column, r"[\s\[\](){},;]+", " "), " ")
        text = pc.if_else(pc.equal(text, ""), pa.scalar(None, text.type), text)
        try:
            column = pc.split_pattern(text, " ").cast(pa.list_(pa.float64()))
        except pa.ArrowInvalid as error:
            raise DatasetError(f"column {name!r} must hold lists of numbers: {error}") from error
    elif not is_list(column.type):
        raise DatasetError(f"column {name!r} must hold lists, not {column.type}")
    flat = pc.list_flatten(column)
    if not (pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type)):
        raise DatasetError(f"column {name!r} must hold lists of numbers, not {column.type}")
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
    return Lists(counts, flat.to_numpy())


def is_list(kind: pa.DataType) -> bool:
    """Whether a column type is a list of any kind."""
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def whole(column: Lists, name: str) -> Lists:
    """The same values as integers. A number that is missing, broken, or over 32 bits is refused."""
    values = column.values
    for broken, why in (
        ((values > _LARGEST) | (values < -_LARGEST), "does not fit 32 bits"),
        (values != np.rint(values), "is no whole number"),
    ):
        if broken.any():
            raise DatasetError(f"column {name!r}, row {row_of(column.counts, broken)}: {values[broken.argmax()]} {why}")
    return Lists(column.counts, values.astype(np.int64))


def same_counts(one: Lists, other: Lists, name: str, other_name: str) -> None:
    """Refuse two columns of lists whose lists differ in length."""
    differ = one.counts != other.counts
    if differ.any():
        row = int(differ.argmax())
        raise DatasetError(
            f"row {row}: {name!r} has {counted(one.counts[row], 'value')} and {other_name!r} has {other.counts[row]}"
        )


def row_of(counts: npt.NDArray[np.int64], broken: npt.NDArray[np.bool_]) -> int:
    """The row of the first value that is broken."""
    return int(np.searchsorted(np.cumsum(counts), broken.argmax(), side="right"))
