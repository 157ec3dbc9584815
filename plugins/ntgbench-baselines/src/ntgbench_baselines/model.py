"""What the fitted models of this plugin share: one file of arrays, and the check of wanted classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from ntgbench.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ntgbench.interfaces import Labels

FILE = "model.safetensors"


def write_model(folder: Path, arrays: Mapping[str, npt.NDArray[Any]], classes: tuple[str, ...]) -> None:
    """Write `arrays` and the class names into `folder`."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(contiguous, folder / FILE, metadata={"classes": json.dumps(classes)})


def read_model(folder: Path) -> tuple[dict[str, npt.NDArray[Any]], tuple[str, ...]]:
    """The arrays and class names that `write_model` wrote into `folder`."""
    with safe_open(folder / FILE, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        return arrays, tuple(json.loads(file.metadata()["classes"]))


def require_known(labels: Labels, known: npt.NDArray[np.bool_], classes: tuple[str, ...]) -> None:
    """Raise PluginError unless every one of `labels` is a class that the training set had biflows of.

    Args:
        labels: classes of the wanted biflows, int32 (N,).
        known: which classes had a training biflow, bool (len(classes),).
        classes: class names.
    """
    outside = (labels < 0) | (labels >= len(classes))
    if outside.any():
        raise PluginError(f"label {labels[outside][0]} is no class: the training set has 0..{len(classes) - 1}")
    unknown = ~known[labels]
    if unknown.any():
        name = classes[labels[unknown][0]]
        raise PluginError(f"the training set had no biflow of class {name!r}; ask only for classes that it has")
