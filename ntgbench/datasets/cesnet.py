"""Per-packet information (PPI) of CESNET flows: three lists a flow in one cell, as CESNET DataZoo stores them.

Rows of a cell are the gap before each packet in milliseconds, its direction (+1 client to server, -1 back) and its
payload length in bytes; at most 30 packets, often padded with zeros
(https://cesnet.github.io/cesnet-datazoo/features/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.datasets.columns import Lists, is_list, lists, plain
from ntgbench.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa


def split_ppi(column: pa.ChunkedArray, name: str) -> tuple[Lists, Lists, Lists]:
    """Gaps in seconds, directions and lengths of F flows, from nested lists, flat lists or text; padding is cut off.

    An empty cell, or none, is a flow without packets.
    Raises DatasetError for a cell that is not three lists of the same length.
    """
    import pyarrow.compute as pc

    column = plain(column)
    if is_list(column.type) and is_list(column.type.value_type):
        rows = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
        inner = lists(pc.list_flatten(column), name)
        _refuse((rows != 3) & (rows != 0), name)
        lengths = np.zeros((len(rows), 3), np.int64)
        lengths[rows == 3] = inner.counts.reshape(-1, 3)
        _refuse((lengths != lengths[:, :1]).any(axis=1), name)
        flat = Lists(lengths.sum(axis=1), inner.values)
    else:
        flat = lists(column, name)
        _refuse(flat.counts % 3 != 0, name)
    packets = flat.counts // 3
    # Value k of a flow with n packets is in part k // n, at packet k % n.
    first = np.repeat(np.cumsum(flat.counts) - flat.counts, packets)
    packet = np.arange(packets.sum()) - np.repeat(np.cumsum(packets) - packets, packets)
    stride = np.repeat(packets, packets)
    gap, direction, length = (flat.values[first + part * stride + packet] for part in range(3))
    sent = (length != 0) | (direction != 0)
    flow = np.repeat(np.arange(len(packets)), packets)
    counts = np.bincount(flow[sent], minlength=len(packets))
    return Lists(counts, gap[sent] / 1000), Lists(counts, direction[sent]), Lists(counts, length[sent])


def _refuse(broken: npt.NDArray[np.bool_], name: str) -> None:
    if broken.any():
        raise DatasetError(
            f"column {name!r}, row {int(broken.argmax())}: a PPI cell has three lists of one length, "
            "gaps in milliseconds, directions and payload lengths"
        )
