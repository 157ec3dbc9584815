"""Systems that harm their process, the disk or the machine, one way each: part of the plugin in made_misbehaving.py."""

# ruff: noqa: ARG002 - methods of plugins have the arguments that they have

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
from misbehaving import Behaves


class Hangs(Behaves):
    """Waits for ever"""

    def fit(self, train, context):
        signal.pause()


class HangsDeafly(Behaves):
    """Waits for ever and ignores signals"""

    def fit(self, train, context):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        while True:
            signal.pause()


class Hoards(Behaves):
    """Takes 30 GB of memory"""

    def fit(self, train, context):
        self.hoard = [np.ones(2**23) for _ in range(480)]


class Forks(Behaves):
    """Leaves twenty processes"""

    def fit(self, train, context):
        super().fit(train, context)
        for _ in range(20):
            if os.fork() == 0:
                signal.pause()


class Orphans(Behaves):
    """Leaves a process in a session of its own, with an empty environment and a parent that has ended"""

    def fit(self, train, context):
        super().fit(train, context)
        if os.fork() == 0:
            os.setsid()
            child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], env={})
            Path("left").write_text(str(child.pid))
            os._exit(0)
        os.wait()


class LeavesThread(Behaves):
    """Leaves a thread that does not end"""

    def fit(self, train, context):
        super().fit(train, context)
        threading.Thread(target=threading.Event().wait).start()


class PrintsMuch(Behaves):
    """Prints 200 MB"""

    def fit(self, train, context):
        super().fit(train, context)
        for _ in range(200):
            print("x" * 10**6)


class PrintsForever(Behaves):
    """Prints without end"""

    def fit(self, train, context):
        while True:
            print("x" * 1000)


class PrintsHalf(Behaves):
    """Prints half a character"""

    def fit(self, train, context):
        super().fit(train, context)
        print("half: \ud800")


class ExitsAtOnce(Behaves):
    """Ends the process"""

    def fit(self, train, context):
        print("last words", flush=True)
        os._exit(0)


class Exits(Behaves):
    """Asks the interpreter to end"""

    def fit(self, train, context):
        sys.exit(0)


class Segfaults(Behaves):
    """Reads where there is no memory"""

    def fit(self, train, context):
        ctypes.string_at(0)


class DeletesFolder(Behaves):
    """Deletes the folder of its cell"""

    def fit(self, train, context):
        super().fit(train, context)
        shutil.rmtree(Path.cwd())


class DeletesFolderAndExits(Behaves):
    """Deletes the folder of its cell and ends the process"""

    def fit(self, train, context):
        shutil.rmtree(Path.cwd())
        print("last words", flush=True)
        os._exit(3)


class DeletesModel(Behaves):
    """Deletes the folder that it is saved into"""

    def save(self, folder):
        shutil.rmtree(folder.parent)


class MakesFolderFile(Behaves):
    """Puts a file in the place of its cell's folder"""

    def fit(self, train, context):
        cell = Path.cwd()
        shutil.rmtree(cell)
        cell.write_text("")


class DeletesTraffic(Behaves):
    """Deletes the traffic that cells read, wherever it finds it"""

    def fit(self, train, context):
        super().fit(train, context)
        for folder in (Path.cwd(), *Path.cwd().parents[:2]):
            (folder / "traffic.parquet").unlink(missing_ok=True)


class FillsDisk(Behaves):
    """Writes until there is no room"""

    def fit(self, train, context):
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
        with Path("filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**16))


class WritesHere(Behaves):
    """Writes into the working directory"""

    def made(self, rows):
        Path("dropped").write_text(str(Path.cwd()))
        return rows


class GarblesResult(Behaves):
    """Writes half a result and ends the process"""

    def fit(self, train, context):
        Path("result.json").write_text("{")
        os._exit(0)


class LaysPipes(Behaves):
    """Puts pipes in the place of the files of its cell"""

    put = staticmethod(os.mkfifo)

    def fit(self, train, context):
        for name in ("state.json", "result.json", "cell.json"):
            Path(name).unlink(missing_ok=True)
            self.put(name)
        os._exit(3)


class LaysFolders(LaysPipes, Behaves):
    """Puts folders in the place of the files of its cell"""

    put = staticmethod(os.mkdir)


class LiesAboutState(Behaves):
    """Writes nonsense about how far it is"""

    def fit(self, train, context):
        Path("state.json").write_text('{"fitted": [], "seconds": {"fit": "x"}, "now": {"phase": {}}}')
        super().fit(train, context)


class ReadsInput(Behaves):
    """Reads standard input to its end"""

    def fit(self, train, context):
        super().fit(train, context)
        assert sys.stdin.read() == ""
