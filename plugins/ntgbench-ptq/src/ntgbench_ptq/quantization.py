"""torchao's quantisation of transformers' models, and quantised weights as plain tensors and back."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

Scheme = Literal["int8-wo", "int8-da"]
"""What is int8: the weights only, or each activation too, row by row, as it comes."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what torchao says on import of kernels for other machines that it does not find here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


with _quiet():
    from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict, unflatten_tensor_state_dict
    from torchao.quantization import (
        Int8DynamicActivationInt8WeightConfig,
        Int8Tensor,
        Int8WeightOnlyConfig,
        quantize_,
    )
    from transformers import AutoConfig, AutoModelForCausalLM

HEAD = "lm_head.weight"
"""What transformers calls the output embedding."""

CONFIGS = {"int8-wo": Int8WeightOnlyConfig, "int8-da": Int8DynamicActivationInt8WeightConfig}


def quantized(folder: Path, scheme: Scheme, device: torch.device) -> nn.Module:
    """The model that transformers finds in `folder`, every linear layer of it quantised."""
    with _quiet():
        loaded: Any = AutoModelForCausalLM.from_pretrained(folder)
    model: nn.Module = loaded.to(device).eval()
    quantize_(model, CONFIGS[scheme](), _is_linear)
    return model


def _is_linear(module: nn.Module, name: str) -> bool:
    """Whether a layer is quantised: every linear one is, but that whose weight transformers' Mamba uses without it."""
    return isinstance(module, nn.Linear) and not name.endswith(".dt_proj")


def rebuilt(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> nn.Module:
    """The model of transformers' `config` that has these weights, quantised or not.

    Raises:
        RuntimeError: when they are none of such a model.
    """
    models: Any = AutoModelForCausalLM
    model: nn.Module = models.from_config(AutoConfig.for_model(**config))
    model.load_state_dict(weights, assign=True)
    return model.eval()


def flattened(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Quantised weights as plain tensors, and how they belong together."""
    tensors, layout = flatten_tensor_state_dict(weights)
    return tensors, layout


def unflattened(tensors: Mapping[str, Tensor], layout: Mapping[str, str]) -> dict[str, Tensor]:
    """The inverse of `flattened`. Raises ValueError when the two do not belong together."""
    weights, left = unflatten_tensor_state_dict(dict(tensors), dict(layout))
    if left:
        raise ValueError(f"{', '.join(sorted(left))} belong to no weight")
    return dict(weights)


def layout_of(shapes: Mapping[str, tuple[int, ...]], scheme: Scheme) -> dict[str, str]:
    """The layout that `flattened` gives for a quantised model with weights of these shapes, by transformers' names."""
    example = nn.Linear(32, 32, bias=False)
    quantize_(example, CONFIGS[scheme]())
    quantised = json.loads(flattened({HEAD: example.weight})[1][HEAD])
    plain = json.dumps({"_type": "Tensor"})

    def whole(columns: int) -> str:
        return json.dumps({**quantised, "_data": {**quantised["_data"], "block_size": [1, columns]}})

    layout = {name: whole(shape[1]) if _in_int8(name) else plain for name, shape in shapes.items()}
    return {**layout, "tensor_names": json.dumps(list(shapes))}


def plain_tensors(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Tensors as `flattened` gives them for such a model, without memory for their numbers."""

    def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.empty(shape, dtype=dtype, device="meta")

    tensors = {name: empty(shape, torch.float32) for name, shape in shapes.items() if not _in_int8(name)}
    for name, shape in shapes.items():
        if _in_int8(name):
            start = f"{name.removesuffix('weight')}_weight_"
            tensors[f"{start}qdata"] = empty(shape, torch.int8)
            tensors[f"{start}scale"] = empty((shape[0], 1), torch.float32)
            tensors[f"{start}zero_point"] = empty((shape[0], 1), torch.int8)
    return tensors


def _in_int8(name: str) -> bool:
    """Whether a weight of transformers' name is that of a layer which `_is_linear` is true of."""
    return name == HEAD or (name.endswith("_proj.weight") and not name.endswith(".dt_proj.weight"))


def dequantized(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in float32: whole numbers times their scales where they are quantised."""
    return {name: w.dequantize() if isinstance(w, Int8Tensor) else w for name, w in weights.items()}


def whole_numbers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in float32 without their scales where they are quantised."""
    return {
        name: weight.qdata.float() if isinstance(weight, Int8Tensor) else weight for name, weight in weights.items()
    }
