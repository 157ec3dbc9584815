"""A plugin of systems that misbehave, one way each; tests install it. Its docstrings are their summaries.

Here are those that make wrong traffic, harmful.py is what they do to their process, the disk and the machine.
"""

# ruff: noqa: ARG002 - methods of plugins have the arguments that they have

from __future__ import annotations

import importlib
import re

import numpy as np

from ntgbench import GeneratorSpec, hookimpl
from ntgbench.traffic.biflows import Biflows


@hookimpl
def ntgbench_generators():
    """One generator for each class, called as the class."""
    importlib.import_module("harmful")
    found = {re.sub("(?<!^)([A-Z])", r"-\1", one.__name__).lower(): one for one in (Behaves, *Behaves.__subclasses__())}
    return [
        *(GeneratorSpec(name, f"{one.__module__}:{one.__name__}", one.__doc__) for name, one in found.items()),
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
