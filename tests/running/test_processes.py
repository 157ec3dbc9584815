"""The processes that a process has started are found, whatever else runs on the machine."""

import subprocess
import sys

import psutil

from ntgbench.running import processes

# A child from a thread, which has a child itself, and one from the first thread.
TREE = """
import subprocess, sys, threading
command = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '60'])"]
started = []
thread = threading.Thread(target=lambda: (started.append(subprocess.Popen(command)), done.wait()))
done = threading.Event()
thread.start()
started.append(subprocess.Popen(["sleep", "60"]))
print("ready", flush=True)
sys.stdin.read()
"""


def test_children_of_any_thread_and_their_children_are_found(monkeypatch) -> None:
    tree = subprocess.Popen([sys.executable, "-c", TREE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert tree.stdout is not None
    assert tree.stdin is not None
    beside = subprocess.Popen(["sleep", "60"])
    root = psutil.Process(tree.pid)
    try:
        tree.stdout.readline()
        while len(root.children(recursive=True)) < 3:
            assert tree.poll() is None
        found = processes._below(root)
        assert {one.pid for one in found} == {one.pid for one in root.children(recursive=True)}
        assert beside.pid not in {one.pid for one in found}
        monkeypatch.setattr(processes, "_TELLS_CHILDREN", False)
        assert {one.pid for one in processes._below(root)} == {one.pid for one in found}
    finally:
        for one in [*root.children(recursive=True), root]:
            one.kill()
        for process in (tree, beside):
            process.kill()
            process.wait()
        tree.stdin.close()
        tree.stdout.close()
    gone = psutil.Process()
    assert beside.pid not in {one.pid for one in processes._below(gone)}
