"""Directions of packets: which of two values means upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.datasets.columns import Lists, flatten, is_text, lists, row_of, whole
from ntgbench.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 5


def directions(column: pa.ChunkedArray, name: str) -> Lists:
    """The directions in a column of lists of numbers, truth values or text: as numbers where they are, else as text."""
    import pyarrow as pa

    counts, flat = flatten(column, name)
    if pa.types.is_boolean(flat.type):
        return Lists(counts, np.array(["", "false", "true"])[_codes(flat.cast(pa.int8()), -1) + 1])
    if not is_text(flat.type):
        return whole(lists(column, name), name)
    try:
        return whole(Lists(counts, flat.cast(pa.float64()).to_numpy()), name)
    except pa.ArrowInvalid:
        encoded = flat.dictionary_encode().unify_dictionaries().combine_chunks()
        words = np.array(["", *(word.strip().lower() for word in encoded.dictionary.to_pylist())])
        return Lists(counts, words[_codes(encoded.indices, -1) + 1])


def _codes(flat: pa.ChunkedArray, missing: int) -> npt.NDArray[np.int64]:
    codes: npt.NDArray[np.int64] = flat.fill_null(missing).to_numpy().astype(np.int64)
    return codes


def upstream_of(
    direction: Lists, sent: npt.NDArray[np.bool_], name: str, upstream: str | None
) -> npt.NDArray[np.bool_]:
    """Which packets go upstream, bool (packets,).

    Args:
        direction: what `directions` gives.
        sent: which packets carry payload, bool (packets,); the others may have any direction.
        name: the column, named in errors.
        upstream: the value that means upstream, in any case; None where it is +1, and -1 means downstream.

    Raises:
        DatasetError: when a direction is missing, or there are other values, or more than two.
    """
    values = direction.values
    if not sent.any():
        return np.zeros(len(values), bool)
    found, first, code = np.unique(values[sent], return_index=True, return_inverse=True)
    numbers = np.issubdtype(found.dtype, np.number)
    spelt = [f"{value:g}" if numbers else str(value) for value in found]

    def refuse(one: int, why: str) -> None:
        broken = np.zeros(len(values), bool)
        broken[np.flatnonzero(sent)[first[one]]] = True
        raise DatasetError(f"column {name!r}, row {row_of(direction.counts, broken)}: {why}")

    for one, text in enumerate(spelt):
        if text in ("", "nan"):
            refuse(one, "the direction of a packet is missing")
    seen = ", ".join([text or "nothing" for text in spelt[:_SHOWN]] + (["…"] if len(spelt) > _SHOWN else []))
    advice = "`ntgbench datasets import --upstream VALUE` says which of two other values means upstream"
    if upstream is None:
        for one, text in enumerate(spelt):
            if text not in ("1", "-1"):
                refuse(one, f"a direction is +1 (upstream) or -1 (downstream), the column holds {seen}; {advice}")
    wanted = "1" if upstream is None else _spelt(upstream)
    if upstream is not None and (wanted not in spelt or len(spelt) > 2):
        raise DatasetError(
            f"column {name!r} must hold two directions, one of them {upstream!r} for upstream; it holds {seen}"
        )
    result = np.zeros(len(values), bool)
    result[sent] = np.array([text == wanted for text in spelt])[code]
    return result


def _spelt(value: str) -> str:
    """A value as `upstream_of` spells those of a column."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value.strip().lower()
