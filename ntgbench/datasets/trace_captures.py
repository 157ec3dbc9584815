"""Tables that hold the packets of several captures, with months between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

BEGIN_NS = 1_500_000_000 * 10**9
"""Time at which captures that are laid end to end begin."""

GAP_NS = 10**9
"""Time from the last packet of a capture to the first one of the next."""

_LONGEST_NS = 2**61


def laid_end_to_end(
    time_ns: npt.NDArray[np.int64], captures: pa.DictionaryArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], tuple[str, ...]]:
    """Packets of several captures as one trace: capture after capture in the order of their names, a second apart.

    The time between captures says nothing about traffic, and months of silence would decide all metrics of time. A
    single capture keeps its times.

    Args:
        time_ns: time of each packet, int64 (N,).
        captures: the name of each packet's capture, without nulls.

    Returns:
        the rows of the packets in their new order, their times, int64, and notes.

    Raises:
        DatasetError: when the times of all captures add up to decades.
    """
    names = captures.dictionary.to_pylist()
    place = np.empty(len(names), np.int64)
    place[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    _, place = np.unique(place[captures.indices.to_numpy()], return_inverse=True)
    order = np.lexsort((time_ns, place))
    time_ns, place = time_ns[order], place[order]
    first = np.flatnonzero(np.diff(place, prepend=-1))
    if len(first) < 2:
        return order, time_ns, ()
    length = time_ns[np.append(first[1:], len(place)) - 1] - time_ns[first] + GAP_NS
    if length.sum(dtype=np.float64) > _LONGEST_NS:
        raise DatasetError("the captures of the table last too long to be laid end to end")
    begin = BEGIN_NS + np.cumsum(length) - length
    note = f"laid {len(first):,} captures end to end, a second apart, in the order of their names"
    return order, time_ns + (begin - time_ns[first])[place], (note,)
