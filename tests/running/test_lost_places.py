"""Folders that a system deletes, and disks that are full: one row each, and the others go on."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SYSTEMS = """
    import os, shutil, threading
    from pathlib import Path
    import numpy as np
    from ntgbench import GeneratorSpec, hookimpl

    NAMES = ["deletes-its-folder", "deletes-and-dies", "deletes-its-model", "makes-it-a-file", "garbles-its-result",
             "fills-the-disk", "half-a-model", "tells-its-place", "lays-pipes", "lies-about-progress",
             "leaves-a-thread", "prints-half-a-character"]

    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec(name, f"places:{name.title().replace('-', '')}", name) for name in NAMES]

    class Ones:
        def __init__(self, parameters): pass
        def fit(self, train, context): self.packets = train.packets
        def sample(self, labels, rng): return np.ones((len(labels), self.packets), np.int64)
        def save(self, folder): pass
        def load(self, folder): pass

    class DeletesItsFolder(Ones):
        def fit(self, train, context): super().fit(train, context); shutil.rmtree(os.getcwd())
    class DeletesAndDies(Ones):
        def fit(self, train, context): shutil.rmtree(os.getcwd()); print("last words", flush=True); os._exit(3)
    class DeletesItsModel(Ones):
        def save(self, folder): shutil.rmtree(folder.parent)
    class MakesItAFile(Ones):
        def fit(self, train, context):
            cell = Path.cwd()
            shutil.rmtree(cell)
            cell.write_text("")
    class GarblesItsResult(Ones):
        def fit(self, train, context): Path("result.json").write_text("{"); os._exit(0)
    class LaysPipes(Ones):
        def fit(self, train, context):
            for name in ("progress.json", "phases.json", "result.json", "measured.json"):
                Path(name).unlink(missing_ok=True)
                os.mkfifo(name)
            super().fit(train, context)
            os._exit(3)
    class LiesAboutProgress(Ones):
        def fit(self, train, context):
            Path("progress.json").write_text('{"phase": {}, "done": "x", "total": [1], "note": null}')
            super().fit(train, context)
    class LeavesAThread(Ones):
        def fit(self, train, context):
            super().fit(train, context)
            threading.Thread(target=threading.Event().wait).start()
    class PrintsHalfACharacter(Ones):
        def fit(self, train, context):
            super().fit(train, context)
            print("half: \\ud800")
    class FillsTheDisk(Ones):
        def fit(self, train, context):
            with open("filling", "wb", buffering=0) as file:
                while True: file.write(bytes(2**16))
    class HalfAModel(Ones):
        def save(self, folder):
            with open(folder / "weights", "wb", buffering=0) as file:
                while True: file.write(bytes(2**16))
    class TellsItsPlace(Ones):
        def fit(self, train, context): super().fit(train, context); Path("dropped").write_text(os.getcwd())
"""


def rows(tmp_path: Path) -> dict[str, dict]:
    lines = (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines()
    return {row["system"]: row for row in map(json.loads, lines)}


def grid(flows: Path, *systems: str) -> list[object]:
    return ["run", "-d", flows, *(w for s in systems for w in ("-s", s)), "--seeds", 1, "--suite", "fidelity"]


@pytest.mark.slow
def test_a_system_that_deletes_its_folder_is_one_row(install, command, flows, tmp_path) -> None:
    install("places", SYSTEMS)
    reasons = {
        "deletes-its-folder": "No such file or directory",
        "deletes-and-dies": "its process ended with status 3 and without a result: last words",
        "deletes-its-model": "No such file or directory",
        "makes-it-a-file": "its row is not stored",
        "garbles-its-result": "the result.json that its process left is damaged",
    }
    done = command(*grid(flows, *reasons, "copy"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    found = rows(tmp_path)
    assert found.keys() == {*reasons, "copy"}
    for name, reason in reasons.items():
        assert found[name]["status"] == "failed"
        assert reason in found[name]["reason"]
        assert found[name]["phases"] or name in ("makes-it-a-file", "garbles-its-result")
        assert f"example / {name} / seed 0: " in done.stderr
    assert found["copy"]["status"] == "ok"
    # What was stored is found again.
    again = command("plan", *grid(flows, "deletes-its-folder", "deletes-and-dies", "garbles-its-result")[1:])
    assert "3 failed" in again.stdout


def test_what_a_system_puts_in_the_place_of_our_files_stops_nobody(install, command, flows, tmp_path) -> None:
    install("places", SYSTEMS)
    done = command(*grid(flows, "lays-pipes", "lies-about-progress"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    found = rows(tmp_path)
    assert found["lays-pipes"]["reason"].startswith("its process ended with status 3 and without a result")
    assert found["lies-about-progress"]["status"] == "ok"


def test_what_a_system_leaves_behind_in_its_process_costs_nothing(install, command, flows, tmp_path) -> None:
    install("places", SYSTEMS)
    done = command(*grid(flows, "leaves-a-thread", "prints-half-a-character"))
    assert done.returncode == 0, done.stderr
    (log,) = tmp_path.glob("runs/quick/*/prints-half-a-character/*/log.txt")
    assert "half: \\ud800" in log.read_text()


def test_what_a_system_drops_lies_in_its_own_folder(install, ntgbench, flows, tmp_path) -> None:
    install("places", SYSTEMS)
    # A relative import path means the same in the worker, which works somewhere else.
    done = ntgbench(*grid(flows, "tells-its-place"), PYTHONPATH="site")
    assert done.returncode == 0, done.stderr
    (dropped,) = tmp_path.rglob("dropped")
    assert dropped.parent == next(tmp_path.glob("runs/quick/*/tells-its-place/*"))
    assert dropped.read_text() == str(dropped.parent)


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
    assert f"{small_disk}/runs/quick/" in done.stderr
    assert "Traceback" not in done.stderr
    new = command("new", "tiny-gan", "--in", small_disk / "deep" / "down")
    assert new.returncode == 1
    assert f"cannot write {small_disk}/deep/down/tiny-gan: No space left on device; nothing of it is left" in new.stderr
    assert [path.name for path in small_disk.iterdir() if path.name != "runs"] == ["filling"]
