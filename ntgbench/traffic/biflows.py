"""Biflows: the first packets of each bidirectional flow as signed payload lengths."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError, refuse
from ntgbench.traffic.transport import Transport
from ntgbench.words import pluralised

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

PACKETS = 10  # kept of each biflow unless a protocol says otherwise (the paper's choice)
PL_MAX = 1460  # largest payload length in bytes unless a protocol says otherwise: a full TCP segment on Ethernet
MOST_PACKETS = 4_096  # of each biflow at most: models need memory in proportion to them
MOST_CLASSES = 100_000  # at most that a model may know
FORMAT = 1  # version of the layout that `Biflows.to_parquet` writes

_PACKET_BYTES = 16  # of memory for a packet of a biflow while a file is read


@dataclass(frozen=True, eq=False)
class Biflows:
    """N labelled biflows, immutable and checked at construction.

    Attributes:
        signed_pl: int16 (N, P). Signed L4 payload lengths in bytes of the first P packets that carry payload;
            positive = upstream (client to server), negative = downstream, 0 = no packet, only after the last packet.
            Every biflow has at least one packet and 1 <= |payload length| <= pl_max.
        label: int32 (N,). Index into `classes`.
        classes: class names, distinct; a class may have no biflow.
        session: int32 (N,) or None. Capture or session of each biflow; never split across train and test.
        iat: float32 (N, P) or None. Seconds since the previous packet of the biflow, 0 for the first and for no packet.
        pl_max: largest payload length in bytes that an entry may have.
        transport: of the N biflows where the source tells it, or None. No part of their identity: `digest` and `==`
            leave it out, and systems make none.

    Raises:
        TrafficError: naming the first row that breaks a rule, and the rule.
    """

    signed_pl: npt.NDArray[np.int16]
    label: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    session: npt.NDArray[np.int32] | None = None
    iat: npt.NDArray[np.float32] | None = None
    pl_max: int = PL_MAX
    transport: Transport | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.pl_max <= np.iinfo(np.int16).max:
            raise TrafficError(f"pl_max must be in 1..{np.iinfo(np.int16).max}, not {self.pl_max}")
        signed_pl = _integers(self.signed_pl, "signed_pl", np.int16)
        if signed_pl.ndim != 2 or signed_pl.shape[1] < 1:
            raise TrafficError(f"signed_pl must have shape (biflows, packets), not {signed_pl.shape}")
        label = _integers(self.label, "label", np.int32)
        session = None if self.session is None else _integers(self.session, "session", np.int32)
        iat = None if self.iat is None else np.array(self.iat, np.float32)
        rows = signed_pl.shape[:1]
        for name, array, shape in (
            ("signed_pl", signed_pl, signed_pl.shape),
            ("label", label, rows),
            ("session", session, rows),
            ("iat", iat, signed_pl.shape),
        ):
            if array is not None:
                if array.shape != shape:
                    raise TrafficError(f"{name} must have shape {shape}, not {array.shape}")
                array = np.ascontiguousarray(array)
                array.flags.writeable = False
                # Of a view, unlike of an array that owns its memory, nobody can make that undone.
                object.__setattr__(self, name, array.view())
        if self.transport is not None and len(self.transport) != len(signed_pl):
            raise TrafficError("there is one transport for each biflow")
        object.__setattr__(self, "classes", tuple(str(name) for name in self.classes))
        check_classes(self.classes)
        absent = signed_pl == 0
        refuse(absent[:, 0], "a biflow has at least one packet, and its first entry is one")
        refuse(_any_in_row(absent[:, :-1] & ~absent[:, 1:]), "no packet may follow an entry of 0 (a hole)")
        # -32768 has no int16 absolute value, so compare both signs instead of taking one.
        too_long = (signed_pl > self.pl_max) | (signed_pl < -self.pl_max)
        refuse(_any_in_row(too_long), f"payload lengths are at most pl_max = {self.pl_max} bytes")
        known = pluralised(len(self.classes), "class")
        refuse((label < 0) | (label >= len(self.classes)), f"a label is an index into the {known}")
        if iat is not None:
            refuse(_any_in_row(~np.isfinite(iat)), "iat is finite")

    def __len__(self) -> int:
        return len(self.label)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Biflows) and self.digest() == other.digest()

    def __hash__(self) -> int:
        return hash(self.digest())

    @property
    def packets(self) -> int:
        """P, the largest number of packets a biflow can hold."""
        return int(self.signed_pl.shape[1])

    def lengths(self) -> npt.NDArray[np.int64]:
        """Packets of each biflow, int64 (N,), in 1..P."""
        counts: npt.NDArray[np.int64] = np.count_nonzero(self.signed_pl, axis=1)
        return counts

    def class_counts(self) -> npt.NDArray[np.int64]:
        """Biflows of each class, int64 (len(classes),)."""
        return np.bincount(self.label, minlength=len(self.classes))

    def select(self, rows: npt.ArrayLike) -> Biflows:
        """The biflows at `rows` (indices or a mask, in that order); classes stay as they are."""
        index = np.asarray(rows)
        if index.size == 0:
            index = index.astype(np.int64)
        return replace(
            self,
            signed_pl=self.signed_pl[index],
            label=self.label[index],
            session=None if self.session is None else self.session[index],
            iat=None if self.iat is None else self.iat[index],
            transport=None if self.transport is None else self.transport.select(index),
        )

    @staticmethod
    def concat(parts: Sequence[Biflows]) -> Biflows:
        """The biflows of all parts, one after the other; what only some parts have, such as `iat`, is left out.

        Raises TrafficError when classes, packets or pl_max differ.
        """
        if not parts:
            raise TrafficError("concat needs at least one part")
        if len({(part.classes, part.packets, part.pl_max) for part in parts}) > 1:
            raise TrafficError("concat needs the same classes, packets and pl_max in every part")
        sessions = [part.session for part in parts if part.session is not None]
        iats = [part.iat for part in parts if part.iat is not None]
        return replace(
            parts[0],
            signed_pl=np.concatenate([part.signed_pl for part in parts]),
            label=np.concatenate([part.label for part in parts]),
            session=np.concatenate(sessions) if len(sessions) == len(parts) else None,
            iat=np.concatenate(iats) if len(iats) == len(parts) else None,
            transport=Transport.concat([part.transport for part in parts]),
        )

    def digest(self) -> str:
        """BLAKE2b-128 over canonical little-endian bytes, as 32 hex digits: equal for equal biflows in equal order."""
        state = hashlib.blake2b(digest_size=16)
        head = {"classes": self.classes, "shape": self.signed_pl.shape, "pl_max": self.pl_max}
        state.update(json.dumps(head, sort_keys=True).encode())
        for name, value, kind in (
            (b"signed_pl", self.signed_pl, "<i2"),
            (b"label", self.label, "<i4"),
            (b"group", self.session, "<i4"),  # the older name, so that digests of published rows stay valid
            (b"iat", self.iat, "<f4"),
        ):
            if value is not None:
                state.update(name)
                state.update(np.ascontiguousarray(value, kind).tobytes())
        return state.hexdigest()

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the columns of `flow_files`; `from_parquet` gives back equal biflows."""
        from ntgbench.traffic.flow_files import write_flow_file

        present = self.signed_pl != 0
        columns = {
            "offsets": np.concatenate([[0], np.cumsum(self.lengths())]),
            "signed_pl": self.signed_pl[present].astype(np.int32),
            "label": self.label,
            "classes": self.classes,
            "iat": None if self.iat is None else self.iat[present],
            "session": self.session,
            "transport": self.transport,
        }
        write_flow_file(path, columns, {"format": FORMAT, "packets": self.packets, "pl_max": self.pl_max})

    @staticmethod
    def from_parquet(path: str | os.PathLike[str]) -> Biflows:
        """Read what `to_parquet` wrote; TrafficError for any other file (`ntgbench.datasets` reads foreign tables)."""
        from ntgbench.limits import size_limit
        from ntgbench.traffic.flow_files import read_flow_file

        columns, head = read_flow_file(path)
        if head.get("format") != FORMAT:
            raise TrafficError(f"{path} has format {head.get('format')!r}; this version reads format {FORMAT}")
        packets, pl_max, label = head.get("packets"), head.get("pl_max"), columns["label"]
        if type(packets) is not int or not 1 <= packets <= MOST_PACKETS or type(pl_max) is not int:
            raise TrafficError(f"{path} must have packets in 1..{MOST_PACKETS} and a largest payload length")
        if packets * _PACKET_BYTES * max(len(label), 1) > size_limit():
            raise TrafficError(f"{path} has {packets:,} packets a biflow, which is more than memory may hold")
        present = np.arange(packets) < np.diff(columns["offsets"])[:, None]
        if present.sum() != len(columns["signed_pl"]):
            raise TrafficError(f"{path} has a biflow of more than {pluralised(packets, 'packet')}")
        signed_pl = np.zeros(present.shape, np.int32)
        signed_pl[present] = columns["signed_pl"]
        iat = None if columns["iat"] is None else np.zeros(present.shape, np.float32)
        if iat is not None:
            iat[present] = columns["iat"]
        try:
            return Biflows(signed_pl, label, columns["classes"], columns["session"], iat, pl_max, columns["transport"])
        except TrafficError as error:
            raise TrafficError(f"{path}: {error}") from error


def check_classes(classes: Sequence[str]) -> None:
    """Raise TrafficError for class names that are not distinct, or that no file can hold."""
    if len(set(classes)) != len(classes):
        raise TrafficError("class names must be distinct")
    for name in classes:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise TrafficError(f"the class name {name!r} cannot be written as UTF-8") from error


def _any_in_row(broken: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.asarray(broken.any(axis=1))


def _integers(values: npt.ArrayLike, name: str, kind: type[np.signedinteger[Any]]) -> npt.NDArray[Any]:
    """`values` as `kind`, in memory that nobody can write to but us; refused when that would change any of them."""
    array = np.asarray(values)
    if array.dtype == kind:
        return array.copy() if array.flags.writeable else array
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise TrafficError(f"{name} must hold integers, not {array.dtype}")
    limits = np.iinfo(kind)
    outside = (array < limits.min) | (array > limits.max) if array.size else np.zeros(0, bool)
    if outside.any():
        raise TrafficError(f"{name} must fit {np.dtype(kind).name}", int(np.argwhere(outside)[0][0]))
    return array.astype(kind)
