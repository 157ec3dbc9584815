"""MIRAGE-2019: JSON files named <prefix>_<app>_…json, each the biflows of one capture of one Android app.

Aceto et al., "MIRAGE: Mobile-app traffic capture and ground-truth creation", ICCCS 2019. A biflow's label is the app
that owned its socket; where it is not the app that was being used, the biflow is background traffic.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError
from ntgbench.interfaces import Progress, no_progress
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.notes import fill, filled
from ntgbench.words import pluralised, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ntgbench.datasets.archives import Document
    from ntgbench.limits import Allowance

_LONGEST_BYTES = np.iinfo(np.int32).max
_PACKET_BYTES = 64  # of memory that a packet takes until all files are read and joined
_LONGEST_IAT = 1e9  # seconds, about 32 years: more is not a time between two packets of a capture

# Errors of reading a structure that is another one. JSON may nest too deeply, and hold numbers that no float can.
_NOT_MIRAGE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, MemoryError)


class _Capture(NamedTuple):
    """The biflows of one file that count: packets of each, and lengths, directions and iat of all packets."""

    class_name: str
    counts: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    upstream: npt.NDArray[np.bool_]
    iat: npt.NDArray[np.float64]


def read_mirage(
    documents: Iterable[Document],
    exact: bool = False,
    progress: Progress = no_progress,
    allowance: Allowance | None = None,
) -> tuple[FlowTable, tuple[str, ...]]:
    """The biflows of the apps that were used; each file is a session. Short biflows stay.

    Args:
        documents: the JSON files.
        exact: keep only biflows whose label was observed for them, not taken from the most common one.
        progress: told how far the reading is.
        allowance: counts what is kept of the files; None counts nothing.

    Returns:
        the flows, and notes that count what was left out: background, inexact labels, biflows with an impossible
        payload length, files that cannot be read.

    Raises:
        DatasetError: when no file can be read, or there is more in them than the allowance.
    """
    left_out: Counter[str] = Counter()
    captures: list[_Capture] = []
    unreadable: list[str] = []
    for document in documents:
        try:
            capture = _capture(document, exact, left_out)
        except _NOT_MIRAGE as error:
            unreadable.append(printable(f"{document.name} ({type(error).__name__}: {error})"))
        else:
            captures.append(capture)
            if allowance is not None:
                allowance.take(_PACKET_BYTES * len(capture.length))
        progress(document.done, 1.0, PurePosixPath(document.name).name)
    if not captures:
        first = f"; the first is {unreadable[0]}" if unreadable else ""
        raise DatasetError(f"none of {len(unreadable):,} JSON files is of MIRAGE-2019{first}")
    notes = [f"dropped {pluralised(count, 'biflow')}: {reason}" for reason, count in left_out.items()]
    if unreadable:
        skipped = "skipped {} [file that is not of MIRAGE-2019|files that are not of MIRAGE-2019]"
        notes.append(f"{fill(skipped, len(unreadable))}, such as {unreadable[0]}")
    class_names, counts, length, upstream, iats = zip(*captures, strict=True)
    iat = np.concatenate(iats)
    unknown = ~(np.abs(iat) <= _LONGEST_IAT)
    if unknown.any():
        notes.append(fill("set {} missing iat [value|values] to 0", int(np.count_nonzero(unknown))))
    flows_of = [len(count) for count in counts]
    flows, changes = FlowTable.from_packets(
        counts=np.concatenate(counts),
        length=np.concatenate(length),
        upstream=np.concatenate(upstream),
        class_of=np.repeat(np.array(class_names, object), flows_of),
        iat=np.where(unknown, 0.0, iat),
        session=np.repeat(np.arange(len(captures)), flows_of),
    )
    return flows, (*notes, *filled(changes))


def _capture(document: Document, exact: bool, left_out: Counter[str]) -> _Capture:
    """The biflows of one file; one of `_NOT_MIRAGE` where it holds something else."""
    _, *parts = PurePosixPath(document.name).name.split("_")
    biflows = json.loads(document.content)
    if not parts or not isinstance(biflows, dict):
        raise ValueError("it must be named PREFIX_APP_….json and hold an object with a biflow a key")
    skipped: Counter[str] = Counter()
    kept: list[dict[str, list[Any]]] = []
    for biflow in biflows.values():
        about = biflow["flow_metadata"]
        if about["BF_label"] != parts[0]:
            skipped["background traffic of other apps"] += 1
        elif exact and about["BF_labeling_type"] != "exact":
            skipped["their label is not exact"] += 1
        else:
            kept.append(biflow["packet_data"])
    counts = np.array([len(packets["L4_payload_bytes"]) for packets in kept], np.int64)
    for name in ("packet_dir", "iat"):
        if [len(packets[name]) for packets in kept] != counts.tolist():
            raise ValueError(f"{name} and L4_payload_bytes differ in length")
    length, direction, iat = (
        np.array([value for packets in kept for value in packets[name]], np.float64)
        for name in ("L4_payload_bytes", "packet_dir", "iat")
    )
    if not np.isin(direction, (0, 1)).all():
        raise ValueError("a packet_dir is neither 0 (upstream) nor 1")
    # A NaN compares as impossible too.
    possible = (length >= 0) & (length <= _LONGEST_BYTES) & (length == np.rint(length))
    biflow_of = np.repeat(np.arange(len(counts)), counts)
    usable = np.bincount(biflow_of[~possible], minlength=len(counts)) == 0
    if not usable.all():
        skipped["they have a payload length that is not a number of bytes"] += int(np.count_nonzero(~usable))
    left_out.update(skipped)
    packet = usable[biflow_of]
    return _Capture(parts[0], counts[usable], length[packet].astype(np.int64), direction[packet] == 0, iat[packet])
