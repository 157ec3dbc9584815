"""torchao's int8 quantisation of transformers' causal models, and quantised weights as plain tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from ntgbench.learning.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

Scheme = Literal["int8-wo", "int8-da"]  # weights only, or activations too with a scale for each row


with quiet():
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, Int8Tensor, Int8WeightOnlyConfig, quantize_
    from transformers import AutoConfig, AutoModelForCausalLM

AUTO_MODEL: Any = AutoModelForCausalLM
CONFIGS = {"int8-wo": Int8WeightOnlyConfig, "int8-da": Int8DynamicActivationInt8WeightConfig}
_DATA_ONLY = {"use_safetensors": True, "trust_remote_code": False, "local_files_only": True}
SCALE = "_scale"  # added to the name of a weight


def quantized(folder: Path, scheme: Scheme, float_layers: Sequence[str], device: torch.device) -> nn.Module:
    """The transformers model in `folder` with int8 weights in every linear layer but `float_layers`."""
    with quiet():
        model: nn.Module = AUTO_MODEL.from_pretrained(folder, **_DATA_ONLY).to(device).eval()
    quantize_(model, CONFIGS[scheme](), lambda module, name: _is_int8(module, name, float_layers))
    return model


def new_model(config: Mapping[str, Any]) -> nn.Module:
    """An untrained model of transformers' `config`."""
    return AUTO_MODEL.from_config(AutoConfig.for_model(**config)).eval()  # type: ignore[no-any-return]


def plain_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The weights of a quantised model by transformers' names.

    An int8 weight is two: whole numbers, int8 (outputs, inputs), and the scale of each row, float32 (outputs, 1).
    """
    tensors = {}
    for name, weight in model.state_dict().items():
        if isinstance(weight, Int8Tensor):
            tensors[name], tensors[name + SCALE] = weight.qdata, weight.scale
        else:
            tensors[name] = weight
    return tensors


def plain_shapes(sketch: nn.Module, float_layers: Sequence[str]) -> dict[str, Tensor]:
    """Tensors on the "meta" device like those that `plain_tensors` gives for such a model after quantisation."""
    tensors = sketch.state_dict()
    for name, module in sketch.named_modules():
        if _is_int8(module, name, float_layers):
            outputs, inputs = module.weight.shape
            tensors[f"{name}.weight"] = torch.empty((outputs, inputs), dtype=torch.int8, device="meta")
            tensors[f"{name}.weight{SCALE}"] = torch.empty((outputs, 1), device="meta")
    return tensors


def take_plain_tensors(model: nn.Module, scheme: Scheme, tensors: Mapping[str, Tensor]) -> None:
    """Put what `plain_tensors` gave into an untrained model."""
    example: Any = nn.Linear(32, 32)
    quantize_(example, CONFIGS[scheme]())
    kwargs = example.weight.act_quant_kwargs
    weights = dict(tensors)
    for name in [name for name in tensors if name + SCALE in tensors]:
        whole, scale = tensors[name], weights.pop(name + SCALE)
        weights[name] = Int8Tensor(whole, scale, [1, whole.shape[1]], torch.float32, act_quant_kwargs=kwargs)
    model.load_state_dict(weights, assign=True)


def _is_int8(module: nn.Module, name: str, float_layers: Sequence[str]) -> bool:
    return isinstance(module, nn.Linear) and name.rpartition(".")[2] not in float_layers
