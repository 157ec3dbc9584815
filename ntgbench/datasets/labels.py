"""Columns of names, such as labels and sessions: one code a row, and which rows have none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.datasets.columns import is_text, plain
from ntgbench.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = ("", "nan", "none", "null", "na", "n/a", "<na>", "nat")
"""Texts that stand for no name, in any case and with any white space around: what pandas, R and SQL write."""

_WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")


@dataclass(frozen=True)
class Names:
    """A column of names.

    Attributes:
        code: int32 (F,). Index of each row's name, -1 where it has none.
        names: the distinct names.
        absent: texts of the column that were taken for no name.
    """

    code: npt.NDArray[np.int32]
    names: tuple[str, ...]
    absent: tuple[str, ...] = ()


def names_of(column: pa.ChunkedArray, name: str, exact: bool = False) -> Names:
    """The names in a column of text, numbers, truth values or dates.

    Null, NaN and the texts in `MISSING` are no name. Where all numbers of a column are whole their names have no
    decimals: 1.0 is "1", for a column of whole numbers becomes one of decimals when a value is missing.

    Args:
        column: the column.
        name: what it is called in errors.
        exact: text is a name as it stands; only null is none.

    Raises:
        DatasetError: when the column holds lists, or text that is not UTF-8.
    """
    import pyarrow as pa

    column = _unpacked(column)
    if pa.types.is_nested(column.type):
        raise DatasetError(f"column {name!r} must hold one name a row, not {column.type}")
    from_text = pa.types.is_large_string(column.type) or pa.types.is_dictionary(column.type)
    try:
        if not from_text:
            column = column.cast(pa.large_string())
        encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
        texts: list[str | None] = encoded.dictionary.cast(pa.large_string()).to_pylist()
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DatasetError(f"column {name!r} holds text that is not UTF-8: {error}") from error
    except pa.ArrowNotImplementedError as error:
        raise DatasetError(f"column {name!r} must hold names, not {column.type}") from error
    absent = {text for text in texts if text is not None and text.strip().lower() in MISSING and not exact}
    present = [None if text in absent else text for text in texts]
    if not exact and all(text is None or _WHOLE.fullmatch(text) for text in present):
        present = [None if text is None else text.partition(".")[0] for text in present]
    names = tuple(dict.fromkeys(text for text in present if text is not None))
    index = {text: code for code, text in enumerate(names)}
    # The last entry is for rows that are null: their index is -1.
    code_of = np.array([*(-1 if text is None else index[text] for text in present), -1], np.int32)
    return Names(code_of[encoded.indices.fill_null(-1).to_numpy()], names, tuple(sorted(absent)))


def _unpacked(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """As `plain`, but a dictionary of text stays one: a text that repeats is held once."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind) and is_text(plain(pa.chunked_array([], kind.value_type)).type):
        return column
    column = plain(column)
    # Half floats have no spelling in Arrow.
    return column.cast(pa.float64()) if pa.types.is_float16(column.type) else column
