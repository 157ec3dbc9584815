"""Folders that a system deletes, and disks that are full: one row each, and the others go on."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("quick_cells")

SYSTEMS = """
    import shutil
    from pathlib import Path
    import numpy as np
    from ntgbench import GeneratorSpec, hookimpl

    @hookimpl
    def ntgbench_generators():
        names = ["fills-the-disk", "half-a-model", "tells-its-place", "deletes-the-runs", "deletes-the-boards",
                 "spoils-the-boards"]
        return [GeneratorSpec(name, f"places:{name.title().replace('-', '')}", name) for name in names]

    class Ones:
        def __init__(self, parameters): pass
        def fit(self, train, context): self.packets = train.packets
        def sample(self, labels, rng): return np.ones((len(labels), self.packets), np.int64)
        def save(self, folder): pass
        def load(self, folder): pass

    class FillsTheDisk(Ones):
        def fit(self, train, context):
            with open("filling", "wb", buffering=0) as file:
                while True: file.write(bytes(2**16))
    class HalfAModel(Ones):
        def save(self, folder):
            with open(folder / "weights", "wb", buffering=0) as file:
                while True: file.write(bytes(2**16))
    class TellsItsPlace(Ones):
        def fit(self, train, context): super().fit(train, context); Path("dropped").write_text(str(Path.cwd()))
    class DeletesTheRuns(Ones):
        def fit(self, train, context): super().fit(train, context); shutil.rmtree(Path.cwd().parents[3])
    class DeletesTheBoards(Ones):
        def fit(self, train, context):
            super().fit(train, context)
            self.boards = Path.cwd().parents[4] / "leaderboards"
            shutil.rmtree(self.boards)
    class SpoilsTheBoards(DeletesTheBoards):
        def fit(self, train, context): super().fit(train, context); self.boards.write_text("")
"""


def rows(tmp_path: Path) -> dict[str, dict]:
    lines = (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines()
    return {row["system"]: row for row in map(json.loads, lines)}


def grid(flows: Path, *systems: str) -> list[object]:
    return ["run", "-d", flows, *(w for s in systems for w in ("-s", s)), "--seeds", 1, "--suite", "fidelity"]


def test_what_a_system_drops_lies_in_its_own_folder(install, ntgbench, flows, tmp_path) -> None:
    install("places", SYSTEMS)
    # A relative import path means the same in the worker, which works somewhere else.
    done = ntgbench(*grid(flows, "tells-its-place"), PYTHONPATH="site")
    assert done.returncode == 0, done.stderr
    (dropped,) = tmp_path.rglob("dropped")
    assert dropped.parent == next(tmp_path.glob("runs/quick/*/tells-its-place/*"))
    assert dropped.read_text() == str(dropped.parent)


def test_a_run_whose_folder_is_deleted_goes_on(install, command, flows, tmp_path) -> None:
    install("places", SYSTEMS)
    done = command(*grid(flows, "deletes-the-runs", "deletes-the-boards", "copy"), "-j", 1)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    found = rows(tmp_path)
    assert {name: row["status"] for name, row in found.items()} == {
        "deletes-the-runs": "failed",
        "deletes-the-boards": "ok",
        "copy": "ok",
    }
    assert "No such file or directory" in found["deletes-the-runs"]["reason"]


def test_boards_that_cannot_be_written_are_one_error(install, command, flows, tmp_path) -> None:
    install("places", SYSTEMS)
    done = command(*grid(flows, "spoils-the-boards", "copy"), "-j", 1)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"error: {tmp_path}/leaderboards: File exists"
    assert "Traceback" not in done.stderr
    # Nothing is lost.
    (tmp_path / "leaderboards").unlink()
    again = command(*grid(flows, "spoils-the-boards", "copy"), "-j", 1)
    assert "2 finished earlier" in again.stdout
    assert rows(tmp_path).keys() == {"spoils-the-boards", "copy"}


def put_pipe(path: Path) -> None:
    os.mkfifo(path)


def put_folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("")


def put_link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


@pytest.mark.parametrize(
    ("put", "option"), [(put_pipe, "--retry"), (put_folder, "--fresh"), (put_link_to_nothing, "--fresh")]
)
def test_what_is_in_the_place_of_a_file_of_a_cell_is_removed(command, finished, tmp_path, put, option) -> None:
    (cell,) = tmp_path.glob("runs/quick/*/copy/*")
    before = {path.relative_to(cell) for path in cell.rglob("*")}
    rows = (tmp_path / "leaderboards" / "rows.jsonl").read_text()
    for path in [path for path in cell.iterdir() if path.is_file()]:
        path.unlink()
        put(path)
    shutil.rmtree(cell / "fitted")
    (cell / "fitted").write_text("")
    (cell / "unfinished").write_text("")
    done = command("run", *finished, option)
    assert done.returncode == 0, done.stderr
    assert {path.relative_to(cell) for path in cell.rglob("*")} == before
    again = (tmp_path / "leaderboards" / "rows.jsonl").read_text()
    assert [json.loads(line)["metrics"] for line in again.splitlines()] == [
        json.loads(line)["metrics"] for line in rows.splitlines()
    ]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_costs_those_that_write_to_it(install, command, flows, tmp_path, small_disk) -> None:
    install("places", SYSTEMS)
    done = command(*grid(flows, "half-a-model", "copy", "fills-the-disk", "marginals"), "--runs", small_disk, "-j", 1)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    found = rows(tmp_path)
    # Half a model is deleted, so that others have its room again.
    assert {name: row["status"] for name, row in found.items()} == {
        "half-a-model": "failed",
        "copy": "ok",
        "fills-the-disk": "failed",
        "marginals": "failed",
    }
    for name in ("half-a-model", "fills-the-disk", "marginals"):
        assert "No space left on device" in found[name]["reason"]
        assert f"runs/quick/example-3266a005/{name}/" in found[name]["reason"]
    next(small_disk.rglob("filling")).unlink()
    again = command(*grid(flows, "copy", "marginals"), "--runs", small_disk)
    assert again.returncode == 0, again.stderr


def test_a_full_disk_is_named(command, flows, tmp_path, small_disk) -> None:
    filling = small_disk / "filling"
    with filling.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(2**16))
    done = command(*grid(flows, "copy"), "--runs", small_disk / "runs")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert f"error: cannot write {small_disk}/runs/quick/" in done.stderr
    assert "Traceback" not in done.stderr
    new = command("new", "tiny-gan", "--in", small_disk / "deep" / "down")
    assert new.returncode == 1
    assert f"cannot write {small_disk}/deep/down/tiny-gan: No space left on device; nothing of it is left" in new.stderr
    assert [path.name for path in small_disk.iterdir() if path.name != "runs"] == ["filling"]
