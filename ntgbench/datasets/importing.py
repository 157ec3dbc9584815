"""Captures of any size and number into one data set of flows, in memory that does not grow with them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ntgbench.datasets.capture_work import PROGRESS_FILE, read_apart
from ntgbench.datasets.captures import ONE_SESSION, Collection, Labelled, label_captures
from ntgbench.datasets.partitions import require_replaceable
from ntgbench.datasets.reading import notes_on_flows
from ntgbench.errors import DatasetError, described
from ntgbench.interfaces import Progress, no_progress
from ntgbench.running.beacon import SILENCE, beacon
from ntgbench.running.engines import EngineError, Needs
from ntgbench.traffic.flows import FlowTable, codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ntgbench.datasets.reading import Reading
    from ntgbench.running.engines import Engine

MOST_PACKETS = 1 << 22
"""Packets of a part, after which the next one begins: memory that writing takes is bounded by them."""

_GROUP = 1 << 24  # bytes of captures that one process reads, at least, where captures are small,
_MOST_IN_GROUP = 256  # but no more captures: others can be read beside them, and one that ends the process costs less
_NEEDS = Needs(memory_gib=1.0)  # of a process that reads captures
_LOOK_EVERY = 0.5  # seconds between two looks at how far the captures are read


class Imported(NamedTuple):
    """What was written, and notes on what was not."""

    flows: int
    classes: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Unit:
    """Captures that one process reads, each into a folder of its own; the process keeps its files in the first."""

    captures: tuple[Labelled, ...]
    folders: tuple[Path, ...]

    def request(self, options: dict[str, Any], lit: Path) -> str:
        captures = [
            {"path": str(capture.path.absolute()), "class_name": capture.class_name, "folder": str(folder)}
            for capture, folder in zip(self.captures, self.folders, strict=True)
        ]
        request = {"captures": captures, "options": options}
        return json.dumps({"folder": str(self.folders[0]), "run": str(lit), "silence": SILENCE, "request": request})

    def single(self) -> list[_Unit]:
        """A unit for each capture, in empty folders."""
        for folder in self.folders:
            shutil.rmtree(folder)
            folder.mkdir()
        return [_Unit((one,), (folder,)) for one, folder in zip(self.captures, self.folders, strict=True)]


def import_captures(
    root: Path,
    files: Sequence[Path],
    out: Path,
    reading: Reading,
    packets: int,
    engine: Engine,
    notes: tuple[str, ...] = (),
    progress: Progress = no_progress,
    most_packets: int = MOST_PACKETS,
) -> Imported:
    """Write the flows of captures to `out`, which appears whole or not at all.

    The result is the same whatever the engine: one Parquet file, or a folder of several where it is large, see
    `ntgbench.traffic.flow_files`. A capture that cannot be read is a note.

    Args:
        root: the folder that was asked for, or the one capture.
        files: the captures.
        out: a file or a folder of parts that is there already is replaced.
        reading: how to read them.
        packets: packets kept of each flow.
        engine: reads the captures.
        notes: more notes, on files that were passed over.
        progress: told how many bytes are read.
        most_packets: packets of a part.

    Raises:
        DatasetError: when nothing can be read or written.
    """
    require_replaceable(out)
    labels = label_captures(root, files, reading.label_pattern, reading.labels)
    work = out.absolute().with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work.mkdir()
        units = list(_units(labels.captures, work))
        options = {name: getattr(reading, name) for name in ("inner", "idle_timeout", "active_timeout", "size_limit")}
        # Nothing writes into the folder any more when the engine is left.
        with engine, beacon(work) as lit:
            answers = _read(units, options | {"packets": packets}, engine, lit, progress)
        collection = Collection(root, labels)
        for capture, answer in zip(labels.captures, answers, strict=True):
            if "error" in answer:
                collection.skip(capture.name, answer["error"])
            else:
                collection.add(capture.name, answer["changes"], answer["warnings"])
        notes = (*collection.notes(), *notes)
        return _write(root, labels.captures, answers, units, out, work, reading.min_class or 1, notes, most_packets)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error.strerror or str(error)
        raise DatasetError(f"cannot write {out}: {why}; nothing was written") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _units(captures: Sequence[Labelled], work: Path) -> Iterator[_Unit]:
    """The captures in their order, small ones together; each has a folder of its own in `work`."""
    taken: list[Labelled] = []
    folders: list[Path] = []
    size = 0
    for number, capture in enumerate(captures):
        taken.append(capture)
        folders.append(work / f"{number:06}")
        folders[-1].mkdir()
        size += _size(capture.path)
        if size >= _GROUP or len(taken) >= _MOST_IN_GROUP or number == len(captures) - 1:
            yield _Unit(tuple(taken), tuple(folders))
            taken, folders, size = [], [], 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read(
    units: list[_Unit], options: dict[str, Any], engine: Engine, lit: Path, progress: Progress
) -> list[dict[str, Any]]:
    """The answers of `read_into_files`, capture by capture."""
    answers: dict[Path, dict[str, Any]] = {}
    running: dict[Future[str], _Unit] = {}
    sizes = {folder: _size(one.path) for unit in units for one, folder in zip(unit.captures, unit.folders, strict=True)}
    waiting = deque(units)
    while waiting or running:
        while waiting and engine.has_room(_NEEDS):
            unit = waiting.popleft()
            running[engine.submit(read_apart, unit.request(options, lit), _NEEDS)] = unit
        for future in wait(running, _LOOK_EVERY, FIRST_COMPLETED).done:
            unit = running.pop(future)
            found = _answer(future)
            if "full" in found[0]:
                raise OSError(0, found[0]["full"])
            if "died" in found[0] and len(unit.captures) > 1:  # whichever of them it was, the others can be read
                waiting.extendleft(reversed(unit.single()))
            else:
                answers |= zip(unit.folders, found, strict=True)
        progress(sum(sizes[f] if f in answers else _bytes_read(f) for f in sizes), sum(sizes.values()), "reading")
    return [answers[folder] for folder in sizes]


def _answer(future: Future[str]) -> list[dict[str, Any]]:
    """The answers about the captures of a unit; one alone where all were lost, with `full` or `died`."""
    try:
        found = json.loads(future.result())
    except (EngineError, CancelledError) as error:
        why = str(error) or "it has dropped what was submitted"
        raise EngineError(f"the engine is lost: {why}; nothing was written") from error
    except Exception as error:  # whatever ended the work on another machine
        found = {"died": described(error)}
    if isinstance(found, dict):
        return [{**found, "error": found.get("died")}]
    full: list[dict[str, Any]] = [answer for answer in found if "full" in answer]
    return full or found


def _bytes_read(folder: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int((folder / PROGRESS_FILE).read_text())
    return 0


def _write(
    root: Path,
    captures: Sequence[Labelled],
    answers: Sequence[dict[str, Any]],
    units: Sequence[_Unit],
    out: Path,
    work: Path,
    smallest: int,
    notes: tuple[str, ...],
    most_packets: int,
) -> Imported:
    """Put the flows of all captures into parts, without those of small classes, and the parts in their place."""
    flows: Counter[str] = Counter()
    upstream: Counter[str] = Counter()
    sessions_of: dict[str, set[str]] = {}
    with_flows = [(one, a) for one, a in zip(captures, answers, strict=True) if a.get("classes")]
    for capture, answer in with_flows:
        for name, (count, begin_upstream) in answer["classes"].items():
            flows[name] += count
            upstream[name] += begin_upstream
            sessions_of.setdefault(name, set()).add(capture.session)
    if all(len(sessions) < 2 for sessions in sessions_of.values()):
        code_of: dict[str, int] = {}
        more: tuple[str, ...] = (ONE_SESSION,)
    else:
        names = sorted({capture.session for capture, _ in with_flows})
        code_of, more = dict(zip(names, codes(names).tolist(), strict=True)), ()
    kept = {name for name, count in flows.items() if count >= smallest}
    notes = (*notes, *more)
    notes = (*notes, *notes_on_flows(root, notes, flows.values(), smallest, sum(upstream[name] for name in kept)))
    folders = (folder for unit in units for folder in unit.folders)
    tables = (
        (FlowTable.from_parquet(path)[0], code_of.get(capture.session))
        for capture, folder in zip(captures, folders, strict=True)
        for path in sorted(folder.glob("*.parquet"))
    )
    parts = work / "parts"
    parts.mkdir()
    count = 0
    for count, part in enumerate(_parts(tables, kept, most_packets), start=1):
        part.to_parquet(parts / f"part-{count - 1:05}.parquet")
    _put(parts if count > 1 else parts / "part-00000.parquet", out, work / "old")
    return Imported(sum(flows[name] for name in kept), len(kept), notes)


def _parts(tables: Iterator[tuple[FlowTable, int | None]], kept: set[str], most_packets: int) -> Iterator[FlowTable]:
    """Flows of the classes that are kept, as tables of about `most_packets` packets at most."""
    waiting: list[FlowTable] = []
    sessions: list[npt.NDArray[np.int32]] = []

    def joined() -> FlowTable:
        whole = FlowTable.concat(waiting)
        return (replace(whole, session=np.concatenate(sessions)) if sessions else whole).compact()

    for table, session in tables:
        flows = table.select(np.isin(table.label, [i for i, name in enumerate(table.classes) if name in kept]))
        if waiting and sum(len(one.signed_pl) for one in waiting) + len(flows.signed_pl) > most_packets:
            yield joined()
            waiting, sessions = [], []
        if len(flows):
            waiting.append(flows)
            sessions += [] if session is None else [np.full(len(flows), session, np.int32)]
    yield joined()


def _put(new: Path, out: Path, old: Path) -> None:
    """Move what was written to its place, and what was there out of the way."""
    if out.is_dir() or (new.is_dir() and os.path.lexists(out)):
        out.rename(old)
    new.rename(out)
