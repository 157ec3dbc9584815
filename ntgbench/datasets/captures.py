"""Folders of captures: each capture is one session, and its class comes from its path or from a CSV file."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ntgbench.errors import CaptureError, DatasetError, NtgbenchError, TrafficError
from ntgbench.files import require_file
from ntgbench.interfaces import Progress, no_progress
from ntgbench.traffic.capture_flows import capture_flows
from ntgbench.traffic.flows import FlowTable, codes
from ntgbench.traffic.notes import SHOWN, WARNING, filled, listed
from ntgbench.traffic.sidecar import MOST_BYTES, sidecar_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class Labelled(NamedTuple):
    """A capture with its class."""

    path: Path
    name: str  # below the folder of all captures
    class_name: str | None  # None: a CSV file beside it has the classes of its biflows
    session: str


class Labels(NamedTuple):
    """The captures of a folder, and what is wrong with their labels."""

    captures: list[Labelled]
    skipped: list[str]  # names of captures without a label
    unused: list[str]  # files that are labelled, and not there


class Collection:
    """Notes on captures that are read one after the other."""

    def __init__(self, root: Path, labels: Labels) -> None:
        self._root, self._labels = root, labels
        self._changes: Counter[str] = Counter()
        self._broken: list[str] = []
        self._damaged: list[str] = []

    def add(self, name: str, changes: Mapping[str, int], warnings: Sequence[str]) -> None:
        """Note what was left out or changed of a capture, see `Account`."""
        self._changes.update(changes)
        self._damaged += [f"{name} ({'; '.join(warnings)})"] if warnings else []

    def skip(self, name: str, reason: object) -> None:
        """Note that a capture cannot be read."""
        self._broken.append(f"{name} ({reason})")

    def notes(self) -> tuple[str, ...]:
        """One sentence for each kind of thing. Raises DatasetError when no capture could be read."""
        if len(self._broken) == len(self._labels.captures):
            reasons = "; ".join(self._broken[:SHOWN])
            raise DatasetError(f"no capture in {self._root} can be read: {reasons}")
        told = filled(self._changes)
        return (
            *(note for note in told if note.startswith(WARNING)),
            *listed("skipped {} [capture|captures] without a label", self._labels.skipped),
            *listed("{} [file|files] named by the labels [is|are] not there", self._labels.unused),
            *listed("skipped {} [capture|captures] that cannot be read", self._broken),
            *listed(
                "{} [capture is damaged and used as far as it goes|captures are damaged and used as far as they go]",
                self._damaged,
            ),
            *(note for note in told if not note.startswith(WARNING)),
        )


ONE_SESSION = "no class has two sessions: training and test traffic will come from the same captures"


def read_captures(
    root: Path,
    files: Sequence[Path],
    pattern: str | None = None,
    labels: Path | None = None,
    read: Callable[[Path, str | None], tuple[FlowTable, Counter[str], tuple[str, ...]]] = capture_flows,
    progress: Progress = no_progress,
) -> tuple[FlowTable, tuple[str, ...]]:
    """The biflows of captures.

    Args:
        root: the folder that was asked for, or the one capture.
        files: the captures.
        pattern: see `label_captures`.
        labels: see `label_captures`.
        read: reads one capture, whose class is given, as `capture_flows` does.
        progress: told how many captures are read.

    Returns:
        the flows and notes: packets that biflows lack, captures that are skipped or damaged, packets and flows left
        out, by reason.

    Raises:
        DatasetError: when the pattern or the CSV file is unusable, or no capture can be read.
    """
    labelled = label_captures(root, files, pattern, labels)
    collection = Collection(root, labelled)
    parts: list[FlowTable] = []
    sessions: list[str] = []
    for number, capture in enumerate(labelled.captures, start=1):
        try:
            flows, changes, warnings = read(capture.path, capture.class_name)
        except (CaptureError, TrafficError) as error:
            collection.skip(capture.name, error)
            continue
        collection.add(capture.name, changes, warnings)
        parts.append(flows)
        sessions += [capture.session] * len(flows)
        progress(number, len(labelled.captures), capture.name)
    notes = collection.notes()
    whole = FlowTable.concat(parts)
    session = codes(np.array(sessions, object))
    sessions_of_class = np.bincount(np.unique(np.stack([whole.label, session]), axis=1)[0], minlength=1)
    if sessions_of_class.max() > 1:
        whole = replace(whole, session=session)
    elif len(whole):  # a split by session would leave nothing to test with
        notes = (*notes, ONE_SESSION)
    return whole.compact(), notes


def label_captures(root: Path, files: Sequence[Path], pattern: str | None, labels: Path | None) -> Labels:
    """The captures with their classes and sessions.

    Without `pattern` and `labels`, classes come from the CSV file that `write_pcap` lays beside a capture; where there
    is none, the class is the name of the folder that holds the capture, or a single capture's own name.

    Args:
        root: the folder that was asked for, or the one capture.
        files: the captures.
        pattern: see `Reading.label_pattern`.
        labels: see `Reading.labels`.

    Raises:
        DatasetError: when the pattern or the CSV file is unusable, or labels no capture.
    """
    if pattern is not None and labels is not None:
        raise DatasetError("captures are labelled by a pattern or by a CSV file, not by both")
    rows = {} if labels is None else _rows(labels)
    unused = set(rows)
    try:
        search = None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise DatasetError(f"the label pattern {pattern!r} is not a regular expression: {error}") from error
    if search is not None and "app" not in search.groupindex:
        raise DatasetError(f"the label pattern {pattern!r} needs a group named app, such as (?P<app>[^_/]+)_")
    labelled, skipped = [], []
    for path in files:
        name = path.relative_to(root).as_posix() if path != root else path.name
        session = name
        class_name: str | None = path.parent.resolve().name if path != root else name.partition(".")[0]
        if labels is not None:
            class_name, session = rows.get(name) or rows.get(path.name) or ("", "")
            unused -= {name, path.name}
        elif search is not None:
            match = search.search(name)
            class_name = (match["app"] or "") if match else ""
        elif sidecar_path(path).is_file():
            class_name = None
        if class_name != "":
            labelled.append(Labelled(path, name, class_name, session or name))
        else:
            skipped.append(name)
    if not labelled:
        what = f"the label pattern {pattern!r}" if labels is None else str(labels)
        names = listed("{} [capture has|captures have] no label", skipped)[0]
        raise DatasetError(f"{what} labels no capture in {root}: {names}")
    return Labels(labelled, skipped, sorted(unused))


def _rows(labels: Path) -> dict[str, tuple[str, str]]:
    """Class name and session by file, from a CSV file."""
    found: dict[str, tuple[str, str]] = {}
    try:
        require_file(labels, MOST_BYTES)
    except NtgbenchError as error:
        raise DatasetError(str(error)) from error
    try:
        with labels.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = {"file", "app"} - set(rows.fieldnames or ())
            if missing:
                raise DatasetError(
                    f"{labels} has no column {' or '.join(sorted(missing))}; its columns are file, app[, session]"
                )
            for row in rows:
                name, label = row["file"] or "", (row["app"] or "", row.get("session") or "")
                if found.setdefault(name, label) != label:
                    raise DatasetError(f"{labels} names {name!r} twice, with different labels: {found[name]}, {label}")
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{labels} is not a CSV file in UTF-8: {error}") from error
    return found
