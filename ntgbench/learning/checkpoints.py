"""Fitted models on disk: weights in safetensors, all else in JSON, in the layout that transformers reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ntgbench.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

FORMAT = 1
"""Version of the layout that `write_checkpoint` writes."""

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"


def write_checkpoint(
    folder: Path,
    kind: str,
    settings: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    config: Mapping[str, Any] | None = None,
) -> None:
    """Write a fitted model into the existing `folder`.

    Args:
        folder: where to.
        kind: what kind of model it is, by which `read_checkpoint` knows it.
        settings: what the model must know beside its weights, as JSON has it.
        weights: tensors by name.
        config: what other readers of the folder want at the top of config.json.
    """
    head = {**(config or {}), "ntgbench": {"format": FORMAT, "kind": kind, "settings": dict(settings)}}
    (folder / CONFIG_FILE).write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")
    # The metadata is what transformers knows torch's tensors by.
    own = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    save_file(own, folder / WEIGHTS_FILE, metadata={"format": "pt"})


def read_checkpoint(folder: Path, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The settings and weights that `write_checkpoint` wrote.

    Raises:
        PluginError: when a file is missing or damaged, or another program, version or kind of model wrote it.
    """
    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PluginError(f"cannot read {folder / CONFIG_FILE}: {error}") from error
    head = config.get("ntgbench") if isinstance(config, dict) else None
    if not isinstance(head, dict) or not isinstance(head.get("settings"), dict):
        raise PluginError(
            f"{folder / CONFIG_FILE} was not written by ntgbench; it says nothing of what its tokens mean"
        )
    if head.get("format") != FORMAT:
        raise PluginError(f"{folder} has format {head.get('format')!r}; this version reads format {FORMAT}")
    if head.get("kind") != kind:
        raise PluginError(f"{folder} holds a model of kind {head.get('kind')!r}, not {kind!r}")
    try:
        return head["settings"], load_file(folder / WEIGHTS_FILE)
    except (OSError, SafetensorError) as error:
        raise PluginError(f"cannot read {folder / WEIGHTS_FILE}: {error}") from error
