"""FlowTable: labelled flows of any length, between the readers of files and captures and `Biflows`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError, refuse
from ntgbench.files import replacing
from ntgbench.traffic.biflows import Biflows, check_classes
from ntgbench.words import pluralised

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

METADATA_KEY = b"ntgbench"
"""Where our files keep their head, as JSON, in the metadata of Parquet."""


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

    Raises:
        TrafficError: naming the first flow that breaks a rule, and the rule.
    """

    offsets: npt.NDArray[np.int64]
    signed_pl: npt.NDArray[np.int32]
    label: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    iat: npt.NDArray[np.float32] | None = None
    session: npt.NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        bounds = self.offsets
        if len(bounds) != len(self.label) + 1 or bounds[0] != 0 or bounds[-1] != len(self.signed_pl):
            raise TrafficError("offsets go from 0 to the number of packets, one bound more than there are flows")
        if self.iat is not None and len(self.iat) != len(self.signed_pl):
            raise TrafficError("there is one gap for each packet")
        if self.session is not None and len(self.session) != len(self.label):
            raise TrafficError("there is one session for each flow")
        if len(set(self.classes)) != len(self.classes):
            raise TrafficError("class names are distinct")
        check_classes(self.classes)
        refuse(np.diff(bounds) < 1, "a flow has at least one packet")
        _refuse_packets(self.signed_pl == 0, bounds, "packets without payload are left out")
        refuse((self.label < 0) | (self.label >= len(self.classes)), "a label is an index into the classes")
        if self.iat is not None:
            _refuse_packets(~np.isfinite(self.iat), bounds, "gaps are finite")

    def __len__(self) -> int:
        return len(self.label)

    @staticmethod
    def from_packets(
        counts: npt.ArrayLike,
        length: npt.ArrayLike,
        upstream: npt.ArrayLike,
        app: Sequence[str] | npt.NDArray[Any],
        iat: npt.ArrayLike | None = None,
        session: Sequence[object] | npt.NDArray[Any] | None = None,
        classes: Sequence[str] | None = None,
    ) -> tuple[FlowTable, Counter[str]]:
        """Flows from all their packets; packets without payload and flows with no payload at all are left out.

        Args:
            counts: (F,). Packets of each flow.
            length: (packets,). Payload lengths in bytes, not negative.
            upstream: bool (packets,). Whether each packet goes from client to server.
            app: (F,). Class name of each flow, or its index into `classes` where these are given.
            iat: (packets,) or None. Seconds since the previous packet; the gap of a packet left out goes to the next.
            session: (F,) or None. Anything that tells sessions apart.
            classes: distinct class names, in any order; None takes them from `app`.

        Returns:
            the flows, their classes sorted by name and none without a flow; and how much was left out or changed, by
            the sentence that says so, see `ntgbench.traffic.notes.filled`.
        """
        counts = np.asarray(counts, np.int64)
        bounds = _bounds(counts)
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
            names, label = np.unique(np.asarray(app, object).astype(str), return_inverse=True)
            classes = names.tolist()
        else:
            label = np.asarray(app)
        gaps = None if iat is None else _gaps(np.asarray(iat), kept, offsets)
        backwards = 0 if gaps is None else int(np.count_nonzero(gaps < 0))
        flows = FlowTable(
            offsets=offsets,
            signed_pl=np.where(np.asarray(upstream, bool), length, -length)[kept].astype(np.int32),
            label=label[alive].astype(np.int32),
            classes=tuple(classes),
            iat=None if gaps is None else np.maximum(gaps, np.float32(0.0)),
            session=None if session is None else codes(session)[alive],
        ).compact()
        changes = {
            "left out {} [packet|packets] without payload": int(np.count_nonzero(~kept)),
            "left out {} [flow that carries|flows that carry] no payload": int(np.count_nonzero(~alive)),
            "set {} negative [gap|gaps] to 0": backwards,
        }
        return flows, Counter(changes)

    @staticmethod
    def concat(parts: Sequence[FlowTable]) -> FlowTable:
        """All flows of all parts: classes are joined by name, sessions of different parts stay different.

        Gaps and sessions are kept when every part has them.
        """
        if not parts:
            raise TrafficError("concat needs at least one part")
        classes = tuple(sorted({name for part in parts for name in part.classes}))
        index = {name: i for i, name in enumerate(classes)}
        gaps = [part.iat for part in parts if part.iat is not None]
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
            iat=np.concatenate(gaps) if len(gaps) == len(parts) else None,
            session=np.concatenate(sessions) if len(sessions) == len(parts) else None,
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
        source = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][index] - offsets[:-1], counts)
        return FlowTable(
            offsets=offsets,
            signed_pl=self.signed_pl[source],
            label=self.label[index],
            classes=self.classes,
            iat=None if self.iat is None else self.iat[source],
            session=None if self.session is None else self.session[index],
        )

    def compact(self) -> FlowTable:
        """The same flows with their classes sorted by name and none without a flow."""
        used = np.flatnonzero(self.class_counts())
        order = np.array(sorted(used, key=lambda code: self.classes[code]), np.int64)
        code = np.zeros(len(self.classes), np.int32)
        code[order] = np.arange(len(order))
        return replace(self, label=code[self.label], classes=tuple(self.classes[i] for i in order))

    def to_biflows(self, packets: int, pl_max: int) -> tuple[Biflows, tuple[str, ...]]:
        """The first `packets` packets of each flow, clipped to `pl_max` bytes, and a note that counts the clips."""
        lengths = np.diff(self.offsets)
        present = np.arange(packets) < np.minimum(lengths, packets)[:, None]
        source = (self.offsets[:-1, None] + np.arange(packets))[present]
        signed = self.signed_pl[source]
        clipped = int(np.count_nonzero(np.abs(signed) > pl_max))
        matrix = np.zeros((len(self), packets), np.int16)
        matrix[present] = np.clip(signed, -pl_max, pl_max)
        gaps = None
        if self.iat is not None:
            gaps = np.zeros((len(self), packets), np.float32)
            gaps[present] = self.iat[source]
        biflows = Biflows(matrix, self.label, self.classes, session=self.session, iat=gaps, pl_max=pl_max)
        share = clipped / max(len(signed), 1)
        notes = (f"clipped {pluralised(clipped, 'payload length')} ({share:.2%}) to {pl_max} bytes",) if clipped else ()
        return biflows, notes

    def first(self, packets: int) -> FlowTable:
        """The first `packets` packets of each flow."""
        within = np.arange(len(self.signed_pl)) - np.repeat(self.offsets[:-1], np.diff(self.offsets))
        kept = within < packets
        return FlowTable(
            offsets=_bounds(np.minimum(np.diff(self.offsets), packets)),
            signed_pl=self.signed_pl[kept],
            label=self.label,
            classes=self.classes,
            iat=None if self.iat is None else self.iat[kept],
            session=self.session,
        )

    def to_parquet(self, path: str | os.PathLike[str], head: dict[str, Any] | None = None) -> None:
        """Write columns app, pkts_len, pkts_dir (+1 upstream, -1 downstream)[, pkts_iat, session].

        `head` becomes metadata of the file, which appears whole or not at all.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        def lists(values: npt.NDArray[Any]) -> pa.Array:
            return pa.ListArray.from_arrays(pa.array(self.offsets.astype(np.int32)), pa.array(values))

        columns = {
            "app": pa.DictionaryArray.from_arrays(pa.array(self.label), pa.array(self.classes, pa.string())),
            "pkts_len": lists(np.abs(self.signed_pl)),
            "pkts_dir": lists(np.sign(self.signed_pl).astype(np.int8)),
        }
        if self.iat is not None:
            columns["pkts_iat"] = lists(self.iat)
        if self.session is not None:
            columns["session"] = pa.array(self.session)
        metadata = {METADATA_KEY: json.dumps({"classes": self.classes, **(head or {})})}
        with replacing(Path(path)) as temporary:
            pq.write_table(pa.table(columns).replace_schema_metadata(metadata), temporary, compression="zstd")

    @staticmethod
    def from_parquet(path: str | os.PathLike[str]) -> tuple[FlowTable, dict[str, Any]]:
        """Read what `to_parquet` wrote: the flows and their metadata.

        Raises TrafficError for a file of another maker, and one that is damaged or over the limit on its size.
        """
        from ntgbench.traffic.flow_files import read_flow_file

        return read_flow_file(Path(path))


def codes(values: Sequence[object] | npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Values of any kind as int32 codes: equal values, equal code. Integers that are not negative stay as they are."""
    array = np.asarray(values)
    if np.issubdtype(array.dtype, np.integer) and array.size:
        if array.min() >= 0 and array.max() <= np.iinfo(np.int32).max:
            return array.astype(np.int32)
        return np.unique(array, return_inverse=True)[1].astype(np.int32)
    return np.unique(array.astype(str), return_inverse=True)[1].astype(np.int32)


def _bounds(counts: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Where each of consecutive runs begins and where the last one ends, int64 (runs + 1,)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _gaps(
    values: npt.NDArray[Any], kept: npt.NDArray[np.bool_], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Gaps between the kept packets: time that passed over packets left out counts for the next kept one."""
    at = np.flatnonzero(kept)
    if len(at) < len(values):
        since = np.concatenate([[0], at[:-1] + 1])
        values = np.add.reduceat(values[: at[-1] + 1].astype(np.float64), since) if len(at) else values[:0]
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
        gaps = values.astype(np.float32)
    gaps[offsets[:-1]] = 0.0
    return gaps


def _refuse_packets(broken: npt.NDArray[np.bool_], offsets: npt.NDArray[np.int64], rule: str) -> None:
    """`refuse` for a property of packets, naming the flow of the first one."""
    if broken.any():
        raise TrafficError(rule, int(np.searchsorted(offsets, broken.argmax(), side="right")) - 1)
