"""MIRAGE-2019: JSON files named <prefix>_<app>_…json, each the biflows of one capture of one Android app.

Aceto et al., "MIRAGE: Mobile-app traffic capture and ground-truth creation", ICCCS 2019. A biflow's label is the app
that owned its socket; where it is not the app that was being used, the biflow is background traffic.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError
from ntgbench.interfaces import Progress, no_progress
from ntgbench.traffic.flows import FlowTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ntgbench.datasets.archives import Document


@dataclass(frozen=True)
class _Capture:
    """The biflows of one file that count: packets of each, and lengths, directions and gaps of all packets."""

    app: str
    counts: list[int]
    length: npt.NDArray[np.int64]
    direction: npt.NDArray[np.int64]
    gap: npt.NDArray[np.float64]


def read_mirage(
    documents: Iterable[Document], exact: bool = False, progress: Progress = no_progress
) -> tuple[FlowTable, tuple[str, ...]]:
    """The biflows of the apps that were used; each file is a session. Short biflows stay.

    Args:
        documents: the JSON files.
        exact: keep only biflows whose label was observed for them, not taken from the most common one.
        progress: told how far the reading is.

    Returns:
        the flows, and notes that count what was left out: background, inexact labels, files that cannot be read.

    Raises:
        DatasetError: when no file can be read.
    """
    left_out: Counter[str] = Counter()
    captures: list[_Capture] = []
    unreadable: list[str] = []
    for document in documents:
        try:
            captures.append(_capture(document, exact, left_out))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            unreadable.append(f"{document.name} ({type(error).__name__}: {error})")
        progress(document.done, 1.0, PurePosixPath(document.name).name)
    if not captures:
        why = f"; the first is {unreadable[0]}" if unreadable else ""
        raise DatasetError(f"none of {len(unreadable):,} JSON files is a MIRAGE-2019 capture{why}")
    notes = [f"dropped {count:,} biflows: {reason}" for reason, count in left_out.items()]
    if unreadable:
        notes.append(f"skipped {len(unreadable):,} files that are no MIRAGE-2019 captures, such as {unreadable[0]}")
    gap = np.concatenate([capture.gap for capture in captures])
    unknown = ~np.isfinite(gap)
    if unknown.any():
        notes.append(f"set {np.count_nonzero(unknown):,} missing gaps to 0")
    flows_of = [len(capture.counts) for capture in captures]
    flows, more = FlowTable.from_packets(
        counts=[count for capture in captures for count in capture.counts],
        length=np.concatenate([capture.length for capture in captures]),
        upstream=np.concatenate([capture.direction for capture in captures]) == 0,
        app=np.repeat(np.array([capture.app for capture in captures], object), flows_of),
        iat=np.where(unknown, 0.0, gap),
        session=np.repeat(np.arange(len(captures)), flows_of),
    )
    return flows, (*notes, *more)


def _capture(document: Document, exact: bool, left_out: Counter[str]) -> _Capture:
    """The biflows of one file. Any of the usual errors of reading a structure means that it has another one."""
    app = PurePosixPath(document.name).name.split("_")[1]
    skipped: Counter[str] = Counter()
    kept: list[dict[str, list[Any]]] = []
    for biflow in json.loads(document.content).values():
        about = biflow["flow_metadata"]
        if about["BF_label"] != app:
            skipped["background traffic of other apps"] += 1
        elif exact and about["BF_labeling_type"] != "exact":
            skipped["their label is not exact"] += 1
        else:
            kept.append(biflow["packet_data"])
    counts = [len(packets["L4_payload_bytes"]) for packets in kept]
    for name in ("packet_dir", "iat"):
        if [len(packets[name]) for packets in kept] != counts:
            raise ValueError(f"{name} and L4_payload_bytes differ in length")

    def column(name: str, kind: type[Any]) -> npt.NDArray[Any]:
        return np.array([value for packets in kept for value in packets[name]], kind)

    capture = _Capture(app, counts, column("L4_payload_bytes", int), column("packet_dir", int), column("iat", float))
    if not np.isin(capture.direction, (0, 1)).all():
        raise ValueError("a packet_dir is neither 0 (upstream) nor 1")
    left_out.update(skipped)
    return capture
