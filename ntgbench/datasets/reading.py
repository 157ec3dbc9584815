"""Reading flows from a table, a capture, or a folder of files, whatever the format."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ntgbench.datasets.partitions import parts_of
from ntgbench.errors import DatasetError, TrafficError
from ntgbench.interfaces import no_progress
from ntgbench.limits import Allowance
from ntgbench.traffic.notes import listed
from ntgbench.traffic.segmentation import ACTIVE_TIMEOUT, IDLE_TIMEOUT
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ntgbench.interfaces import Progress
    from ntgbench.tracks.biflows.splits import Thinning
    from ntgbench.traffic.biflows import Biflows
    from ntgbench.traffic.flows import FlowTable

TABLES = (".parquet", ".csv", ".csv.gz")
CAPTURES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".cap.gz")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
ENDINGS = (*TABLES, *CAPTURES, *ARCHIVES, ".json")
"""Endings of the files that can be read; JSON files and archives are MIRAGE-2019's."""

Format = Literal["table", "mirage", "captures"]


@dataclass(frozen=True)
class Reading:
    """How files are read, where they do not say it themselves.

    Attributes:
        columns: column names of a table by what they hold: label, length, direction, iat, time, session, ppi.
        upstream: value of a table's directions that means upstream, where they are not +1 (upstream) and -1.
        label_pattern: regular expression with a group `app` that finds the class in a capture's path below the folder.
        labels: CSV file with columns file (path below the folder, or file name), app[, session] that labels captures.
        inner: read what captures hold inside tunnels, see `read_capture`.
        idle_timeout: seconds without a packet after which a biflow of a capture has ended, see `segment`.
        active_timeout: seconds after which a biflow of a capture ends although it goes on, see `segment`.
        exact: keep only the MIRAGE biflows whose label was observed for them, not inferred from others.
        min_class: drop classes with fewer flows; None means 100 for MIRAGE and 1 for all else.
        size_limit: bytes of memory that the content may expand to; None takes `ntgbench.limits.size_limit()`.
    """

    columns: Mapping[str, str] | None = None
    upstream: str | None = None
    label_pattern: str | None = None
    labels: Path | None = None
    inner: bool = False
    idle_timeout: float = IDLE_TIMEOUT
    active_timeout: float = ACTIVE_TIMEOUT
    exact: bool = False
    min_class: int | None = None
    size_limit: int | None = None


_APPLIES: dict[Format, tuple[str, ...]] = {
    "table": ("columns", "upstream"),
    "captures": ("label_pattern", "labels", "inner", "idle_timeout", "active_timeout"),
    "mirage": ("exact",),
}


def find_files(path: str | os.PathLike[str], reading: Reading) -> tuple[Format, list[Path], tuple[str, ...]]:
    """The format of a file or folder, the files to read, and notes on what is passed over.

    Raises DatasetError for a path that is missing or of no known format, and a reading that does not apply to it.
    """
    if not os.fspath(path):
        raise DatasetError("the path is empty; the folder you are in is called '.'")
    with _errors(path):
        kind, files, notes = _format_of(Path(path))
    for of, fields in _APPLIES.items():
        for field in fields:
            if of != kind and getattr(reading, field) != getattr(Reading, field):
                raise DatasetError(f"{field!r} is about {of}, but {path} is read as {kind}")
    return kind, files, notes


def read_flows(
    path: str | os.PathLike[str], reading: Reading | None = None, progress: Progress = no_progress
) -> tuple[FlowTable, tuple[str, ...]]:
    """All flows of a table, a capture, a folder of captures, or of MIRAGE-2019 JSON files in a folder or an archive.

    Returns the flows, at least one, with lengths as they are in the files; and notes on what was left out.
    Raises DatasetError for a path that is missing, unreadable or empty, and for a reading that does not apply to it.
    """
    reading = reading or Reading()
    kind, files, notes = find_files(path, reading)
    path = Path(path)
    with _errors(path):
        flows, more = _read(path, kind, files, reading, progress)
    smallest, counts = reading.min_class or (100 if kind == "mirage" else 1), flows.class_counts()
    small = counts < smallest
    kept = flows.select(~small[flows.label]).compact() if small.any() else flows
    begin_upstream = int(np.count_nonzero(kept.signed_pl[kept.offsets[:-1]] > 0))
    notes = (*more, *notes)
    return kept, (*notes, *notes_on_flows(path, notes, counts.tolist(), smallest, begin_upstream))


def notes_on_flows(
    path: Path, notes: Sequence[str], class_counts: Iterable[int], smallest: int, begin_upstream: int
) -> tuple[str, ...]:
    """More notes on the flows that were read, of which small classes are dropped.

    Args:
        path: what was read.
        notes: so far.
        class_counts: flows of each class.
        smallest: flows that a class needs.
        begin_upstream: how many of the flows that are left begin with an upstream packet.

    Raises:
        DatasetError: when no flow is left.
    """
    counts = list(class_counts)
    small = [count for count in counts if count < smallest]
    more: tuple[str, ...] = ()
    if small:
        dropped = f"dropped {pluralised(len(small), 'class')} with fewer than {pluralised(smallest, 'flow')}"
        more = (f"{dropped} ({pluralised(sum(small), 'flow')})",)
    flows = sum(counts) - sum(small)
    if not flows:
        told = (*notes, *more)
        raise DatasetError(f"{path} holds no usable flow" + (f": {'; '.join(told)}" if told else ""))
    if (share := begin_upstream / flows) < 0.5:
        more = (*more, f"only {share:.0%} of the flows begin upstream: check which direction is which")
    return more


def read_biflows(
    path: Path, packets: int, pl_max: int, thinning: Thinning | None = None
) -> tuple[Biflows, int, tuple[str, ...]]:
    """The first packets of each flow that `read_flows` reads, or of those that are chosen.

    A table is read as a stream: memory is that of the biflows. All else is read whole.

    Args:
        path: as in `read_flows`.
        packets: as in `FlowTable.to_biflows`.
        pl_max: as there.
        thinning: which biflows are kept when there are more; None keeps all.

    Returns:
        the biflows; how many there are without thinning; and notes, which are about all of them.

    Raises:
        DatasetError: as `read_flows`, and for a table whose biflows need too much memory.
    """
    kind, files, notes = find_files(path, Reading())
    if kind == "table":
        with _errors(path):
            from ntgbench.datasets.tables import read_table_biflows

            biflows, whole, upstream, more = read_table_biflows(path, files, packets, pl_max, thinning)
        cut = more[-1:] if more and more[-1].startswith("clipped") else ()
        notes = (*more[: len(more) - len(cut)], *notes)
        return biflows, whole, (*notes, *notes_on_flows(path, notes, [whole], 1, round(upstream * whole)), *cut)
    flows, notes = read_flows(path)
    with _errors(path):
        biflows, cut = flows.to_biflows(packets, pl_max)
    whole = len(biflows)
    if thinning is not None and whole > thinning.most:
        biflows = biflows.select(thinning.kept(biflows.label))
    return biflows, whole, (*notes, *cut)


@contextlib.contextmanager
def _errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """What reading `path` raises in the block becomes a DatasetError that names it."""
    try:
        yield
    except TrafficError as error:
        raise DatasetError(f"{path}: {error}") from error
    except OSError as error:
        raise DatasetError(f"cannot read {error.filename or path}: {error.strerror or error}") from error


def _format_of(path: Path) -> tuple[Format, list[Path], tuple[str, ...]]:
    """The format of a file by its ending, or of a folder by the files that it holds; these files; and notes."""
    if not path.exists():
        raise DatasetError(f"there is no file or folder {path}")
    if not path.is_file() and not path.is_dir():
        raise DatasetError(f"{path} is neither a regular file nor a folder")
    name = path.name.lower()
    if path.is_file() and name.endswith(TABLES):
        return "table", [path], ()
    if path.is_file() and name.endswith(ARCHIVES):
        return "mirage", [path], ()
    files, notes = files_below(path) if path.is_dir() else ([path], ())
    documents = [file for file in files if file.name.lower().endswith(".json")]
    captures = [file for file in files if file.name.lower().endswith(CAPTURES)]
    parts = parts_of(path, files) if path.is_dir() else []
    if parts and (path.name.lower().endswith(".parquet") or not (documents or captures)):
        return "table", parts, notes
    if documents and captures:
        raise DatasetError(f"{path} holds JSON files and captures; name a folder with one of the two")
    if documents:
        return "mirage", documents, notes
    if captures:
        return "captures", captures, notes
    wanted = "no Parquet file, no MIRAGE-2019 JSON file and no capture" if path.is_dir() else "no ending that is known"
    told = "".join(f" ({note})" for note in notes)
    raise DatasetError(f"{path} has {wanted}{told}; files that can be read end in {', '.join(ENDINGS)}")


def files_below(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The files in a folder and its folders, sorted by path; and notes on folders that are passed over."""
    unreadable: list[str] = []
    linked: list[str] = []
    files: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=lambda error: unreadable.append(str(error.filename))):
        linked += [os.path.join(parent, name) for name in folders if os.path.islink(os.path.join(parent, name))]
        files += [path for name in names if (path := Path(parent, name)).is_file()]
    if str(folder) in unreadable:
        raise DatasetError(f"cannot read {folder}: Permission denied")
    below = ([Path(path).relative_to(folder).as_posix() for path in sorted(paths)] for paths in (linked, unreadable))
    symbolic, closed = below
    return sorted(files), (
        *listed("skipped {} [folder that is a symbolic link|folders that are symbolic links]", symbolic),
        *listed("skipped {} [folder|folders] that cannot be read", closed),
    )


def _read(
    path: Path, kind: Format, files: list[Path], reading: Reading, progress: Progress
) -> tuple[FlowTable, tuple[str, ...]]:
    if kind == "table":
        from ntgbench.datasets.tables import read_table

        return read_table(path, reading.columns, reading.upstream, reading.size_limit, files)
    if kind == "mirage":
        from ntgbench.datasets import archives
        from ntgbench.datasets.mirage import read_mirage

        is_archive = path.name.lower().endswith(ARCHIVES)
        allowance = Allowance(path, reading.size_limit)
        contents = archives.members(path, ".json", allowance) if is_archive else archives.documents(files, allowance)
        return read_mirage(contents, reading.exact, progress, allowance)
    from ntgbench.datasets.captures import read_captures
    from ntgbench.traffic.capture_flows import capture_flows

    read = partial(
        capture_flows,
        inner=reading.inner,
        idle_timeout=reading.idle_timeout,
        active_timeout=reading.active_timeout,
        size_limit=reading.size_limit,
    )
    return read_captures(path, files, reading.label_pattern, reading.labels, read, progress)
