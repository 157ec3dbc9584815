"""Products with int8 weights for the steps of our own models in numpy."""

from __future__ import annotations

from functools import partial
from operator import matmul
from typing import TYPE_CHECKING

import ntgbench_llama.model
import ntgbench_llama.steps
import ntgbench_mamba.model
import ntgbench_mamba.steps
import numpy as np
import numpy.typing as npt
import torch
from ntgbench_llama.model import Llama
from ntgbench_llama.steps import LlamaSteps
from ntgbench_mamba.model import Mamba
from ntgbench_mamba.steps import MambaSteps
from scipy.linalg.blas import isamax
from torch import Tensor, nn

from ntgbench.errors import PluginError
from ntgbench_ptq.products import overflows, wide_type

if TYPE_CHECKING:
    from ntgbench_mamba.model import Mixer

    from ntgbench.learning.sampling import Start

    Floats = npt.NDArray[np.float32]

HALF_RANGE = np.float32(127.5)
"""torchao's scale of a row is its largest absolute value divided by this."""

SMALLEST = HALF_RANGE * np.finfo(np.float32).eps
"""What takes the place of a row's largest absolute value that is below it, as in torchao."""

HIGHEST = np.float32(127.0)
"""Highest of the whole numbers."""


class Int8Matrix:
    """The weight of a linear layer for `x @ matrix`, where each row of x is quantised as it comes.

    What comes out is what torchao's Int8DynamicActivationInt8WeightConfig computes: whole numbers -128..127 on both
    sides, their product, and then both scales.

    Attributes:
        gain: what each column of x is multiplied by before it is quantised, or None.
        whole: int8 (inputs, outputs), the inputs of an output one after the other, as torch's product likes them best.
        scale: of each output, (outputs,).
        wide: the same as `whole` in floating point where torch's int8 product overflows, else None.
    """

    __array_ufunc__ = None  # so that numpy leaves `array @ matrix` to this class

    def __init__(self, plain: Floats, whole: Tensor, gain: Tensor | None = None) -> None:
        """From the matrix that a float32 step multiplies by and the whole numbers of the quantised weight.

        Args:
            plain: float (inputs, outputs): the weight transposed, inputs multiplied by `gain` and each output by a
                number of its own, its scale and whatever else the step has folded into it.
            whole: the whole numbers, (outputs, inputs).
            gain: what the inputs are multiplied by before they are quantised, (inputs,); None is 1.
        """
        self.whole = whole.detach().to(torch.int8).contiguous().t()
        self.wide = whole.detach().to(wide_type(len(self.whole))).t().numpy() if overflows() else None
        self.gain = None if gain is None else gain.detach().numpy()
        numbers = whole.detach().numpy().T.astype(np.float64)
        gained = numbers if self.gain is None else numbers * self.gain[:, None]
        # Each output's number is the factor between two parallel columns.
        size = (gained * gained).sum(axis=0)
        self.row = torch.zeros((1, self.whole.shape[0]), dtype=torch.int8)
        self.sums = torch.zeros((1, self.whole.shape[1]), dtype=torch.int32)
        self.row_in_numpy, self.sums_in_numpy = self.row.numpy(), self.sums.numpy()
        self.scale = ((plain * gained).sum(axis=0) / np.where(size > 0.0, size, 1.0)).astype(np.float32)

    def __len__(self) -> int:
        return self.whole.shape[0]

    def __rmatmul__(self, x: Floats) -> Floats:
        x = x if self.gain is None else x * self.gain
        return self._of_one(x) if len(x) == 1 and self.wide is None else self._of_many(x)

    def _of_many(self, x: Floats) -> Floats:
        scale = np.abs(x).max(axis=1, keepdims=True, initial=SMALLEST) / HALF_RANGE
        whole = x * (1.0 / scale)
        np.rint(whole, out=whole)
        # Half the range is not a whole number, so a row's largest value may lie above the highest.
        np.minimum(whole, HIGHEST, out=whole)
        if self.wide is None:
            sums = torch._int_mm(torch.from_numpy(whole.astype(np.int8)), self.whole).numpy()
        else:
            sums = whole @ self.wide
        product: Floats = sums.astype(np.float32)
        product *= scale
        product *= self.scale
        return product

    def _of_one(self, x: Floats) -> Floats:
        # The same with numbers for arrays and with memory kept: around one row the calls cost more than the arithmetic.
        scale = max(abs(x[0, isamax(x[0])]), SMALLEST) / HALF_RANGE
        whole = x * (1.0 / scale)
        np.rint(whole, out=whole)
        np.minimum(whole, HIGHEST, out=whole)
        self.row_in_numpy[...] = whole
        torch._int_mm(self.row, self.whole, out=self.sums)
        product: Floats = self.sums_in_numpy.astype(np.float32)
        product *= self.scale
        product *= scale
        return product


class Int8Llama(ntgbench_llama.steps.Weights):
    """The weights of a quantised LLaMA for `LlamaSteps`, with products as torchao makes them."""

    def __init__(self, model: Llama, whole: Llama) -> None:
        """From the dequantised model, and one with the whole numbers for weights."""
        super().__init__(model, np)
        self.times = matmul
        self.head = Int8Matrix(self.head, whole.head.weight, whole.norm.weight)
        self.layers = [
            (
                Int8Matrix(qkv, layer.qkv.weight, layer.attention_norm.weight),
                Int8Matrix(output, layer.output.weight),
                Int8Matrix(gate_up, layer.gate_up.weight, layer.feed_forward_norm.weight),
                Int8Matrix(down, layer.down.weight),
            )
            for (qkv, output, gate_up, down), layer in zip(self.layers, whole.layers, strict=True)
            if isinstance(layer, ntgbench_llama.model.Layer)
        ]


class Int8Mamba(ntgbench_mamba.steps.Weights):
    """The weights of a quantised Mamba for `MambaSteps`, with products as torchao makes them."""

    def __init__(self, model: Mamba, whole: Mamba) -> None:
        """From the dequantised model, and one with the whole numbers for weights."""
        super().__init__(model, np)
        self.head = Int8Matrix(self.head, whole.head.weight, whole.norm_f.weight)
        self.layers = [
            weights._replace(
                in_proj=Int8Matrix(weights.in_proj, layer.mixer.in_proj.weight, layer.norm.weight),
                x_proj=_StateProjection(plain.mixer, layer.mixer),
                out_proj=Int8Matrix(weights.out_proj, layer.mixer.out_proj.weight),
            )
            for weights, plain, layer in zip(self.layers, model.layers, whole.layers, strict=True)
            if isinstance(plain, ntgbench_mamba.model.Layer) and isinstance(layer, ntgbench_mamba.model.Layer)
        ]


class _StateProjection:
    """What makes step sizes, b and c in Mamba for `x @ projection`: of two products the first is in int8."""

    __array_ufunc__ = None

    def __init__(self, plain: Mixer, whole: Mixer) -> None:
        self.first = Int8Matrix(plain.x_proj.weight.detach().t().numpy(), whole.x_proj.weight)
        self.rank, self.second = plain.rank, plain.dt_proj.weight.detach().t().numpy()

    def __rmatmul__(self, x: Floats) -> Floats:
        projected = x @ self.first
        return np.concatenate([projected[:, : self.rank] @ self.second, projected[:, self.rank :]], axis=1)


def int8_start(model: nn.Module, whole: nn.Module) -> Start:
    """The steps of a quantised model with products as torchao makes them.

    Args:
        model: the model, dequantised.
        whole: the model with the whole numbers for weights.

    Raises:
        PluginError: when there are no such steps for a model of this kind.
    """
    if isinstance(model, Llama) and isinstance(whole, Llama):
        return partial(LlamaSteps, Int8Llama(model, whole))
    if isinstance(model, Mamba) and isinstance(whole, Mamba):
        return partial(MambaSteps, Int8Mamba(model, whole))
    raise PluginError(f"there is no tuned form of int8-da for {type(model).__name__}; use form=eager")
