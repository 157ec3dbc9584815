"""Folders of captures: each capture is one session, and its class comes from its path or from a CSV file."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import CaptureError, DatasetError, TrafficError
from ntgbench.interfaces import Progress, no_progress
from ntgbench.traffic.capture_flows import capture_flows
from ntgbench.traffic.flows import FlowTable, codes
from ntgbench.traffic.notes import SHOWN, WARNING, filled, listed
from ntgbench.traffic.sidecar import sidecar_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ntgbench.datasets.reading import Reading


@dataclass(frozen=True)
class _Labelled:
    path: Path
    name: str
    app: str | None
    """None: the classes of its biflows stand in a CSV file beside it."""
    session: str


def read_captures(
    root: Path, files: Sequence[Path], reading: Reading, progress: Progress = no_progress
) -> tuple[FlowTable, tuple[str, ...]]:
    """The biflows of captures.

    Args:
        root: the folder that was asked for, or the one capture.
        files: the captures.
        reading: how to label and segment them. Without a pattern and labels, classes come from the CSV file that
            `write_pcap` lays beside a capture; where there is none, the class is the name of the folder that holds the
            capture, or a single capture's own name.
        progress: told how many captures are read.

    Returns:
        the flows and notes: packets that biflows lack, captures that are skipped or damaged, packets and flows left
        out, by reason.

    Raises:
        DatasetError: when the pattern or the CSV file is unusable, or no capture can be read.
    """
    labelled, skipped, unused = _label(root, files, reading.label_pattern, reading.labels)
    if not labelled:
        what = f"the label pattern {reading.label_pattern!r}" if reading.labels is None else str(reading.labels)
        names = listed("{} [capture has|captures have] no label", skipped)[0]
        raise DatasetError(f"{what} labels no capture in {root}: {names}")
    parts: list[FlowTable] = []
    sessions: list[str] = []
    changes: Counter[str] = Counter()
    broken, damaged = [], []
    for number, capture in enumerate(labelled, start=1):
        try:
            flows, changed, warnings = capture_flows(
                capture.path,
                capture.app,
                inner=reading.inner,
                idle_timeout=reading.idle_timeout,
                active_timeout=reading.active_timeout,
                size_limit=reading.size_limit,
            )
        except (CaptureError, TrafficError) as error:
            broken.append(f"{capture.name} ({error})")
            continue
        damaged += [f"{capture.name} ({warning})" for warning in warnings]
        changes.update(changed)
        parts.append(flows)
        sessions += [capture.session] * len(flows)
        progress(number, len(labelled), capture.name)
    if not parts:
        raise DatasetError(f"no capture in {root} can be read: {'; '.join((broken or skipped)[:SHOWN])}")
    told = filled(changes)
    notes = [
        *(note for note in told if note.startswith(WARNING)),
        *listed("skipped {} [capture|captures] without a label", skipped),
        *listed("{} [file|files] named by the labels [is|are] not there", unused),
        *listed("skipped {} [capture|captures] that cannot be read", broken),
        *listed(
            "{} [capture is damaged and used as far as it goes|captures are damaged and used as far as they go]",
            damaged,
        ),
        *(note for note in told if not note.startswith(WARNING)),
    ]
    whole = FlowTable.concat(parts)
    session = codes(np.array(sessions, object))
    sessions_of_class = np.bincount(np.unique(np.stack([whole.label, session]), axis=1)[0], minlength=1)
    if sessions_of_class.max() > 1:
        whole = replace(whole, session=session)
    else:  # a split by session would leave nothing to test with
        notes.append("no class has two sessions: training and test traffic will come from the same captures")
    return whole.compact(), tuple(notes)


def _label(
    root: Path, files: Sequence[Path], pattern: str | None, labels: Path | None
) -> tuple[list[_Labelled], list[str], list[str]]:
    """The captures with their labels, the names of those without, and labels that belong to no capture."""
    if pattern is not None and labels is not None:
        raise DatasetError("captures are labelled by a pattern or by a CSV file, not by both")
    rows = {} if labels is None else _listing(labels)
    unused = set(rows)
    search = None if pattern is None else _compiled(pattern)
    labelled, skipped = [], []
    for path in files:
        name = path.relative_to(root).as_posix() if path != root else path.name
        session = name
        app: str | None = path.parent.resolve().name if path != root else name.partition(".")[0]
        if labels is not None:
            app, session = rows.get(name) or rows.get(path.name) or ("", "")
            unused -= {name, path.name}
        elif search is not None:
            match = search.search(name)
            app = (match["app"] or "") if match else ""
        elif sidecar_path(path).is_file():
            app = None
        if app != "":
            labelled.append(_Labelled(path, name, app, session or name))
        else:
            skipped.append(name)
    return labelled, skipped, sorted(unused)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise DatasetError(f"the label pattern {pattern!r} is no regular expression: {error}") from error
    if "app" not in compiled.groupindex:
        raise DatasetError(f"the label pattern {pattern!r} needs a group named app, such as (?P<app>[^_/]+)_")
    return compiled


def _listing(labels: Path) -> dict[str, tuple[str, str]]:
    """App and session by file, from a CSV file."""
    try:
        with labels.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = {"file", "app"} - set(rows.fieldnames or ())
            if missing:
                raise DatasetError(
                    f"{labels} has no column {' or '.join(sorted(missing))}; its columns are file, app[, session]"
                )
            return {row["file"] or "": (row["app"] or "", row.get("session") or "") for row in rows}
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{labels} is no CSV file in UTF-8: {error}") from error
