"""Tables that hold the packets of several captures, with months between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError
from ntgbench.traffic.notes import fill
from ntgbench.words import suggestion

if TYPE_CHECKING:
    import pyarrow as pa

BEGIN_NS = 1_500_000_000 * 10**9
"""Time at which captures that are laid end to end begin."""

GAP_NS = 10**9
"""Time from the last packet of a capture to the first one of the next."""

_LONGEST_NS = 2**61


def laid_end_to_end(
    time_ns: npt.NDArray[np.int64], captures: pa.DictionaryArray, wanted: str | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], tuple[str, ...]]:
    """Packets of several captures as one trace: capture after capture in the order of their names, a second apart.

    The time between captures says nothing about traffic, and months of silence would decide all metrics of time. A
    single capture keeps its times.

    Args:
        time_ns: time of each packet, int64 (N,).
        captures: the name of each packet's capture, without nulls; a name with a device is device|capture.
        wanted: take only captures whose name begins so; None takes all.

    Returns:
        the rows of the packets in their new order, their times, int64, and notes.

    Raises:
        DatasetError: when no capture has such a name, or their times add up to decades.
    """
    names = captures.dictionary.to_pylist()
    used = np.unique(captures.indices.to_numpy())
    chosen = sorted(used.tolist(), key=lambda number: names[number])
    if wanted is not None:
        chosen = [number for number in chosen if names[number].startswith(wanted)]
        if not chosen and len(used):
            known = {name.partition("|")[0] for name in names} | set(names)
            raise DatasetError(f"no capture begins with {wanted!r}; {suggestion(wanted, known)}")
    place = np.full(len(names), -1)
    place[chosen] = np.arange(len(chosen))
    place = place[captures.indices.to_numpy()]
    order = np.lexsort((time_ns, place))
    order = order[np.count_nonzero(place < 0) :]
    time_ns, place = time_ns[order], place[order]
    if len(chosen) < 2:
        return order, time_ns, ()
    first = np.searchsorted(place, np.arange(len(chosen)))
    last = np.append(first[1:], len(place)) - 1
    length = time_ns[last] - time_ns[first] + GAP_NS
    if float(length.astype(np.float64).sum()) > _LONGEST_NS:
        raise DatasetError("the captures of the table last too long to be laid end to end")
    begin = BEGIN_NS + np.cumsum(length) - length
    one = fill("laid {} [capture|captures] end to end, a second apart, in the order of their names", len(chosen))
    return order, time_ns + (begin - time_ns[first])[place], (one,)
