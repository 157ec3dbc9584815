"""How each kind of input is read, and what must hold afterwards."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.fuzz import seeds
from benchmarks.fuzz.mutations import from_folder
from ntgbench.errors import NtgbenchError

_HARMLESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


def _unfolded(content: bytes, folder: Path) -> None:
    """Write the files of an input into `folder`; what would lie elsewhere is left out."""
    for name, file in from_folder(content).items():
        with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            if _HARMLESS.fullmatch(name) and len(name) < 200:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(file)


def capture(path: Path) -> object:
    """Every packet is accounted for, in the order of time, and the packets make flows."""
    from ntgbench.traffic.capture import read_capture
    from ntgbench.traffic.segmentation import flow_table, segment

    for inner in (False, True):
        found = read_capture(path, inner=inner, size_limit=2**24)
        assert len(found.trace) + sum(found.left_out.values()) == found.packets
        assert (found.trace.time_ns[1:] >= found.trace.time_ns[:-1]).all()
        assert all(note.isprintable() for note in found.notes())
        flows = segment(found.trace)
        assert flows.flow.shape == (len(found.trace),)
        flow_table(found.trace, flows, "app")
    return found


def flows(**options: Any) -> Callable[[Path], object]:
    """What is read of a file or folder makes biflows."""
    from ntgbench.datasets.reading import Reading, read_flows

    def read(path: Path) -> object:
        found, notes = read_flows(path, Reading(min_class=1, **options))
        assert all(note.isprintable() for note in notes), notes
        return found.to_biflows(10, 1460)

    return read


def foreign_flows(path: Path) -> object:
    """A table whose directions are 0 and 1, or +1 and -1."""
    try:
        return flows(upstream="0")(path)
    except NtgbenchError:
        return flows()(path)


def biflows(path: Path) -> object:
    from ntgbench.traffic.biflows import Biflows

    return Biflows.from_parquet(path)


@cache
def _capture() -> bytes:
    return seeds.capture()


def labelled(content: bytes, folder: Path) -> object:
    """A file of labels for a folder of one capture."""
    (folder / "captures" / "a").mkdir(parents=True)
    (folder / "captures" / "a" / "1.pcap").write_bytes(_capture())
    (folder / "labels.csv").write_bytes(content)
    return flows(labels=folder / "labels.csv")(folder / "captures")


def with_sidecar(content: bytes, folder: Path) -> object:
    """The classes of a capture's biflows, beside it."""
    (folder / "a.pcap").write_bytes(_capture())
    (folder / "a.pcap.csv").write_bytes(content)
    return flows()(folder / "a.pcap")


def protocol(path: Path) -> object:
    from ntgbench.protocol import read

    found = read(path)
    return found.digest(), found.to_json()


def system(content: bytes, _: Path) -> object:
    """What a user writes after -s, for either track."""
    from ntgbench.systems import choose

    text = content.decode("utf-8", "surrogateescape")
    try:
        return choose(text, "headers").display_name
    except NtgbenchError:
        return choose(text).display_name


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@cache
def _boards() -> tempfile.TemporaryDirectory[str]:
    """A folder of leaderboards, which is there until the process ends."""
    from ntgbench.report.publish import publish

    home = tempfile.TemporaryDirectory()
    publish(seeds.rows(), Path(home.name))  # type: ignore[arg-type]
    return home


def merge(content: bytes, folder: Path) -> None:
    """Rows are merged and all boards follow from them, or everything stays as it was."""
    given = folder / "given.jsonl"
    given.write_bytes(content)
    (folder / "empty").mkdir()
    shutil.copytree(_boards().name, folder / "boards")
    _merge_into(folder / "boards", given)
    if given.read_bytes().strip():
        _merge_into(folder / "empty", given)


def _merge_into(boards: Path, given: Path) -> None:
    from ntgbench.cli.report import report

    before = contents(boards)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            report.main(["--out", str(boards), "--merge", str(given)], standalone_mode=False)
    except NtgbenchError as error:
        if contents(boards) != before:
            raise RuntimeError("a refused file has changed the folder") from error
        raise
    assert not report.main(["--out", str(boards), "--check"], standalone_mode=False), "stale after a merge"


def repaired(content: bytes, folder: Path) -> object:
    """A rows.jsonl is valid after its repair, or as it was."""
    from ntgbench.report.repair import repair
    from ntgbench.results import parse_rows

    _unfolded(content, folder)
    path, runs = folder / "rows.jsonl", folder / "a" / "b" / "c" / "d"
    runs.mkdir(parents=True, exist_ok=True)
    if (folder / "result.json").is_file():
        shutil.move(folder / "result.json", runs)
    if not path.is_file():
        return None
    before = path.read_bytes()
    try:
        told = repair(folder, folder)
    except NtgbenchError as error:
        if path.read_bytes() != before:
            raise RuntimeError("changed although refused") from error
        raise
    assert parse_rows(path)[1] == []
    return told


def cell(content: bytes, folder: Path) -> object:
    """The files in the folder of a cell: its row, its state, and what it is about."""
    from dataclasses import replace

    from ntgbench.running.cells import read_cell
    from ntgbench.running.state import State, doing, forget_process, left_behind

    (folder / "good").mkdir()
    _unfolded(seeds.cells()[0], folder / "good")
    good = replace(read_cell(folder / "good"), folder=str(folder))
    _unfolded(content, folder)
    good.progress()
    assert doing(good).isprintable()
    metrics, seconds = left_behind(good, 0.0)
    assert all(isinstance(name, str) for name in (*metrics, *seconds))
    State(good).write()
    forget_process(good)
    return read_cell(folder)


def generate(content: bytes, folder: Path) -> object:
    """A folder of a fitted system makes valid traffic, or is refused before it takes much memory."""
    from ntgbench.cli.generate import generate
    from ntgbench.plugins import registry

    model, out = folder / "model", folder / "out.parquet"
    model.mkdir()
    _unfolded(content, model)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            generate.main(["--model", str(model), "-n", "3", "--out", str(out)], standalone_mode=False)
    except NtgbenchError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MemoryError) or "allocate" in str(cause):
                raise RuntimeError(f"asked for too much memory: {cause}") from error
            cause = cause.__cause__
        raise
    except click.ClickException as error:
        raise RuntimeError(f"misused: {error.message}") from error
    return next(name for name in registry().tracks() if _loads(name, out))


def _loads(track: str, path: Path) -> bool:
    from ntgbench.plugins import registry

    with contextlib.suppress(NtgbenchError):
        registry().track(track).load(path)
        return True
    return False
