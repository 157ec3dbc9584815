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
from ntgbench.traffic.capture import read_capture
from ntgbench.traffic.flows import FlowTable, codes
from ntgbench.traffic.segmentation import flow_table, segment
from ntgbench.traffic.sidecar import read_sidecar, sidecar_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SHOWN = 5
"""Files that a note names before it only counts them."""


@dataclass(frozen=True)
class _Labelled:
    path: Path
    name: str
    app: str | None
    """None: the classes of its biflows stand in a CSV file beside it."""
    session: str


def read_captures(
    root: Path,
    files: Sequence[Path],
    label_pattern: str | None = None,
    labels: Path | None = None,
    progress: Progress = no_progress,
) -> tuple[FlowTable, tuple[str, ...]]:
    """The biflows of captures.

    Args:
        root: the folder that was asked for, or the one capture.
        files: the captures.
        label_pattern: regular expression with a group `app`, searched in a capture's path below `root`.
        labels: CSV file with columns file (path below `root`, or file name), app and, optionally, session.
            Without pattern and labels, classes come from the CSV file that `write_pcap` lays beside a capture; where
            there is none, the class is the name of the folder that holds the capture, or a single capture's own name.
        progress: told how many captures are read.

    Returns:
        the flows and notes: captures that are skipped or damaged, packets and flows left out, by reason.

    Raises:
        DatasetError: when the pattern or the CSV file is unusable, or no capture can be read.
    """
    labelled, skipped = _label(root, files, label_pattern, labels)
    parts: list[FlowTable] = []
    sessions: list[str] = []
    left_out: Counter[str] = Counter()
    broken, damaged = [], []
    for number, capture in enumerate(labelled, start=1):
        try:
            content = read_capture(capture.path)
            biflows = segment(content.trace)
            apps = read_sidecar(capture.path) if capture.app is None else capture.app
            flows, _ = flow_table(content.trace, biflows, apps)
        except (CaptureError, TrafficError) as error:
            broken.append(f"{capture.name} ({error})")
            continue
        damaged += [f"{capture.name} ({warning})" for warning in content.warnings]
        left_out.update({f"packets: {reason}": count for reason, count in content.left_out.items()})
        left_out["packets without payload"] += len(content.trace) - len(flows.signed_pl)
        left_out["flows that carry no payload"] += len(biflows) - len(flows)
        parts.append(flows)
        sessions += [capture.session] * len(flows)
        progress(number, len(labelled), capture.name)
    if not parts:
        raise DatasetError(f"no capture in {root} can be read: {'; '.join((broken or skipped)[:_SHOWN])}")
    notes = [
        *_listed("skipped {} captures without a label", skipped),
        *_listed("skipped {} captures that cannot be read", broken),
        *_listed("{} captures are damaged and used as far as they go", damaged),
        *(f"left out {count:,} {what}" for what, count in left_out.items() if count),
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
) -> tuple[list[_Labelled], list[str]]:
    """The captures with their labels, and the names of those without."""
    if pattern is not None and labels is not None:
        raise DatasetError("captures are labelled by a pattern or by a CSV file, not by both")
    listed = {} if labels is None else _listing(labels)
    search = None if pattern is None else _compiled(pattern)
    labelled, skipped = [], []
    for path in files:
        name = path.relative_to(root).as_posix() if path != root else path.name
        session = name
        app: str | None = path.parent.resolve().name if path != root else name.partition(".")[0]
        if labels is not None:
            app, session = listed.get(name) or listed.get(path.name) or ("", "")
        elif search is not None:
            match = search.search(name)
            app = (match["app"] or "") if match else ""
        elif sidecar_path(path).is_file():
            app = None
        if app != "":
            labelled.append(_Labelled(path, name, app, session or name))
        else:
            skipped.append(name)
    return labelled, skipped


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
    with labels.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = {"file", "app"} - set(rows.fieldnames or ())
        if missing:
            raise DatasetError(
                f"{labels} has no column {' or '.join(sorted(missing))}; its columns are file, app[, session]"
            )
        return {row["file"] or "": (row["app"] or "", row.get("session") or "") for row in rows}


def _listed(sentence: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return [f"{sentence.format(f'{len(names):,}')}: {', '.join(names[:_SHOWN])}{more}"]
