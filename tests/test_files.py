"""Folders that one process works in at a time, and files that several write at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from ntgbench.errors import NtgbenchError
from ntgbench.files import LOCK_FILE, locked, write_text, write_texts

AT_ONCE = 8


def together(act: Callable[[], None]) -> None:
    """Run `act` in several threads that start at one time."""
    start = threading.Barrier(AT_ONCE)

    def late(_: int) -> None:
        start.wait()
        act()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(late, range(AT_ONCE)))


def test_one_holds_a_folder_that_several_lock_for_the_first_time(tmp_path):
    at_once = threading.Event()
    at_once.set()
    held = []

    def hold(folder: Path, decided: threading.Barrier) -> None:
        try:
            with locked(folder, stop=at_once):
                held.append(folder)
                decided.wait()
        except InterruptedError:  # another holds it
            decided.wait()

    folders = [tmp_path / str(number) for number in range(50)]
    for folder in folders:
        folder.mkdir()
        together(partial(hold, folder, threading.Barrier(AT_ONCE)))
    assert held == folders


@pytest.mark.parametrize("replace", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("elsewhere")])
def test_a_lock_file_that_was_replaced_is_made_anew(tmp_path, replace):
    replace(tmp_path / LOCK_FILE)
    with locked(tmp_path):
        assert (tmp_path / LOCK_FILE).is_file()
    assert os.listdir(tmp_path) == [LOCK_FILE]


def test_waiting_for_a_folder_can_be_stopped(tmp_path):
    stop = threading.Event()
    stop.set()
    with locked(tmp_path), pytest.raises(InterruptedError, match="stopped while waiting"), locked(tmp_path, stop):
        pass


def test_holders_that_share_a_folder_do_not_wait(tmp_path):
    with locked(tmp_path, shared=True) as one, locked(tmp_path, shared=True) as other:
        assert one != other


def test_several_write_one_file(tmp_path):
    path = tmp_path / "a.txt"
    for _ in range(20):
        together(lambda: write_text(path, "a" * 1000))
    assert path.read_text() == "a" * 1000
    assert os.listdir(tmp_path) == ["a.txt"]


def test_nothing_is_written_where_one_path_is_a_folder(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(NtgbenchError, match=r"cannot write .*b: Is a directory; nothing was changed"):
        write_texts({tmp_path / "a": "a", tmp_path / "b": "b"})
    assert os.listdir(tmp_path) == ["b"]
