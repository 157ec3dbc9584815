"""Fitted models on disk: weights in safetensors, the rest in JSON, in the layout that transformers reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors.torch import save_file
from torch import nn
from torch.overrides import TorchFunctionMode

from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.files import read_json
from ntgbench.saved import Like, read_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

Model = TypeVar("Model", bound=nn.Module)

FORMAT = 1
"""Version of the layout that `write_checkpoint` writes."""

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""Names of types in safetensors."""


def write_checkpoint(
    folder: Path,
    kind: str,
    settings: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    config: Mapping[str, Any] | None = None,
) -> None:
    """Write a fitted model.

    Args:
        folder: an existing folder.
        kind: kind of the model, which `read_settings` checks.
        settings: what the model needs besides its weights, as JSON has it.
        weights: tensors by name.
        config: what other programs, such as transformers, expect in config.json.
    """
    head = {**(config or {}), "ntgbench": {"format": FORMAT, "kind": kind, "settings": dict(settings)}}
    (folder / CONFIG_FILE).write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")
    # Transformers expects this metadata.
    own = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    save_file(own, folder / WEIGHTS_FILE, metadata={"format": "pt"})


def read_settings(folder: Path, kind: str) -> dict[str, Any]:
    """The settings that `write_checkpoint` wrote; the caller checks their values.

    Raises PluginError when the file is missing or damaged, or of another program, version or kind of model.
    """
    path = folder / CONFIG_FILE
    try:
        config = read_json(path)
    except NtgbenchError as error:
        raise PluginError(str(error)) from error
    head = config.get("ntgbench") if isinstance(config, dict) else None
    if not isinstance(head, dict) or not isinstance(head.get("settings"), dict):
        raise PluginError(f"{path} was not written by ntgbench: it has no settings of ntgbench")
    if type(head.get("format")) is not int or head["format"] != FORMAT:
        raise PluginError(f"{folder} has format {head.get('format')!r:.80}; this version reads format {FORMAT}")
    if head.get("kind") != kind:
        raise PluginError(f"{folder} holds a model of kind {head.get('kind')!r:.80}, not {kind!r}")
    settings: dict[str, Any] = head["settings"]
    return settings


def read_weights(folder: Path, like: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The weights that `write_checkpoint` wrote.

    Args:
        folder: where they are.
        like: tensors with the names, types and shapes that the weights must have, such as those of a `sketched`
            model. Anything else is refused before it is read.

    Raises:
        PluginError: when the file is missing or damaged, a weight has another type or shape, or a number is not finite.
    """
    weights: dict[str, Tensor] = read_tensors(folder / WEIGHTS_FILE, None if like is None else like_of(like), "pt")[0]
    return weights


def like_of(weights: Mapping[str, Tensor]) -> dict[str, Like]:
    """The types and shapes of weights, by name."""
    return {name: Like(_DTYPES[weight.dtype], tuple(weight.shape)) for name, weight in weights.items()}


def sketched(build: Callable[[], Model]) -> Model:
    """The model that `build` makes, without memory for its weights: it shows the tensors that a file must hold."""
    with torch.device("meta"), _WithoutInitialisation():
        return build()


class _WithoutInitialisation(TorchFunctionMode):
    """Skips `torch.nn.init`, which on the "meta" device does nothing but import for seconds."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))
