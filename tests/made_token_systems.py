"""Small fitted token generators and the systems that start from them, each fitted once in a process.

This module is also the plugin of a third party, whose systems tests get by `with third_party(folder)`.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import Context, GeneratorSpec
from ntgbench.learning.recipe import TokenRecipe
from ntgbench.plugins import registry
from ntgbench.probing import PROBED
from ntgbench.systems import MODEL_FOLDER, FittedSystem, choose, load
from ntgbench.testing import example_traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAFFIC = example_traffic(packets=6, pl_max=40)

TRAINED = "epochs=20,batch=32,learning_rate=0.01"
SMALL = {
    "llama": f"llama[hidden=32,intermediate=48,layers=2,heads=2,{TRAINED}]",
    "mamba": f"mamba[hidden=16,state=4,layers=2,{TRAINED}]",
    "mine": f"mine[{TRAINED}]",
    "plain": "plain[epochs=1]",
}
"""What each base is fitted as: `mine` and `plain` are the third party's."""

TARGETS = {
    "onnx": "ntgbench_onnx.generator:OnnxGenerator",
    "onnx-int8": "ntgbench_onnx.generator:Int8OnnxGenerator",
    "int8-wo": "ntgbench_ptq.generator:WeightOnly",
    "int8-da": "ntgbench_ptq.generator:DynamicActivation",
}
"""The class behind each format, for any token generator."""


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """Two token generators, and by declaration alone all formats of each."""
    bases = {"mine": "BigramGenerator", "plain": "PlainGenerator"}
    return [
        *(
            GeneratorSpec(name, f"made_token_generator:{target}", "A bigram", TokenRecipe)
            for name, target in bases.items()
        ),
        *(
            GeneratorSpec(f"{base}-{name}", target, "A bigram", base=base, format=name)
            for base in bases
            for name, target in TARGETS.items()
        ),
    ]


@contextlib.contextmanager
def third_party(folder: Path) -> Iterator[None]:
    """With this module as an installed plugin."""
    declared = folder / "mine-1.0.dist-info"
    declared.mkdir()
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (declared / "entry_points.txt").write_text(f"[ntgbench]\nmine = {__name__}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv(PROBED, "1")  # this process has imported the plugin already
        registry.cache_clear()
        yield
    registry.cache_clear()


@cache
def home() -> Path:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def fitted(name: str) -> Path:
    """The folder of a fitted base, or of any other system that needs none."""
    folder = home() / name
    folder.mkdir()
    choose(SMALL.get(name, name)).fit(TRAFFIC, Context(seed=1)).save(folder)
    return folder


@cache
def plain(base: str):
    """A base's fitted generator."""
    return load(fitted(base)).built


def derive(base: str, name: str) -> FittedSystem:
    """The system that writes a base in a format, fitted."""
    return choose(f"{base}-{name}").fit(TRAFFIC, Context(seed=1, base=fitted(base) / MODEL_FOLDER))


@cache
def derived(base: str, name: str):
    """Its generator."""
    return derive(base, name).built


def rows() -> np.ndarray:
    """The traffic as tokens."""
    return plain("llama").mapping.encode(TRAFFIC.signed_pl, TRAFFIC.label)


def logits(generator):
    """Logits of what follows each token of `rows`, which change places on the way."""
    import torch

    tokens, found = rows(), []
    steps, order = generator.start(len(tokens)), np.arange(len(tokens))
    turn = np.roll(order, 1)
    with torch.inference_mode():
        for position in range(tokens.shape[1] - 1):
            one = steps.step(tokens[order, position])
            found.append(one[np.argsort(order)].clone())
            steps, order = steps.select(turn), order[turn]
    return torch.stack(found, dim=1)


def distance(one, other) -> float:
    return float((one - other).norm() / other.norm())
