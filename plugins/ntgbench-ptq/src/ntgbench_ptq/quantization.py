"""torchao's quantisation of transformers' models, and quantised weights as plain tensors and back."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch
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


def dequantized(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in float32: whole numbers times their scales where they are quantised."""
    return {name: w.dequantize() if isinstance(w, Int8Tensor) else w for name, w in weights.items()}


def whole_numbers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in float32 without their scales where they are quantised."""
    return {
        name: weight.qdata.float() if isinstance(weight, Int8Tensor) else weight for name, weight in weights.items()
    }
