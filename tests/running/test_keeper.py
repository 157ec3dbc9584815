"""The process above each worker: it ends as its command does, and leaves nothing of it behind."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.protocol import Limits
from ntgbench.running import keeper
from ntgbench.running.processes import Usage, kept

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt others")


def run(program: str, folder: Path, *arguments: object) -> tuple[int, bytes]:
    """Run a Python program below a keeper; its status and its log."""
    path = folder / "log"
    with path.open("a+b") as log:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        with kept(command, log, folder, {}) as process:
            status = process.wait(60)
    return status, path.read_bytes()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("print('said')", 0),
        ("import sys; print('said'); sys.exit(3)", 3),
        ("import os; print('said', flush=True); os._exit(255)", 255),
        ("import os; print('said', flush=True); os.abort()", -6),
        ("import os; print('said', flush=True); os.kill(os.getpid(), 9)", -9),
        ("import os; print('said', flush=True); os.kill(os.getpid(), 11)", -11),
        ("import os; print('said', flush=True); os.kill(os.getpid(), 40)", -40),
        ("import os; print('said', flush=True); os.killpg(0, 9)", -9),
    ],
)
def test_it_ends_as_its_command_does(tmp_path: Path, program: str, status: int) -> None:
    found, said = run(program, tmp_path)
    assert found == status
    assert said.split() == [b"said"]
    assert not list(tmp_path.glob("core*"))


def test_a_command_that_is_not_there_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("a+b") as log, kept(["/no/such/program"], log, tmp_path, {}) as process:
        assert process.wait(60) == 127
    assert path.read_text() == "cannot start /no/such/program: No such file or directory\n"


ESCAPES = """
import os, subprocess, sys
child = [sys.executable, "-c", "import os, signal; print(os.getpid(), flush=True); signal.pause()"]
first = subprocess.Popen(child, start_new_session=True, env={}, stdout=subprocess.PIPE)
print(int(first.stdout.readline()), flush=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        second = subprocess.Popen(child, env={}, stdout=subprocess.PIPE)
        print(int(second.stdout.readline()), flush=True)
        print("ready", file=open(sys.argv[1], "w"), flush=True)
    os._exit(0)
open(sys.argv[1]).read()
END
"""


@LINUX
@pytest.mark.parametrize("end", ["", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_nothing_outlives_it_whatever_session_it_is_in(tmp_path: Path, end: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    _, said = run(ESCAPES.replace("END", end), tmp_path, tmp_path / "fifo")
    pids = [int(line) for line in said.split()]
    assert len(pids) == 2
    assert all(map(gone, pids))


@LINUX
def test_a_command_whose_keeper_is_killed_ends_with_it(tmp_path: Path) -> None:
    program = "import os, signal, sys; print(os.getpid(), file=open(sys.argv[1], 'w'), flush=True); signal.pause()"
    os.mkfifo(tmp_path / "fifo")
    command = [sys.executable, "-c", program, str(tmp_path / "fifo")]
    with (tmp_path / "log").open("a+b") as log, kept(command, log, tmp_path, {}) as process:
        worker = psutil.Process(int((tmp_path / "fifo").read_text()))
        process.kill()
        psutil.wait_procs([worker], timeout=60)
        assert gone(worker.pid)


def test_what_a_killed_keeper_leaves_is_found_by_its_mark(tmp_path: Path) -> None:
    program = """
import os, signal, subprocess, sys
child = [sys.executable, "-c", "import os, signal; print(os.getpid(), flush=True); signal.pause()"]
left = subprocess.Popen(child, start_new_session=True, stdout=subprocess.PIPE)
with open(sys.argv[1], "w") as file:
    file.write(left.stdout.readline().decode())
os.kill(os.getppid(), signal.SIGKILL)
signal.pause()
"""
    status, _ = run(program, tmp_path, tmp_path / "left")
    assert status == -9
    assert gone(int((tmp_path / "left").read_text()))


def test_it_ends_everything_when_its_input_is_closed(tmp_path: Path) -> None:
    program = """
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
with open(sys.argv[1], "w") as file: print(os.getpid(), child.pid, file=file)
signal.pause()
"""
    os.mkfifo(tmp_path / "fifo")
    command = [sys.executable, "-c", program, str(tmp_path / "fifo")]
    with (tmp_path / "log").open("a+b") as log, kept(command, log, tmp_path, {}):
        pids = [int(word) for word in (tmp_path / "fifo").read_text().split()]
    assert len(pids) == 2
    assert all(map(gone, pids))


@given(st.lists(st.tuples(st.integers(1, 2**16), st.integers(33, 126)), min_size=1, max_size=60))
def test_a_log_keeps_its_first_and_its_last_part(tmp_path_factory, parts: list[tuple[int, int]]) -> None:
    path = tmp_path_factory.mktemp("logs") / "log"
    written = b"".join(bytes([byte]) * count for count, byte in parts)
    with path.open("a+b", buffering=0) as log:
        limited = keeper.Log(log.fileno())
        for count, byte in parts:
            limited.append(bytes([byte]) * count)
    kept = path.read_bytes()
    if len(written) <= keeper.LOG_LIMIT:
        assert kept == written
    else:
        head, tail = kept.split(keeper.LEFT_OUT)
        assert written.startswith(head)
        assert written.endswith(tail)
        assert len(kept) <= keeper.LOG_LIMIT
        assert min(len(head), len(tail)) >= keeper.LOG_LIMIT // 4


def test_who_prints_for_ever_fills_no_disk_and_does_not_die(tmp_path: Path) -> None:
    program = "import sys\nfor _ in range(100): sys.stdout.write('line\\n' * 2**17)\nprint('the last one')"
    status, said = run(program, tmp_path)
    assert status == 0
    assert len(said) <= keeper.LOG_LIMIT
    assert said.startswith(b"line\n")
    assert keeper.LEFT_OUT in said
    assert said.endswith(b"line\nthe last one\n")


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    with full.open("r+b", buffering=0) as log:
        command = [sys.executable, "-c", "print('x' * 2**20); print('last words'); import sys; sys.exit(5)"]
        with kept(command, log, tmp_path, {}) as process:
            assert process.wait(60) == 5
        assert process.lost.endswith(b"x\nlast words\n")


BURNS = "import time\nend = time.process_time() + 1.0\nwhile time.process_time() < end: pass\n"


@pytest.mark.parametrize(
    "program",
    [
        BURNS,
        f"import subprocess, sys\nfor _ in range(2): subprocess.run([sys.executable, '-c', {BURNS!r}])\n",
        pytest.param(
            f"import os\nif os.fork() == 0:\n  os.setsid()\n  os.fork() or exec({BURNS!r})\n  os._exit(0)\nos.wait()\n",
            marks=LINUX,
        ),
    ],
)
def test_cpu_time_is_counted_wherever_it_is_spent(tmp_path: Path, program: str) -> None:
    program += "import signal; signal.pause()"
    with (tmp_path / "log").open("a+b") as log, kept([sys.executable, "-c", program], log, tmp_path, {}) as process:
        usage = Usage(process, Limits(cpu_minutes=0.9 / 60))
        over = None
        while over is None:
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                over = usage.over()
            else:
                break
    assert over == "over the time limit of 0.015 CPU minutes"
    assert usage.cpu_seconds > 0.9


def test_time_without_a_trace_counts_once(tmp_path: Path) -> None:
    """What vanishes for one look only is found again; what stays away keeps what was seen of it."""
    with (tmp_path / "log").open("a+b") as log, kept([sys.executable, "-c", ""], log, tmp_path, {}) as process:
        process.wait(60)
        usage = Usage(process, Limits())
    usage._gone = 0.0
    totals = []
    for seen in (5.0, 2.0, 5.0, 6.0, 1.0, 1.0, 2.0):
        usage._count(seen)
        totals.append(usage.cpu_seconds)
    assert totals == [5.0, 5.0, 5.0, 6.0, 6.0, 6.0, 7.0]
