"""FlowTable: labelled flows of any length, between the readers of files and captures and `Biflows`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError, refuse
from ntgbench.traffic.biflows import Biflows, check_classes
from ntgbench.traffic.flow_files import read_flow_file, write_flow_file
from ntgbench.traffic.notes import clipped
from ntgbench.traffic.transport import Transport
from ntgbench.words import pluralised

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

WITHOUT_PAYLOAD = "left out {} [packet|packets] without payload"


@dataclass(frozen=True, eq=False)
class FlowTable:
    """F labelled flows as the packets that carry payload, one flow after the other.

    Attributes:
        offsets: int64 (F + 1,). Flow f holds packets offsets[f]..offsets[f + 1] - 1, at least one.
        signed_pl: int32 (packets,). Signed payload lengths in bytes, never 0; positive = upstream.
        label: int32 (F,). Index into `classes`.
        classes: class names, distinct.
        iat: float32 (packets,) or None. Seconds since the previous packet of the flow, 0 for its first.
        session: int32 (F,) or None. Capture or session that the flow comes from.
        transport: of the F flows, or None.

    Raises:
        TrafficError: naming the first flow that breaks a rule, and the rule.
    """

    offsets: npt.NDArray[np.int64]
    signed_pl: npt.NDArray[np.int32]
    label: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    iat: npt.NDArray[np.float32] | None = None
    session: npt.NDArray[np.int32] | None = None
    transport: Transport | None = None

    def __post_init__(self) -> None:
        bounds = self.offsets
        if len(bounds) != len(self.label) + 1 or bounds[0] != 0 or bounds[-1] != len(self.signed_pl):
            raise TrafficError("offsets go from 0 to the number of packets, one bound more than there are flows")
        if self.iat is not None and len(self.iat) != len(self.signed_pl):
            raise TrafficError("there is one iat for each packet")
        if self.session is not None and len(self.session) != len(self.label):
            raise TrafficError("there is one session for each flow")
        if self.transport is not None and len(self.transport) != len(self.label):
            raise TrafficError("there is one transport for each flow")
        check_classes(self.classes)
        refuse(np.diff(bounds) < 1, "a flow has at least one packet")
        _refuse_packets(self.signed_pl == 0, bounds, "packets without payload are left out")
        refuse((self.label < 0) | (self.label >= len(self.classes)), "a label is an index into the classes")
        if self.iat is not None:
            _refuse_packets(~np.isfinite(self.iat), bounds, "iat is finite")

    def __len__(self) -> int:
        return len(self.label)

    @staticmethod
    def from_packets(
        counts: npt.ArrayLike,
        length: npt.ArrayLike,
        upstream: npt.ArrayLike,
        class_of: Sequence[str] | npt.NDArray[Any],
        iat: npt.ArrayLike | None = None,
        session: Sequence[object] | npt.NDArray[Any] | None = None,
        classes: Sequence[str] | None = None,
        transport: Transport | None = None,
    ) -> tuple[FlowTable, Counter[str]]:
        """Flows from all their packets; packets without payload and flows with no payload at all are left out.

        Args:
            counts: (F,). Packets of each flow.
            length: (packets,). Payload lengths in bytes, not negative.
            upstream: bool (packets,). Whether each packet goes from client to server.
            class_of: (F,). Class name of each flow, or its index into `classes` where these are given.
            iat: (packets,) or None. Seconds since the previous packet; that of a packet left out is added to the next.
            session: (F,) or None. Anything that tells sessions apart.
            classes: distinct class names, in any order; None takes them from `class_of`.
            transport: of the F flows, or None.

        Returns:
            the flows, their classes sorted by name and none without a flow; and how much was left out or changed, by
            the sentence that says so, see `ntgbench.traffic.notes.filled`.
        """
        bounds = _bounds(np.asarray(counts, np.int64))
        length = np.asarray(length, np.int64)
        if bounds[-1] != len(length):
            raise TrafficError(
                f"the flows count {pluralised(bounds[-1], 'packet')}, but there are {len(length):,} lengths"
            )
        _refuse_packets(length < 0, bounds, "payload lengths are not negative")
        _refuse_packets(length > np.iinfo(np.int32).max, bounds, "payload lengths fit 32 bits")
        kept = length > 0
        payload_packets = np.diff(_bounds(kept)[bounds])
        alive = payload_packets > 0
        offsets = _bounds(payload_packets[alive])
        if classes is None:
            names, label = np.unique(np.asarray(class_of, object).astype(str), return_inverse=True)
            classes = names.tolist()
        else:
            label = np.asarray(class_of)
        iats = None if iat is None else _iat_of_kept(np.asarray(iat), kept, offsets)
        backwards = 0 if iats is None else int(np.count_nonzero(iats < 0))
        flows = FlowTable(
            offsets=offsets,
            signed_pl=np.where(np.asarray(upstream, bool), length, -length)[kept].astype(np.int32),
            label=label[alive].astype(np.int32),
            classes=tuple(classes),
            iat=None if iats is None else np.maximum(iats, np.float32(0.0)),
            session=None if session is None else codes(session)[alive],
            transport=None if transport is None else transport.select(alive),
        ).compact()
        changes = {
            WITHOUT_PAYLOAD: int(np.count_nonzero(~kept)),
            "left out {} [flow that carries|flows that carry] no payload": int(np.count_nonzero(~alive)),
            "set {} negative iat [value|values] to 0": backwards,
        }
        return flows, Counter(changes)

    @staticmethod
    def concat(parts: Sequence[FlowTable]) -> FlowTable:
        """All flows of all parts: classes are joined by name, sessions of different parts stay different.

        `iat`, `session` and `transport` are kept when every part has them.
        """
        if not parts:
            raise TrafficError("concat needs at least one part")
        classes = tuple(sorted({name for part in parts for name in part.classes}))
        index = {name: i for i, name in enumerate(classes)}
        iats = [part.iat for part in parts if part.iat is not None]
        sessions: list[npt.NDArray[np.int32]] = []
        taken = 0
        for part in parts:
            if part.session is not None:
                seen, code = np.unique(part.session, return_inverse=True)
                sessions.append((code + taken).astype(np.int32))
                taken += len(seen)
        return FlowTable(
            offsets=_bounds(np.concatenate([np.diff(part.offsets) for part in parts])),
            signed_pl=np.concatenate([part.signed_pl for part in parts]),
            label=np.concatenate([np.array([index[n] for n in p.classes], np.int32)[p.label] for p in parts]),
            classes=classes,
            iat=np.concatenate(iats) if len(iats) == len(parts) else None,
            session=np.concatenate(sessions) if len(sessions) == len(parts) else None,
            transport=Transport.concat([part.transport for part in parts]),
        )

    def class_counts(self) -> npt.NDArray[np.int64]:
        """Flows of each class, int64 (len(classes),)."""
        return np.bincount(self.label, minlength=len(self.classes))

    def select(self, rows: npt.ArrayLike) -> FlowTable:
        """The flows at `rows` (indices or a mask), in that order; classes stay as they are."""
        index = np.asarray(rows)
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64)
        counts = np.diff(self.offsets)[index]
        offsets = _bounds(counts)
        packets = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][index] - offsets[:-1], counts)
        return replace(
            self,
            offsets=offsets,
            signed_pl=self.signed_pl[packets],
            label=self.label[index],
            iat=None if self.iat is None else self.iat[packets],
            session=None if self.session is None else self.session[index],
            transport=None if self.transport is None else self.transport.select(index),
        )

    def compact(self) -> FlowTable:
        """The same flows with their classes sorted by name and none without a flow."""
        used = np.flatnonzero(self.class_counts())
        order = np.array(sorted(used, key=lambda code: self.classes[code]), np.int64)
        code = np.zeros(len(self.classes), np.int32)
        code[order] = np.arange(len(order))
        return replace(self, label=code[self.label], classes=tuple(self.classes[i] for i in order))

    def first(self, packets: int) -> FlowTable:
        """The first `packets` packets of each flow."""
        place = np.arange(len(self.signed_pl)) - np.repeat(self.offsets[:-1], np.diff(self.offsets))
        kept = place < packets
        return replace(
            self,
            offsets=_bounds(np.minimum(np.diff(self.offsets), packets)),
            signed_pl=self.signed_pl[kept],
            iat=None if self.iat is None else self.iat[kept],
        )

    def to_biflows(self, packets: int, pl_max: int) -> tuple[Biflows, tuple[str, ...]]:
        """The first `packets` packets of each flow, longer payloads clipped to `pl_max`; and a note if any were."""
        first = self.first(packets)
        present = np.arange(packets) < np.diff(first.offsets)[:, None]
        long = int(np.count_nonzero(np.abs(first.signed_pl) > pl_max))
        signed_pl = np.zeros(present.shape, np.int16)
        signed_pl[present] = np.clip(first.signed_pl, -pl_max, pl_max)
        iat = None if first.iat is None else np.zeros(present.shape, np.float32)
        if iat is not None:
            iat[present] = first.iat
        biflows = Biflows(signed_pl, self.label, self.classes, self.session, iat, pl_max, self.transport)
        return biflows, clipped(long, len(first.signed_pl), pl_max)

    def to_parquet(self, path: str | os.PathLike[str], head: Mapping[str, Any] | None = None) -> None:
        """Write the flows, see `ntgbench.traffic.flow_files`, and `head` as metadata of the file."""
        write_flow_file(path, vars(self), head)

    @staticmethod
    def from_parquet(path: str | os.PathLike[str]) -> tuple[FlowTable, dict[str, Any]]:
        """Read what `to_parquet` wrote: the flows and their metadata. Raises TrafficError for any other file."""
        columns, head = read_flow_file(path)
        try:
            return FlowTable(**columns), head
        except TrafficError as error:
            raise TrafficError(f"{path}: {error}") from error


def codes(values: Sequence[object] | npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Values of any kind as int32 codes: equal values, equal code. Integers that are not negative stay as they are."""
    array = np.asarray(values)
    if not (np.issubdtype(array.dtype, np.integer) and array.size):
        array = array.astype(str)
    elif array.min() >= 0 and array.max() <= np.iinfo(np.int32).max:
        return array.astype(np.int32)
    return np.unique(array, return_inverse=True)[1].astype(np.int32)


def _bounds(counts: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Where each of consecutive runs begins and where the last one ends, int64 (runs + 1,)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _iat_of_kept(
    values: npt.NDArray[Any], kept: npt.NDArray[np.bool_], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Time since the last kept packet: what passed before packets left out is added."""
    at = np.flatnonzero(kept)
    if len(at) < len(values):
        since = np.concatenate([[0], at[:-1] + 1])
        values = np.add.reduceat(values[: at[-1] + 1].astype(np.float64), since) if len(at) else values[:0]
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
        iat = values.astype(np.float32)
    iat[offsets[:-1]] = 0.0
    return iat


def _refuse_packets(broken: npt.NDArray[np.bool_], offsets: npt.NDArray[np.int64], rule: str) -> None:
    """`refuse` for a property of packets, naming the flow of the first one."""
    if broken.any():
        raise TrafficError(rule, int(np.searchsorted(offsets, broken.argmax(), side="right")) - 1)
