"""Columns of foreign tables: lists of numbers, and names such as labels and sessions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError
from ntgbench.traffic.parquet import is_list
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    import pyarrow.csv

MISSING = ("", "nan", "none", "null", "na", "n/a", "<na>", "nat")
"""Texts that stand for a missing name, in any case and with any white space around: what pandas, R and SQL write."""

_INTEGER = re.compile(r"([+-]?[0-9]+)\.0+")
_LARGEST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Lists:
    """F rows of a column of lists.

    Attributes:
        counts: how many values each row has, int64 (F,).
        values: all of them, (values,).
        begin: rows of the table before these, for errors.
    """

    counts: npt.NDArray[np.int64]
    values: npt.NDArray[Any]
    begin: int = 0

    def with_values(self, values: npt.NDArray[Any]) -> Lists:
        """Other values in the same places."""
        return replace(self, values=values)

    def row_of(self, broken: npt.NDArray[np.bool_]) -> int:
        """The row of the first value that is broken."""
        return self.begin + int(np.searchsorted(np.cumsum(self.counts), broken.argmax(), side="right"))


@dataclass(frozen=True)
class Names:
    """A column of names."""

    code: npt.NDArray[np.int32]  # int32 (F,). Index of each row's name, -1 where it has none
    names: tuple[str, ...]  # the distinct names
    absent: tuple[str, ...] = ()  # texts of the column that were taken for a missing name


def lists(column: pa.ChunkedArray, name: str, begin: int = 0) -> Lists:
    """The values of a column of lists of numbers, or of text that spells them.

    A row is a list of any kind, or text that spells one with any brackets, quotes and separators. A null has no values.
    """
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
    return Lists(counts, values.astype(np.float64) if values.dtype == np.float16 else values, begin)


def as_text(columns: Sequence[str]) -> pyarrow.csv.ConvertOptions:
    """These columns of a CSV file as text; an empty cell is null."""
    import pyarrow as pa
    import pyarrow.csv

    return pyarrow.csv.ConvertOptions(
        include_columns=columns,
        column_types=dict.fromkeys(columns, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
    )


def integers(column: Lists, name: str) -> Lists:
    """The same values as int64. Raises DatasetError for one that is missing, broken, or over 32 bits."""
    values = column.values
    for broken, why in (
        ((values > _LARGEST) | (values < -_LARGEST), "does not fit 32 bits"),
        (values != np.rint(values), "is not an integer"),
    ):
        if broken.any():
            value = values[broken.argmax()]
            told = "a value is missing" if np.isnan(value) else f"{value} {why}"
            raise DatasetError(f"column {name!r}, row {column.row_of(broken)}: {told}")
    return column.with_values(values.astype(np.int64))


def same_counts(one: Lists, other: Lists, name: str, other_name: str) -> None:
    """Refuse two columns of lists whose lists differ in length."""
    differ = one.counts != other.counts
    if differ.any():
        row = int(differ.argmax())
        have = f"{name!r} has {pluralised(one.counts[row], 'value')} and {other_name!r} has {other.counts[row]}"
        raise DatasetError(f"row {one.begin + row}: {have}")


def ppi_lists(column: pa.ChunkedArray, name: str, begin: int = 0) -> tuple[Lists, Lists, Lists]:
    """Per-packet information (PPI) of CESNET flows: three lists a flow in one cell, as CESNET DataZoo stores them.

    Rows of a cell are the time before each packet in milliseconds, its direction (+1 client to server, -1 back) and its
    payload length in bytes; at most 30 packets, often padded with zeros, which are cut off here
    (https://cesnet.github.io/cesnet-datazoo/features/). A cell may hold nested lists, a flat list or text.

    Returns seconds, directions and lengths. Raises DatasetError for a cell that is not three lists of the same length.
    """
    import pyarrow.compute as pc

    column = _plain(column)
    if is_list(column.type) and is_list(column.type.value_type):
        rows = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
        inner = lists(pc.list_flatten(column), name)
        broken = (rows != 3) & (rows != 0)
        lengths = np.zeros((len(rows), 3), np.int64)
        if not broken.any():
            lengths[rows == 3] = inner.counts.reshape(-1, 3)
            broken = (lengths != lengths[:, :1]).any(axis=1)
        flat = Lists(lengths.sum(axis=1), inner.values)
    else:
        flat = lists(column, name)
        broken = flat.counts % 3 != 0
    if broken.any():
        raise DatasetError(
            f"column {name!r}, row {begin + int(broken.argmax())}: a PPI cell has three lists of one length, "
            "times in milliseconds, directions and payload lengths"
        )
    packets = flat.counts // 3
    # Value v of a flow with n packets is in part v // n, at packet v % n.
    first = np.repeat(np.cumsum(flat.counts) - flat.counts, packets)
    packet = np.arange(packets.sum()) - np.repeat(np.cumsum(packets) - packets, packets)
    stride = np.repeat(packets, packets)
    iat, direction, length = (flat.values[first + part * stride + packet] for part in range(3))
    sent = (length != 0) | (direction != 0)
    counts = np.bincount(np.repeat(np.arange(len(packets)), packets)[sent], minlength=len(packets))
    seconds, direction, length = iat[sent] / 1000, direction[sent], length[sent]
    return Lists(counts, seconds, begin), Lists(counts, direction, begin), Lists(counts, length, begin)


def names_of(column: pa.ChunkedArray, name: str, exact: bool = False) -> Names:
    """The names in a column of text, numbers, truth values or dates.

    Null, NaN and the texts in `MISSING` are missing names. Where all numbers of a column are integers their names have
    no decimals: 1.0 is "1", for a column of integers becomes one of decimals when a value is missing.

    Args:
        column: the column.
        name: what it is called in errors.
        exact: text is a name as it stands; only null is missing.

    Raises:
        DatasetError: when the column holds lists, or text that is not UTF-8.
    """
    import pyarrow as pa

    held = pa.chunked_array([compacted(chunk, name) for chunk in column.chunks or [pa.array([], column.type)]])
    if pa.types.is_float16(held.type):  # Arrow cannot spell half floats
        held = held.cast(pa.float64())
    try:
        encoded = held.dictionary_encode().unify_dictionaries().combine_chunks()
        texts: list[str | None] = encoded.dictionary.cast(pa.large_string()).to_pylist()
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DatasetError(f"column {name!r} holds text that is not UTF-8: {error}") from error
    except pa.ArrowNotImplementedError as error:
        raise DatasetError(f"column {name!r} must hold names, not {column.type}") from error
    absent = {text for text in texts if text is not None and text.strip().lower() in MISSING and not exact}
    present = [None if text in absent else text for text in texts]
    if not exact and all(text is None or _INTEGER.fullmatch(text) for text in present):
        present = [None if text is None else text.partition(".")[0] for text in present]
    names = tuple(dict.fromkeys(text for text in present if text is not None))
    index = {text: code for code, text in enumerate(names)}
    # The last entry is for rows that are null: their index is -1.
    code_of = np.array([*(-1 if text is None else index[text] for text in present), -1], np.int32)
    return Names(code_of[codes(encoded.indices)], names, tuple(sorted(absent)))


def compacted(column: pa.Array, name: str) -> pa.Array:
    """The names in a part of a column with each text held once, for `names_of`: text as a dictionary, all else as is.

    Raises DatasetError when the column holds lists, or text that is not UTF-8.
    """
    import pyarrow as pa

    try:
        if pa.types.is_dictionary(column.type):
            values = _plain(pa.chunked_array([column.dictionary]))
            if is_text(values.type):
                return pa.DictionaryArray.from_arrays(column.indices.cast(pa.int32()), values.combine_chunks())
        plain = _plain(pa.chunked_array([column]))
    except pa.ArrowInvalid as error:
        raise DatasetError(f"column {name!r} holds text that is not UTF-8: {error}") from error
    if pa.types.is_nested(plain.type):
        raise DatasetError(f"column {name!r} must hold one name a row, not {plain.type}")
    held = plain.combine_chunks()
    return held.dictionary_encode() if is_text(plain.type) else held


def codes(flat: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.signedinteger[Any]]:
    """Integers, -1 where they are missing."""
    found: npt.NDArray[np.signedinteger[Any]] = flat.fill_null(-1).to_numpy()
    return found


def flatten(column: pa.ChunkedArray, name: str) -> tuple[npt.NDArray[np.int64], pa.ChunkedArray]:
    """How many values each row has, int64 (F,), and all values, of any type; see `lists`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _plain(column)
    if is_text(column.type):
        text = pc.utf8_trim(pc.replace_substring_regex(column, r"""[\s\[\](){},;'"]+""", " "), " ")
        column = pc.split_pattern(pc.if_else(pc.equal(text, ""), pa.scalar(None, text.type), text), " ")
    elif not is_list(column.type):
        raise DatasetError(f"column {name!r} must hold lists, not {column.type}")
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
    return counts, _plain(pc.list_flatten(column))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same values without a dictionary or an extension type around them, and text of any kind as large_string."""
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type))
    if pa.types.is_dictionary(kind):
        decoded = [chunk.dictionary_decode() for chunk in column.chunks]
        return _plain(pa.chunked_array(decoded, kind.value_type))
    texts = ("string", "string_view", "binary", "large_binary", "binary_view", "fixed_size_binary")
    return column.cast(pa.large_string()) if any(getattr(pa.types, f"is_{t}")(kind) for t in texts) else column


def is_text(kind: pa.DataType) -> bool:
    """Whether a column type of `_plain` is text."""
    import pyarrow as pa

    return bool(pa.types.is_large_string(kind))
