"""Directions of packets in the columns of foreign tables."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.datasets.columns import Lists, codes, flatten, integers, is_text, lists
from ntgbench.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 5


class Directions:
    """Which packets of a table go upstream, some rows at a time.

    Args:
        name: the column, named in errors.
        upstream: the value that means upstream, in any case; None where it is +1, and -1 means downstream.
    """

    def __init__(self, name: str, upstream: str | None) -> None:
        self._name = name
        self._given = upstream
        self._wanted = "1" if upstream is None else upstream.strip().lower()
        with contextlib.suppress(ValueError):
            self._wanted = f"{float(self._wanted):g}"
        self._seen: dict[str, None] = {}

    def of(self, column: pa.ChunkedArray, begin: int = 0) -> Lists:
        """The directions of some rows, lists of numbers, truth values or text: as numbers where they are, else text."""
        import pyarrow as pa

        counts, flat = flatten(column, self._name)
        if pa.types.is_boolean(flat.type):
            return Lists(counts, np.array(["", "false", "true"])[codes(flat.cast(pa.int8())) + 1], begin)
        if not is_text(flat.type):
            return integers(lists(column, self._name, begin), self._name)
        try:
            return integers(Lists(counts, flat.cast(pa.float64()).to_numpy(), begin), self._name)
        except pa.ArrowInvalid:
            encoded = flat.dictionary_encode().unify_dictionaries().combine_chunks()
            words = np.array(["", *(word.strip().lower() for word in encoded.dictionary.to_pylist())])
            return Lists(counts, words[codes(encoded.indices) + 1], begin)

    def upstream(self, direction: Lists, sent: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which packets go upstream, bool (packets,).

        Args:
            direction: what `of` gives.
            sent: which packets carry payload, bool (packets,); the others may have any direction.

        Raises:
            DatasetError: when a direction is missing, or there are other values, or more than two.
        """
        values = direction.values
        found, first, code = np.unique(values[sent], return_index=True, return_inverse=True)
        numbers = np.issubdtype(found.dtype, np.number)
        spelt = [f"{value:g}" if numbers else str(value) for value in found]
        self._seen.update(dict.fromkeys(spelt))
        for place, text in enumerate(spelt):
            why = None
            if text in ("", "nan"):
                why = "the direction of a packet is missing"
            elif self._given is None and text not in ("1", "-1"):
                advice = "`ntgbench datasets import --upstream VALUE` says which of two other values means upstream"
                why = f"a direction is +1 (upstream) or -1 (downstream), the column holds {self._listed()}; {advice}"
            if why is not None:
                broken = np.arange(len(values)) == np.flatnonzero(sent)[first[place]]
                raise DatasetError(f"column {self._name!r}, row {direction.row_of(broken)}: {why}")
        result = np.zeros(len(values), bool)
        result[sent] = np.array([text == self._wanted for text in spelt], bool)[code]
        return result

    def finish(self) -> None:
        """Raise DatasetError when the rows so far hold more than two directions, or none is the given one."""
        if self._given is not None and self._seen and (self._wanted not in self._seen or len(self._seen) > 2):
            raise DatasetError(
                f"column {self._name!r} must hold two directions, one of them {self._given!r} for upstream; "
                f"it holds {self._listed()}"
            )

    def _listed(self) -> str:
        seen = [text or "nothing" for text in self._seen]
        return ", ".join(seen[:_SHOWN] + (["…"] if len(seen) > _SHOWN else []))
