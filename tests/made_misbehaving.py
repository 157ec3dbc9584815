"""A plugin of systems that misbehave, one way each; tests install it. Its docstrings are their summaries."""

# ruff: noqa: ARG002 - methods of plugins have the arguments that they have

from __future__ import annotations

import ctypes
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from ntgbench import GeneratorSpec, hookimpl
from ntgbench.traffic.biflows import Biflows


@hookimpl
def ntgbench_generators():
    """One generator for each class below, called as the class."""
    found = {re.sub("(?<!^)([A-Z])", r"-\1", one.__name__).lower(): one for one in (Behaves, *Behaves.__subclasses__())}
    return [
        *(GeneratorSpec(name, f"misbehaving:{one.__name__}", one.__doc__) for name, one in found.items()),
        GeneratorSpec("has-no-class", "misbehaving:NoSuchClass", "Its class is not there"),
        GeneratorSpec("has-no-methods", "misbehaving:HasNoMethods", "Its class cannot be saved"),
        GeneratorSpec("has-no-library", "misbehaving:Behaves", "Needs what is missing", needs=("no_such_library",)),
        GeneratorSpec("exits-at-import", "misbehaving_at_import:Behaves", "Ends the process that imports it"),
    ]


class Behaves:
    """Random lengths"""

    def __init__(self, parameters):
        pass

    def fit(self, train, context):
        self.train, self.packets = train, train.packets

    def sample(self, labels, rng):
        return self.made(rng.integers(1, 100, (len(labels), self.packets)))

    def made(self, rows):
        return rows

    def save(self, folder):
        (folder / "packets").write_text(str(self.packets))

    def load(self, folder):
        self.packets = int((folder / "packets").read_text())


class HasNoMethods:
    def __init__(self, parameters):
        pass


class RaisesInFit(Behaves):
    """Raises in fit"""

    def fit(self, train, context):
        raise RuntimeError("boom")


class RaisesInSample(Behaves):
    """Raises in sample"""

    def made(self, rows):
        raise RuntimeError("boom")


class RaisesInSave(Behaves):
    """Raises in save, with half a model written"""

    def save(self, folder):
        (folder / "half").write_text("x")
        raise OSError(28, "No space left on device")


class RaisesInLoad(Behaves):
    """Raises in load"""

    def load(self, folder):
        raise RuntimeError("boom")


class WrongShape(Behaves):
    """Makes twice as many packets"""

    def made(self, rows):
        return np.hstack([rows, rows])


class WrongCount(Behaves):
    """Makes one biflow less"""

    def made(self, rows):
        return rows[1:]


class WrongType(Behaves):
    """Makes fractions of bytes"""

    def made(self, rows):
        return rows + 0.5


class WrongClass(Behaves):
    """Makes a list"""

    def made(self, rows):
        return rows.tolist()


class Nan(Behaves):
    """Makes numbers that are none"""

    def made(self, rows):
        return rows * float("nan")


class Hole(Behaves):
    """Makes a packet after an entry that says there is none"""

    def made(self, rows):
        rows[3, 1] = 0
        return rows


class Empty(Behaves):
    """Makes a biflow without a packet"""

    def made(self, rows):
        rows[5] = 0
        return rows


class OverPlMax(Behaves):
    """Makes a packet that is too long"""

    def made(self, rows):
        rows[0] = 1461
        return rows


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


class UnlocksTraining(Behaves):
    """Wants to write to the training set"""

    def fit(self, train, context):
        train.signed_pl.flags.writeable = True


class ChangesTraining(Behaves):
    """Changes the training set, and goes out of its way for it"""

    def fit(self, train, context):
        super().fit(train, context)
        owner = train.signed_pl.base
        owner.flags.writeable = True
        owner[:] = 1


class PatchesNumpy(Behaves):
    """Replaces functions of numpy"""

    def fit(self, train, context):
        super().fit(train, context)
        for name in ("lexsort", "log2", "mean"):
            setattr(np, name, lambda *_, **__: np.zeros(3))


class ReadsTestSet(Behaves):
    """Reads the file of all traffic and makes what is not in its training set"""

    def fit(self, train, context):
        super().fit(train, context)
        known = {row.tobytes() for row in train.signed_pl}
        every = Biflows.from_parquet("traffic.parquet").signed_pl
        self.secret = np.array([row for row in every if row.tobytes() not in known], np.int64)

    def made(self, rows):
        return self.secret[np.arange(len(rows)) % len(self.secret)]


class ReturnsTraining(Behaves):
    """Makes the biflows of the training set"""

    def made(self, rows):
        return self.train.signed_pl.astype(np.int64)


class NotReproducible(Behaves):
    """Makes other biflows each time"""

    def sample(self, labels, rng):
        return super().sample(labels, np.random.default_rng())


class ReadsInput(Behaves):
    """Reads standard input to its end"""

    def fit(self, train, context):
        super().fit(train, context)
        assert sys.stdin.read() == ""
