"""What a run shows without a terminal: lines for phases, how far it is, and no sign that moves the cursor."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_rows import make_row

from ntgbench.cli.pace import Pace, lasting
from ntgbench.cli.progress import Lines, Silent
from ntgbench.protocol import bundled
from ntgbench.running.cells import Cell

CELLS = ("a/seed0", "a/seed1", "b/seed0", "b/seed1")


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def cells() -> list[Cell]:
    return [
        Cell(bundled()["quick"], "made", "d", "made", (), "copy", {}, "made", "1", int(name[-1]), f"/nowhere/{name}")
        for name in CELLS
    ]


def lines(clock: Clock) -> tuple[Lines, io.StringIO]:
    stream = io.StringIO()
    return Lines(stream, every=0.0, clock=clock), stream


def test_the_rest_takes_as_long_as_cells_alike_and_as_many_run_at_a_time() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.left() == 0.0
    first, second, third, fourth = cells()
    pace.begin([first, second, third, fourth])
    pace.heard(first)
    pace.heard(third)
    assert pace.left() is None
    clock.now = 10.0
    pace.ended(first, failed=False)
    pace.heard(second)
    clock.now = 14.0
    # The second is like the first: 6 of its 10 s are left. The others take 10 s as well, the third has run for 14.
    assert pace.left() == pytest.approx((6.0 + 0.0 + 10.0) / 2)
    clock.now = 30.0
    pace.ended(third, failed=True)
    # Now the fourth is known to take 30 s, and the second is overdue.
    assert pace.left() == pytest.approx((0.0 + 30.0) / 2)
    pace.ended(second, failed=False)
    assert (pace.done, pace.failed, pace.total) == (3, 1, 4)
    # One alone does not run two at a time.
    assert pace.left() == pytest.approx(30.0)


def test_the_rest_takes_as_long_as_fits_that_are_far_enough_tell() -> None:
    clock = Clock()
    pace = Pace(clock)
    first, second, third, fourth = cells()
    pace.begin([first, second, third, fourth])
    for cell in (first, third):
        pace.heard(cell, 0.0)
    clock.now = 10.0
    pace.heard(third, 0.09)
    pace.ended(first, failed=False)
    # The third seems to be as quick as the first until enough of its fit is done.
    assert pace.left() == pytest.approx((10.0 + 0.0 + 10.0) / 2)
    clock.now = 40.0
    pace.heard(third, 0.2)
    # It takes 200 s, as does the fourth, which is like it.
    assert pace.left() == pytest.approx((10.0 + 160.0 + 200.0) / 2)
    pace.heard(third, 0.0)  # the suites follow
    clock.now = 150.0
    pace.ended(third, failed=False)
    assert pace.left() == pytest.approx((10.0 + 150.0) / 2)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (59.9, "1 min"), (3_540, "59 min"), (7_810, "2 h 10 min")]
)
def test_times_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert lasting(seconds) == text


def test_a_line_says_how_far_the_run_is() -> None:
    clock = Clock()
    shown, _ = lines(clock)
    first, second, *_ = every = cells()
    shown.planned(every, every)
    assert shown.how_far() == "0 of 4 cells done"
    shown.doing(first, "fit 0%")
    clock.now = 60.0
    shown.doing(first, "fit 50% epoch 3")
    assert shown.how_far() == "0 of 4 cells done; made / copy / seed 0 fit 50% epoch 3 for 1 min"  # nothing of b
    shown.doing(first, "utility 0%")
    clock.now = 90.0
    shown.doing(second, "")
    assert shown.how_far() == "0 of 4 cells done; made / copy / seed 0 utility for 30 s; 1 more wait or run"
    shown.ended(first, make_row("copy", 0, status="failed", reason="oops", metrics={}))
    assert shown.how_far() == "1 of 4 cells done, 1 failed; 1 more wait or run; about 4 min left"


def test_each_phase_is_named_once_and_texts_stay_on_their_line() -> None:
    shown, stream = lines(Clock())
    first, *_ = every = cells()
    shown.planned(every, every)
    for what in ("", "load 0%", "fit 0%", "fit 10% a\rb", "sample 0%", "fidelity 0%", "fidelity 0% jsd"):
        shown.doing(first, what)
    shown.ended(first, make_row("copy", 0, status="failed", reason="it\nbroke\r", metrics={}))
    told = stream.getvalue()
    assert "\r" not in told
    title = "made / copy / seed 0"
    assert told.splitlines()[1:-1] == [f"{title}: {what}" for what in ("started", "fit", "sample", "fidelity")]
    assert rf"{title}: FAILED: it\nbroke\r (log: /nowhere/a/seed0/log.txt)" in told


def test_the_thread_prints_whole_lines_and_ends_with_the_run() -> None:
    """It prints as often as it can, between lines that another thread prints."""

    class Counting(io.StringIO):
        def write(self, text: str) -> int:
            # As a terminal or a file does that takes a few characters at a time.
            for sign in text:
                super().write(sign)
            return len(text)

    stream = Counting()
    every = cells()
    with Lines(stream, every=1e-4) as shown:
        shown.planned(every, every)
        while "cells done" not in stream.getvalue() or stream.getvalue().count("another") < 100:
            shown.repaired("a line of another thread")
    told = stream.getvalue()
    known = {"a line of another thread", "4 cells, 0 finished earlier", "0 of 4 cells done"}
    assert set(told.splitlines()) == known
    assert not shown._beating.is_alive()
    assert stream.getvalue() == told


def test_a_quiet_run_says_nothing() -> None:
    stream = io.StringIO()
    with Silent(stream) as shown:
        shown.repaired("a line")
        shown.loaded(SimpleNamespace(name="a", argument="a", traffic=None, notes=["b"]), _Track())
    assert stream.getvalue() == ""


class _Track:
    def size(self, _: object) -> str:
        return "no traffic"

    def digest(self, _: object) -> str:
        return "0"


def test_a_run_in_a_pipe_names_every_phase_and_moves_no_cursor(ntgbench, flows: Path) -> None:
    done = ntgbench("run", "-d", "example.parquet", "-s", "copy", "--seeds", 1, "--suite", "fidelity", COLUMNS="100")
    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    assert told.isprintable() or not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", told)
    lines = done.stdout.splitlines()
    title = "example / copy / seed 0"
    phases = [f"{title}: {what}" for what in ("started", "fit", "sample", "fidelity")]
    assert [line for line in lines if line in phases] == phases
    ended = next(line for line in lines if line.startswith(f"{title}: fidelity/jsd_2gram"))
    assert lines.index(phases[-1]) < lines.index(ended)
    assert lines[-1] == "1 cell, leaderboards in leaderboards/index.html and leaderboards/README.md"
    assert any(re.match(r"system +jsd_2gram ↓", line) for line in lines)
    assert "note: 3 of 4 classes have fewer than 10 test biflows, so a few biflows decide what they add" in done.stdout


def test_the_bar_of_a_terminal_goes_and_the_table_stays(flows: Path, tmp_path: Path) -> None:
    """On a real terminal of 90 columns, made of a pair of file descriptors."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
    command = [sys.executable, "-m", "ntgbench", "run", "-d", "example.parquet", "-s", "copy", "--seeds", "1"]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    child = subprocess.Popen(
        [*command, "--suite", "fidelity"],
        cwd=tmp_path,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    told = b""
    try:
        while part := os.read(leader, 65_536):
            told += part
    except OSError:  # how the other end says that it is closed
        pass
    os.close(leader)
    assert child.wait() == 0
    shown = told.decode()
    assert "0 of 1" in shown
    assert "\r" in shown
    after = shown[shown.index("example, 1 seed") :]
    assert "of 1, " not in after
    assert all(len(line) <= 90 for line in after.splitlines())
