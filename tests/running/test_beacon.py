"""The file by which all who work for a run see that it still goes on. Other processes are those of other machines."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ntgbench.running import beacon
from ntgbench.running.beacon import STOPPED, is_seen, stopping

LONG = 1000.0
WAIT = 60.0


@pytest.fixture
def lit(tmp_path, monkeypatch):
    """The file of a run that another machine has begun, which this one looks at often."""
    monkeypatch.setattr(beacon, "_LOOK", 0.01)
    path = tmp_path / "run"
    path.write_bytes(b"running\n")
    return path


def test_a_run_that_stops_is_seen_to_stop(lit) -> None:
    with stopping(lit, LONG) as stop:
        assert not stop.is_set()
        lit.write_bytes(STOPPED)
        assert stop.wait(WAIT)


@pytest.mark.parametrize("ahead", [-86_400.0, 0.0, 86_400.0])
def test_silence_counts_by_the_own_clock(lit, ahead: float) -> None:
    # The clock of the run's machine is a day behind or ahead.
    os.utime(lit, (time.time() + ahead,) * 2)
    with stopping(lit, LONG) as stop:
        assert not stop.wait(20 * beacon._LOOK)
    with stopping(lit, 0.1) as stop:
        assert stop.wait(WAIT)


def test_a_change_of_the_file_breaks_the_silence(lit, monkeypatch) -> None:
    states = iter(range(50))
    # Each look finds another time, also earlier ones, until there is no change any more.
    monkeypatch.setattr(beacon, "_state", lambda path: (next(states, 0) % 7, 0))
    with stopping(lit, 0.2) as stop:
        assert stop.wait(WAIT)
    assert next(states, None) is None


def test_a_file_that_vanishes_is_silence(lit) -> None:
    with stopping(lit, LONG) as stop:
        lit.unlink()
        # A network file system may lose sight of it for a while.
        assert not stop.wait(20 * beacon._LOOK)
    with stopping(lit, 0.1) as stop:
        assert stop.wait(WAIT)
    assert not is_seen(lit)


def test_a_run_whose_folder_of_files_is_deleted_is_still_heard_and_seen_to_stop(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(beacon, "BEAT", 0.01)

    def delete(path: Path) -> None:
        with contextlib.suppress(OSError):  # the run makes it again at any moment
            shutil.rmtree(path.parent)

    with beacon.beacon(tmp_path) as path:
        delete(path)
        deadline = time.monotonic() + WAIT
        while not path.exists() and time.monotonic() < deadline:
            os.sched_yield()
        assert path.exists()
        monkeypatch.setattr(beacon, "BEAT", LONG)
        delete(path)
    assert path.read_bytes() == STOPPED


def test_a_run_beats_and_says_that_it_stops(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(beacon, "BEAT", 0.01)
    with beacon.beacon(tmp_path) as path:
        assert is_seen(path)
        os.utime(path, (0, 0))
        # It beats again: a process that watches the file hears it, and ends when the run stops.
        watcher = "import sys, pathlib; from ntgbench.running.beacon import stopping\n"
        watcher += (
            "with stopping(pathlib.Path(sys.argv[1]), 1000.0) as stop: print('watching', flush=True), stop.wait()"
        )
        watching = subprocess.Popen([sys.executable, "-c", watcher, str(path)], stdout=subprocess.PIPE)
        assert watching.stdout.readline() == b"watching\n"
        assert watching.poll() is None
    watching.communicate(timeout=WAIT)
    assert watching.returncode == 0
    assert path.read_bytes() == STOPPED
    assert path.stat().st_mtime > 0


def test_a_run_whose_file_was_deleted_makes_it_again(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(beacon, "BEAT", 0.01)
    with beacon.beacon(tmp_path) as path:
        path.unlink()
        watcher = "import sys, pathlib; path = pathlib.Path(sys.argv[1])\nwhile not path.exists(): pass"
        subprocess.run([sys.executable, "-c", watcher, str(path)], check=True, timeout=WAIT)


def test_the_process_of_the_run_itself_needs_no_file(tmp_path) -> None:
    with beacon.beacon(tmp_path) as path:
        path.unlink()
        assert is_seen(path)
        with stopping(path, 0.0) as stop:
            assert not stop.is_set()
    assert stop.is_set()
    assert not is_seen(tmp_path / "another")


def test_files_of_runs_that_ended_long_ago_are_deleted(tmp_path) -> None:
    with beacon.beacon(tmp_path) as old, beacon.beacon(tmp_path) as new:
        pass
    os.utime(old, (time.time() - 2 * 86_400.0,) * 2)
    with beacon.beacon(tmp_path) as path:
        assert set(path.parent.iterdir()) == {new, path}


def test_a_process_that_is_about_to_end_stops(lit, monkeypatch) -> None:
    with stopping(lit, LONG) as stop:
        beacon.leave()
        try:
            assert stop.wait(WAIT)
        finally:
            beacon._LEFT.clear()
