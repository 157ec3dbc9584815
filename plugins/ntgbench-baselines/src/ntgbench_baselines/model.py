"""Shared by the models of this plugin: one file of arrays, and the check of labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from ntgbench.errors import PluginError
from ntgbench.saved import read_tensors
from ntgbench.traffic.biflows import MOST_CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ntgbench.saved import Like
    from ntgbench.tracks.biflows.interfaces import Labels

FILE = "model.safetensors"


def write_model(folder: Path, arrays: Mapping[str, npt.NDArray[Any]], classes: tuple[str, ...]) -> None:
    """Write `arrays` and the class names into `folder`."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(contiguous, folder / FILE, metadata={"classes": json.dumps(classes)})


def read_model(folder: Path, wanted: Mapping[str, Like]) -> tuple[dict[str, npt.NDArray[Any]], tuple[str, ...]]:
    """The arrays, which must be like `wanted`, and the class names that `write_model` wrote into `folder`.

    Raises PluginError. Values are not checked.
    """
    arrays, metadata = read_tensors(folder / FILE, wanted, "numpy")
    try:
        classes = json.loads(metadata["classes"])
    except (KeyError, ValueError, RecursionError) as error:
        raise PluginError(f"{folder / FILE} has no valid class names: {error}") from error
    named = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    if not named or not 1 <= len(classes) <= MOST_CLASSES:
        raise PluginError(f"{folder / FILE} has no valid class names")
    return arrays, tuple(classes)


def require(fine: bool | np.bool_, folder: Path, rule: str) -> None:
    """Raise PluginError unless `fine`; `rule` says what the model in `folder` must have."""
    if not fine:
        raise PluginError(f"{folder / FILE} is damaged; it must have {rule}")


def require_known(labels: Labels, known: npt.NDArray[np.bool_], classes: tuple[str, ...]) -> None:
    """Raise PluginError unless the training set had biflows of each class in `labels`.

    Args:
        labels: classes of the wanted biflows, int32 (N,).
        known: whether a class had a training biflow, bool (len(classes),).
        classes: class names.
    """
    outside = (labels < 0) | (labels >= len(classes))
    if outside.any():
        raise PluginError(f"label {labels[outside][0]} is no class: the training set has 0..{len(classes) - 1}")
    unknown = ~known[labels]
    if unknown.any():
        name = classes[labels[unknown][0]]
        raise PluginError(f"the training set had no biflow of class {name!r}; ask only for classes that it has")
