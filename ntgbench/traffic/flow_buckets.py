"""Biflows that end in any order, put in the order of their first packets by way of a file."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.open_flows import EndedFlows
from ntgbench.traffic.transport import KINDS, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

BUCKET = 1 << 18
"""Packets of a capture whose biflows are put in order together: as many biflows may begin with them."""

_IN_MEMORY = 1 << 24  # bytes that are kept in memory before they go to a file
# Of the columns of `EndedFlows`.
_KINDS: tuple[type[Any], ...] = (np.int64, np.int64, np.int32, np.float32, *KINDS.values())


class FlowBuckets:
    """Takes biflows as they end, and gives them back in order, bucket by bucket.

    Args:
        folder: where a temporary file may be; None takes the system's.
        size: packets of a bucket.
    """

    def __init__(self, folder: Path | None = None, size: int = BUCKET) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=None if folder is None else str(folder))  # noqa: SIM115
        self._size = size
        self._flows = 0
        self._pieces: dict[int, list[tuple[int, int, int]]] = {}  # of each bucket: where, how many biflows, and packets

    def __enter__(self) -> FlowBuckets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._flows

    def add(self, flows: EndedFlows) -> None:
        """Take in some biflows."""
        if not len(flows.first):
            return
        self._flows += len(flows.first)
        flows = _sorted(flows)
        bucket = flows.first // self._size
        begins = np.flatnonzero(np.diff(bucket, prepend=-1))
        packets = np.concatenate([[0], np.cumsum(flows.counts)])
        for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(bucket)], strict=True):
            rows, of_packets = slice(begin, end), slice(packets[begin], packets[end])
            transport = (getattr(flows.transport, name)[rows] for name in KINDS)
            piece = (
                *(flows.first[rows], flows.counts[rows], flows.signed_pl[of_packets], flows.iat[of_packets]),
                *transport,
            )
            place = (self._file.tell(), end - begin, int(packets[end] - packets[begin]))
            self._pieces.setdefault(int(bucket[begin]), []).append(place)
            for column, kind in zip(piece, _KINDS, strict=True):
                self._file.write(np.ascontiguousarray(column, kind).tobytes())

    def ordered(self) -> Iterator[EndedFlows]:
        """All biflows in the order of their first packets."""
        for bucket in sorted(self._pieces):
            pieces = [self._read(*place) for place in self._pieces[bucket]]
            first, counts, signed_pl, iat, *rest = (np.concatenate(column) for column in zip(*pieces, strict=True))
            yield _sorted(EndedFlows(first, counts, signed_pl, iat, Transport(*rest)))

    def _read(self, at: int, flows: int, packets: int) -> list[npt.NDArray[Any]]:
        self._file.seek(at)
        counts = (flows, flows, packets, packets, *(flows for _ in KINDS))
        pairs = zip(counts, _KINDS, strict=True)
        return [np.frombuffer(self._file.read(count * np.dtype(kind).itemsize), kind) for count, kind in pairs]


def _sorted(flows: EndedFlows) -> EndedFlows:
    """The biflows in the order of their first packets."""
    order = np.argsort(flows.first)
    begins = np.cumsum(flows.counts) - flows.counts
    counts = flows.counts[order]
    offset = begins[order] - (np.cumsum(counts) - counts)
    packets = np.arange(counts.sum()) + np.repeat(offset, counts)
    return EndedFlows(
        flows.first[order], counts, flows.signed_pl[packets], flows.iat[packets], flows.transport.select(order)
    )
