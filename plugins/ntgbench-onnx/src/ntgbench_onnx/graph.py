"""Builds the ONNX graph of one step of a token model, with its state as inputs and outputs.

Operators: https://onnx.ai/onnx/operators, opset 23, which has RMSNormalization, RotaryEmbedding and Attention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx
    from torch import nn

    Floats = npt.NDArray[np.float32]

FLOAT, INT64, UINT8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8
OPSET, IR_VERSION = 23, 11  # of ONNX 1.18
TOKENS, ROWS, LOGITS = "tokens", "rows", "logits"  # first input, first axis of all inputs and outputs, first output
ZERO = 128  # the byte for an activation of 0
TINY = np.finfo(np.float32).tiny  # the smallest scale
HIGHEST = np.float32(127.0)  # whole number of activations, and of weights that are multiplied in float32

HIGHEST_IN_PRODUCTS = np.float32(63.0)
"""Largest whole number of weights in products of integers.

x86 processors without VNNI add two products of an unsigned and a signed byte in 16 bits with saturation (vpmaddubsw).
With these weights any two products fit, whatever the activations: 2 * 255 * 63 < 2**15.
https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html calls this `reduce_range`.
"""


class Graph:
    """One step: reads `tokens`, int64 (rows,), and the state; gives `logits`, (rows, vocabulary), and the new state.

    Methods take and return names of tensors; parameters and layers are named as in the model's `named_parameters`.
    The state starts as zeros, and with length 0 along every axis that has a name. `int8`: store weights in int8.
    """

    tokens = TOKENS

    def __init__(self, model: nn.Module, int8: bool) -> None:
        self.int8 = int8
        self._parameters = dict(model.named_parameters(remove_duplicate=False))
        self._names: dict[Any, str] = {id(weight): name for name, weight in model.named_parameters()}
        self._stored: dict[str, TensorProto] = {}
        self._nodes: list[Any] = []
        self._states: dict[str, tuple[int | str, ...]] = {}
        self._left: dict[str, str] = {}

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The output of an operator."""
        return self.split(operator, 1, *inputs, **attributes)[0]

    def split(self, operator: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """The first `count` outputs of an operator."""
        outputs = [f"{operator.lower()}_{len(self._nodes)}.{number}" for number in range(count)]
        self._nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs

    def array(self, name: str) -> Floats:
        """The values of a parameter of the model."""
        return self._parameters[name].detach().numpy()

    def weight(self, name: str) -> str:
        """A parameter in float32, stored once however often it is used and whatever its names."""
        return self._store(self._names[id(self._parameters[name])], self.array(name))

    def constant(self, value: npt.ArrayLike) -> str:
        """Any other array, stored once however often it is used."""
        array = np.asarray(value)
        key = array.dtype.str, array.shape, array.tobytes()
        return self._store(self._names.setdefault(key, f"constant_{len(self._stored)}"), array)

    def embedding(self, indices: str, layer: str) -> str:
        """An nn.Embedding, stored in int8 if `int8`."""
        if not self.int8:
            return self.node("Gather", self.weight(f"{layer}.weight"), indices)
        whole, scale = (self.node("Gather", part, indices) for part in self._in_int8(f"{layer}.weight", HIGHEST))
        return self._dequantized(whole, scale)

    def linear(self, x: str, layer: str, int8: bool = True) -> str:
        """An nn.Linear multiplied in float32, its weight stored in int8 if the graph's and this `int8` say so.

        ONNX Runtime computes the float32 weight once, when it reads the file.
        """
        name, bias = f"{layer}.weight", f"{layer}.bias"
        weight = self._dequantized(*self._in_int8(name, HIGHEST)) if self.int8 and int8 else self.weight(name)
        return self.node("Gemm", x, weight, *(self.weight(b) for b in (bias,) if b in self._parameters), transB=1)

    def integer_linear(self, x: str, layer: str) -> str:
        """An nn.Linear as a product of integers if `int8`: faster than `linear` for wide layers.

        Each output has a scale. Each row of x has one too, found at run time, so that rows do not change one another;
        its numbers are rounded to the bytes 1..255 around `ZERO`.
        """
        if not self.int8:
            return self.linear(x, layer)
        whole, scale = self._in_int8(f"{layer}.weight", HIGHEST_IN_PRODUCTS)
        largest = self.node("ReduceMax", self.node("Abs", x), self.constant([-1]))
        unit = self.node("Max", self.node("Mul", largest, self.constant(1 / HIGHEST)), self.constant(TINY))
        # Cast drops the fraction, so half is added before it. ONNX Runtime 1.23 lacks QuantizeLinear of opset 23.
        shifted = self.node("Add", self.node("Div", x, unit), self.constant(np.float32(ZERO + 0.5)))
        bytes_of_x = self.node("Cast", shifted, to=UINT8)
        # ONNX Runtime transposes the weight once, when it reads the file.
        product = self.node("MatMulInteger", bytes_of_x, self.node("Transpose", whole), self.constant(np.uint8(ZERO)))
        y, bias = self.node("Mul", self.node("Mul", self.node("Cast", product, to=FLOAT), scale), unit), f"{layer}.bias"
        return self.node("Add", y, self.weight(bias)) if bias in self._parameters else y

    def rms_norm(self, x: str, layer: str, epsilon: float) -> str:
        """An nn.RMSNorm."""
        return self.node("RMSNormalization", x, self.weight(f"{layer}.weight"), epsilon=epsilon)

    def silu(self, x: str) -> str:
        """SiLU."""
        return self.node("Mul", x, self.node("Sigmoid", x))

    def state(self, name: str, *shape: int | str) -> str:
        """A tensor of the state, float (rows, *shape), as the step before left it."""
        self._states[name] = shape
        return name

    def leave(self, state: str, value: str) -> None:
        """Hand `value` to the next step as `state`."""
        self._left[state] = value

    def finish(self, logits: str, vocabulary: int, metadata: dict[str, str]) -> bytes:
        """The model as a file."""
        inputs = [helper.make_tensor_value_info(TOKENS, INT64, [ROWS])]
        outputs = [self._output(LOGITS, logits, [vocabulary])]
        for name, shape in self._states.items():
            inputs.append(helper.make_tensor_value_info(name, FLOAT, [ROWS, *shape]))
            longer = [f"{axis}_and_this" if isinstance(axis, str) else axis for axis in shape]
            outputs.append(self._output(f"new_{name}", self._left[name], longer))
        graph = helper.make_graph(self._nodes, "step", inputs, outputs, [*self._stored.values()])
        model = helper.make_model(
            graph, producer_name="ntgbench", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        helper.set_model_props(model, metadata)
        return bytes(model.SerializeToString())

    def _output(self, name: str, value: str, shape: list[Any]) -> onnx.ValueInfoProto:
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        return helper.make_tensor_value_info(name, FLOAT, [ROWS, *shape])

    def _in_int8(self, name: str, highest: np.float32) -> tuple[str, str]:
        """Whole numbers -highest..highest for a weight, and what each row of them is multiplied by."""
        rows, bits = self.array(name), int(highest).bit_length() + 1
        largest = np.abs(rows).max(axis=1)
        scale = np.maximum(np.where(largest > 0, largest, highest) / highest, TINY)
        stored = f"{self._names[id(self._parameters[name])]}.{bits}bit"
        whole = np.rint(rows / scale[:, None]).astype(np.int8)
        return self._store(stored, whole), self._store(f"{stored}.scale", scale)

    def _dequantized(self, whole: str, scale: str) -> str:
        return self.node("Mul", self.node("Cast", whole, to=FLOAT), self.node("Unsqueeze", scale, self.constant([1])))

    def _store(self, name: str, value: npt.NDArray[Any]) -> str:
        if name not in self._stored:
            self._stored[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name
