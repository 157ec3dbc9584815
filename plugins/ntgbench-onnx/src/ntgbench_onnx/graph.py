"""An ONNX graph in the making: one step of a model that reads and writes tokens, its state handed in and out.

Operators: https://onnx.ai/onnx/operators, of opset 23, which has RMSNormalization, RotaryEmbedding and Attention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor, nn

FLOAT, INT64, UINT8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8
"""Types of tensors."""

OPSET, IR_VERSION = 23, 11
"""Versions of the operators and of the file: those of ONNX 1.18."""

TOKENS, ROWS, LOGITS = "tokens", "rows", "logits"
"""The input of tokens, the axis that all inputs and outputs share, and the first output."""

HIGHEST = np.float32(127.0)
"""Highest whole number of activations, and of weights that are stored in int8 and multiplied in float32."""

HIGHEST_IN_PRODUCTS = np.float32(63.0)
"""Highest whole number of weights in products of integers.

x86 processors without VNNI add two products of an unsigned and a signed byte in 16 bits (vpmaddubsw) and cut off what
does not fit. With such weights all fits, whatever the activations and whichever two are added: 2 * 255 * 63 < 2**15.
https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html calls this `reduce_range`.
"""

ZERO = 128
"""Byte that stands for an activation of 0."""

TINY = np.finfo(np.float32).tiny
"""What takes the place of a row's scale that is below it."""


class Graph:
    """One step: reads `tokens`, int64 (rows,), and the state; gives `logits` and the new state.

    A state starts with zeros, and with length 0 along every axis but the rows' that has a name.
    """

    def __init__(self, model: nn.Module, int8: bool) -> None:
        self.names: dict[Any, str] = {id(weight): name for name, weight in model.named_parameters()}
        self.int8 = int8
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.inputs = [helper.make_tensor_value_info(TOKENS, INT64, [ROWS])]
        self.outputs: list[onnx.ValueInfoProto] = []

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The output of an operator."""
        return self.split(operator, 1, *inputs, **attributes)[0]

    def split(self, operator: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """The first `count` outputs of an operator."""
        outputs = [f"{operator.lower()}_{len(self.nodes)}.{number}" for number in range(count)]
        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs

    def weight(self, weight: Tensor) -> str:
        """A parameter of the model under its name, stored once however often it is asked for."""
        return self._stored(self.names[id(weight)], weight.detach().numpy())

    def constant(self, value: npt.ArrayLike) -> str:
        """Any other array, stored once however often it is asked for."""
        array = np.asarray(value)
        name = self.names.setdefault((array.dtype.str, array.shape, array.tobytes()), f"constant_{len(self.constants)}")
        return self._stored(name, array)

    def embedded(self, tokens: str, embedding: nn.Embedding) -> str:
        """The embedding of tokens, stored in int8 where that is wanted."""
        if not self.int8:
            return self.node("Gather", self.weight(embedding.weight), tokens)
        whole, scale = (self.node("Gather", part, tokens) for part in self._in_int8(embedding.weight))
        return self.node("Mul", self.node("Cast", whole, to=FLOAT), self.node("Unsqueeze", scale, self.constant([1])))

    def norm(self, x: str, norm: nn.RMSNorm) -> str:
        """RMSNorm of rows."""
        return self.node("RMSNormalization", x, self.weight(norm.weight), epsilon=norm.eps)

    def silu(self, x: str) -> str:
        """SiLU."""
        return self.node("Mul", x, self.node("Sigmoid", x))

    def exact(self, x: str, layer: nn.Linear) -> str:
        """A linear layer in float32."""
        bias = () if layer.bias is None else (self.weight(layer.bias),)
        return self.node("Gemm", x, self.weight(layer.weight), *bias, transB=1)

    def stored_in_int8(self, x: str, layer: nn.Linear) -> str:
        """A linear layer without a bias, in float32; its weight is stored in int8 where that is wanted.

        ONNX Runtime computes the float32 weight once, when it reads the file.
        """
        if not self.int8:
            return self.exact(x, layer)
        whole, scale = self._in_int8(layer.weight)
        of_each_output = self.node("Unsqueeze", scale, self.constant([1]))
        return self.node("Gemm", x, self.node("Mul", self.node("Cast", whole, to=FLOAT), of_each_output), transB=1)

    def linear(self, x: str, layer: nn.Linear) -> str:
        """A linear layer without a bias, a product of integers where int8 is wanted.

        Then each output has a scale, and each row of x one that is found as it comes, so that no row changes another:
        a row's numbers are rounded to 1..255 around `ZERO`.
        """
        if not self.int8:
            return self.exact(x, layer)
        whole, scale = self._in_int8(layer.weight, HIGHEST_IN_PRODUCTS)
        largest = self.node("ReduceMax", self.node("Abs", x), self.constant([-1]))
        unit = self.node("Max", self.node("Mul", largest, self.constant(1 / HIGHEST)), self.constant(TINY))
        # Cast drops the fraction, so half is added before it. ONNX Runtime 1.23 lacks QuantizeLinear of opset 23.
        shifted = self.node("Add", self.node("Div", x, unit), self.constant(np.float32(ZERO + 0.5)))
        bytes_of_x = self.node("Cast", shifted, to=UINT8)
        # ONNX Runtime transposes weights once, when it reads them.
        product = self.node("MatMulInteger", bytes_of_x, self.node("Transpose", whole), self.constant(np.uint8(ZERO)))
        return self.node("Mul", self.node("Mul", self.node("Cast", product, to=FLOAT), scale), unit)

    def state(self, name: str, *shape: int | str) -> str:
        """A tensor of the state, float (rows, *shape), as the step before left it."""
        self.inputs.append(helper.make_tensor_value_info(name, FLOAT, [ROWS, *shape]))
        return name

    def leave(self, state: str, value: str) -> None:
        """Hand `value` to the next step as `state`. States are left in the order in which they were declared."""
        declared = next(one for one in self.inputs if one.name == state).type.tensor_type.shape.dim[1:]
        shape = [f"{one.dim_param}_and_this" if one.dim_param else one.dim_value for one in declared]
        self._output(f"new_{state}", value, shape)

    def finish(self, logits: str, vocabulary: int, about: dict[str, str]) -> bytes:
        """The model as a file, with `about` among its metadata."""
        self._output(LOGITS, logits, [vocabulary])
        graph = helper.make_graph(
            self.nodes, "step", self.inputs, [self.outputs[-1], *self.outputs[:-1]], [*self.constants.values()]
        )
        model = helper.make_model(
            graph, producer_name="ntgbench", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        helper.set_model_props(model, about)
        onnx.checker.check_model(model, full_check=True)
        file: bytes = model.SerializeToString()
        return file

    def _in_int8(self, weight: Tensor, highest: np.float32 = HIGHEST) -> tuple[str, str]:
        """Whole numbers -highest..highest for a parameter, and what each row of them is multiplied by."""
        rows, bits = weight.detach().numpy(), int(highest).bit_length() + 1
        largest = np.abs(rows).max(axis=1)
        scale = np.maximum(np.where(largest > 0, largest, highest) / highest, TINY)
        whole = np.rint(rows / scale[:, None]).astype(np.int8)
        name = f"{self.names[id(weight)]}.{bits}bit"
        return self._stored(name, whole), self._stored(f"{name}.scale", scale)

    def _stored(self, name: str, value: npt.NDArray[Any]) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def _output(self, name: str, value: str, shape: list[int | str]) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, FLOAT, [ROWS, *shape]))
