"""Columns of lists, as tables of flows hold them, turned into flat arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError
from ntgbench.words import pluralised

if TYPE_CHECKING:
    import pyarrow as pa

_LARGEST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Lists:
    """A column of lists: how many values each of F rows has, int64 (F,), and all of them, (values,)."""

    counts: npt.NDArray[np.int64]
    values: npt.NDArray[Any]


def lists(column: pa.ChunkedArray, name: str) -> Lists:
    """The values of a column of lists of numbers, or of text that spells them, see `flatten`."""
    import pyarrow as pa

    counts, flat = flatten(column, name)
    if is_text(flat.type) or pa.types.is_decimal(flat.type) or pa.types.is_null(flat.type):
        try:
            flat = flat.cast(pa.float64())
        except pa.ArrowInvalid as error:
            raise DatasetError(f"column {name!r} must hold lists of numbers: {error}") from error
    if not (pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type)):
        raise DatasetError(f"column {name!r} must hold lists of numbers, not {column.type}")
    values = flat.to_numpy()
    # Bounds that are checked later do not fit 16 bits.
    return Lists(counts, values.astype(np.float64) if values.dtype == np.float16 else values)


def flatten(column: pa.ChunkedArray, name: str) -> tuple[npt.NDArray[np.int64], pa.ChunkedArray]:
    """How many values each row has, int64 (F,), and all values, of any type.

    A row is a list of any kind, or text that spells one with any brackets, quotes and separators. A row without a
    value (null) has no values.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = plain(column)
    if is_text(column.type):
        text = pc.utf8_trim(pc.replace_substring_regex(column, r"""[\s\[\](){},;'"]+""", " "), " ")
        column = pc.split_pattern(pc.if_else(pc.equal(text, ""), pa.scalar(None, text.type), text), " ")
    elif not is_list(column.type):
        raise DatasetError(f"column {name!r} must hold lists, not {column.type}")
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
    return counts, plain(pc.list_flatten(column))


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same values without a dictionary or an extension type around them, and text of any kind as large_string."""
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type))
    if pa.types.is_dictionary(kind):
        decoded = [chunk.dictionary_decode() for chunk in column.chunks]
        return plain(pa.chunked_array(decoded, kind.value_type))
    if pa.types.is_string(kind) or pa.types.is_string_view(kind) or _is_binary(kind):
        return column.cast(pa.large_string())
    return column


def _is_binary(kind: pa.DataType) -> bool:
    import pyarrow as pa

    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column type of `plain` is text."""
    import pyarrow as pa

    return bool(pa.types.is_large_string(kind))


def is_list(kind: pa.DataType) -> bool:
    """Whether a column type is a list of any kind."""
    import pyarrow as pa

    tests = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(test(kind) for test in tests)


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


def same_counts(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], name: str, other_name: str) -> None:
    """Refuse two columns of lists whose lists differ in length."""
    differ = one != other
    if differ.any():
        row = int(differ.argmax())
        raise DatasetError(
            f"row {row}: {name!r} has {pluralised(one[row], 'value')} and {other_name!r} has {other[row]}"
        )


def row_of(counts: npt.NDArray[np.int64], broken: npt.NDArray[np.bool_]) -> int:
    """The row of the first value that is broken."""
    return int(np.searchsorted(np.cumsum(counts), broken.argmax(), side="right"))
