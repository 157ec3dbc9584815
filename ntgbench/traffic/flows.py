"""FlowTable: labelled flows of any length, between the readers of files and captures and `Biflows`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError, refuse
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

_METADATA_KEY = b"ntgbench"


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
    """

    offsets: npt.NDArray[np.int64]
    signed_pl: npt.NDArray[np.int32]
    label: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    iat: npt.NDArray[np.float32] | None = None
    session: npt.NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        refuse(np.diff(self.offsets) < 1, "a flow has at least one packet")
        refuse(self.signed_pl == 0, "packets without payload are left out")
        refuse((self.label < 0) | (self.label >= len(self.classes)), "a label is an index into the classes")

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
    ) -> tuple[FlowTable, tuple[str, ...]]:
        """Flows from all their packets; packets without payload and flows with no payload at all are left out.

        Args:
            counts: (F,). Packets of each flow.
            length: (packets,). Payload lengths in bytes, not negative.
            upstream: bool (packets,). Whether each packet goes from client to server.
            app: (F,). Class name of each flow; classes are sorted by name.
            iat: (packets,) or None. Seconds since the previous packet; the gap of a packet left out goes to the next.
            session: (F,) or None. Anything that tells sessions apart.

        Returns:
            the flows, and a note for each kind of thing left out.
        """
        length = np.asarray(length, np.int64)
        upstream = np.asarray(upstream, bool)
        flow = np.repeat(np.arange(len(np.asarray(counts))), np.asarray(counts, np.int64))
        refuse(length < 0, "payload lengths are not negative")
        kept = length > 0
        payload_packets = np.bincount(flow[kept], minlength=len(np.asarray(counts)))
        alive = payload_packets > 0
        offsets = np.concatenate([[0], np.cumsum(payload_packets[alive])])
        classes, label = np.unique(np.asarray(app, object).astype(str)[alive], return_inverse=True)
        gaps = None if iat is None else _gaps(np.asarray(iat, np.float64), kept, offsets)
        flows = FlowTable(
            offsets=offsets,
            signed_pl=np.where(upstream, length, -length)[kept].astype(np.int32),
            label=label.astype(np.int32),
            classes=tuple(classes.tolist()),
            iat=gaps,
            session=None if session is None else codes(session)[alive],
        )
        notes = []
        if not kept.all():
            notes.append(f"left out {np.count_nonzero(~kept):,} packets without payload")
        if not alive.all():
            notes.append(f"dropped {np.count_nonzero(~alive):,} of {len(alive):,} flows that carry no payload")
        return flows, tuple(notes)

    @staticmethod
    def concat(parts: Sequence[FlowTable]) -> FlowTable:
        """All flows of all parts: classes are joined by name, sessions of different parts stay different."""
        if not parts:
            raise TrafficError("concat needs at least one part")
        classes = tuple(sorted({name for part in parts for name in part.classes}))
        index = {name: i for i, name in enumerate(classes)}
        starts = np.cumsum([0, *[len(part.signed_pl) for part in parts]])
        gaps = [part.iat for part in parts if part.iat is not None]
        sessions = []
        taken = 0
        for part in parts:
            if part.session is not None:
                sessions.append(part.session + taken)
                taken += int(part.session.max(initial=-1)) + 1
        return FlowTable(
            offsets=np.concatenate([[0], *[part.offsets[1:] + s for part, s in zip(parts, starts, strict=False)]]),
            signed_pl=np.concatenate([part.signed_pl for part in parts]),
            label=np.concatenate([np.array([index[n] for n in p.classes], np.int32)[p.label] for p in parts]),
            classes=classes,
            iat=np.concatenate(gaps) if len(gaps) == len(parts) else None,
            session=np.concatenate(sessions) if len(sessions) == len(parts) else None,
        )

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
        biflows = Biflows(matrix, self.label, self.classes, group=self.session, iat=gaps, pl_max=pl_max)
        share = clipped / max(len(signed), 1)
        notes = (f"clipped {clipped:,} payload lengths ({share:.2%}) to {pl_max} bytes",) if clipped else ()
        return biflows, notes

    def first(self, packets: int) -> FlowTable:
        """The first `packets` packets of each flow."""
        within = np.arange(len(self.signed_pl)) - np.repeat(self.offsets[:-1], np.diff(self.offsets))
        kept = within < packets
        return FlowTable(
            offsets=np.concatenate([[0], np.cumsum(np.minimum(np.diff(self.offsets), packets))]),
            signed_pl=self.signed_pl[kept],
            label=self.label,
            classes=self.classes,
            iat=None if self.iat is None else self.iat[kept],
            session=self.session,
        )

    def to_parquet(self, path: str | os.PathLike[str], head: dict[str, Any] | None = None) -> None:
        """Write columns app, pkts_len, pkts_dir (+1 upstream, -1 downstream)[, pkts_iat, session], and `head` as metadata."""
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
        metadata = {_METADATA_KEY: json.dumps({"classes": self.classes, **(head or {})})}
        pq.write_table(pa.table(columns).replace_schema_metadata(metadata), Path(path), compression="zstd")

    @staticmethod
    def from_parquet(path: str | os.PathLike[str]) -> tuple[FlowTable, dict[str, Any]]:
        """Read what `to_parquet` wrote: the flows and their metadata.

        Raises KeyError for a file of another maker and pyarrow.ArrowInvalid for no Parquet file at all.
        """
        import pyarrow.parquet as pq

        table = pq.read_table(Path(path)).unify_dictionaries()
        head = json.loads((table.schema.metadata or {})[_METADATA_KEY])
        columns = {name: table.column(name).combine_chunks() for name in table.column_names}
        # The file's dictionary may hold the classes in another order, and none that has no flow.
        index = {name: i for i, name in enumerate(head["classes"])}
        label_of = np.array([index[name] for name in columns["app"].dictionary.to_pylist()], np.int32)
        lengths = columns["pkts_len"].flatten().to_numpy().astype(np.int32)
        flows = FlowTable(
            offsets=columns["pkts_len"].offsets.to_numpy().astype(np.int64),
            signed_pl=lengths * columns["pkts_dir"].flatten().to_numpy(),
            label=label_of[columns["app"].indices.to_numpy()],
            classes=tuple(head["classes"]),
            iat=columns["pkts_iat"].flatten().to_numpy() if "pkts_iat" in columns else None,
            session=columns["session"].to_numpy() if "session" in columns else None,
        )
        return flows, head


def codes(values: Sequence[object] | npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Values of any kind as int32 codes: equal values, equal code. Integers that are not negative stay as they are."""
    array = np.asarray(values)
    if np.issubdtype(array.dtype, np.integer) and array.size:
        if array.min() >= 0 and array.max() <= np.iinfo(np.int32).max:
            return array.astype(np.int32)
        return np.unique(array, return_inverse=True)[1].astype(np.int32)
    return np.unique(array.astype(str), return_inverse=True)[1].astype(np.int32)


def _gaps(
    iat: npt.NDArray[np.float64], kept: npt.NDArray[np.bool_], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Gaps between the kept packets: time that passed over packets left out counts for the next kept one."""
    clock = np.cumsum(iat)[kept]
    gaps = np.diff(clock, prepend=clock[:1])
    gaps[offsets[:-1]] = 0.0
    return gaps.astype(np.float32)
