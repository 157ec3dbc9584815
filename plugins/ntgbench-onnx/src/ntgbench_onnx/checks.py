"""Checks that a file is a graph that `ntgbench_onnx` could have written, before ONNX Runtime runs it."""

from __future__ import annotations

import math
import stat
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from ntgbench.errors import PluginError
from ntgbench.mapping.tokens import TokenMapping
from ntgbench.saved import layout_numbers
from ntgbench_onnx.graph import LOGITS

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

TYPES = frozenset([TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT8, TensorProto.UINT8])
LARGEST_FILE = 2**31 - 1  # bytes, of protobuf: https://protobuf.dev/programming-guides/encoding
LARGEST_SIZE = 2**20  # of a whole number in shapes, splits and positions
LARGEST_STATE = 2**24  # numbers in a row's state before the first token; the paper's Mamba has 11,000
HIGHEST_BYTE, HIGHEST_SUM = 255, 2**15 - 1  # of an activation, and of two products that fit 16 bits

# fmt: off
OPERATORS = frozenset([
    "Abs", "Add", "Attention", "Cast", "Concat", "Div", "Exp", "Expand", "Gather", "Gelu", "Gemm", "Identity",
    "LayerNormalization", "MatMul", "MatMulInteger", "Max", "Mul", "RMSNormalization", "ReduceMax", "ReduceSum", "Relu",
    "Reshape", "RotaryEmbedding", "Shape", "Sigmoid", "Slice", "Softmax", "Softplus", "Split", "Squeeze", "Sub", "Tanh",
    "Transpose", "Unsqueeze",
])
# fmt: on
"""Operators that a graph may be made of: none has a loop, a random number or a file."""


def read(path: Path) -> bytes:
    """The bytes of a file. Raises OSError when it cannot be read, PluginError when it is too large or not regular."""
    about = path.stat()  # opening a pipe would wait for its writer, and a device may have no end
    if not stat.S_ISREG(about.st_mode):
        raise PluginError("is no regular file; a model is one file that ntgbench has written")
    if about.st_size > LARGEST_FILE:
        raise PluginError(f"has {about.st_size:,} bytes; an ONNX file has at most {LARGEST_FILE:,}")
    return path.read_bytes()


def checked_graph(file: bytes) -> onnx.GraphProto:
    """The graph in a file. Raises PluginError, or what protobuf and onnx raise when they cannot read the file."""
    model = onnx.load_model_from_string(file)
    graph = model.graph
    for stored in graph.initializer:
        if stored.data_location == TensorProto.EXTERNAL:
            raise PluginError(f"keeps {stored.name!r} in another file; export the model again")
        if stored.data_type not in TYPES:
            raise PluginError(f"holds {stored.name!r} in a type that no export writes")
    foreign = sorted({node.op_type for node in graph.node if node.domain or node.op_type not in OPERATORS})
    if foreign:
        raise PluginError(f"has operators that no export writes: {', '.join(foreign)}")
    arrays = {stored.name: numpy_helper.to_array(stored) for stored in graph.initializer}
    for name, array in arrays.items():
        if array.dtype == np.float32 and not np.isfinite(array).all():
            raise PluginError(f"holds numbers in {name!r} that are not finite")
        if array.dtype == np.int64 and ((array < -LARGEST_SIZE) | (array > LARGEST_SIZE)).any():
            raise PluginError(f"holds a size in {name!r} that is above {LARGEST_SIZE:,}")
    # The state is allocated before the first step.
    shapes = [[one.dim_value for one in given.type.tensor_type.shape.dim if one.dim_value] for given in graph.input]
    if sum(math.prod(shape) for shape in shapes) > LARGEST_STATE:
        raise PluginError(f"has a state of more than {LARGEST_STATE:,} numbers a row")
    _check_products(graph, arrays)
    onnx.checker.check_model(model, full_check=True)
    return graph


def _check_products(graph: onnx.GraphProto, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Refuse products of integers that could overflow 16 bits, or whose weights are not known."""
    transposed = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Transpose"}
    for node in (node for node in graph.node if node.op_type == "MatMulInteger"):
        weight = arrays.get(transposed.get(node.input[1], ""))
        if weight is None or weight.dtype != np.int8 or weight.ndim != 2:
            raise PluginError(f"has a product {node.output[0]!r} whose weights are no matrix in int8")
        if not never_overflows(weight):
            raise PluginError(
                "has weights above 7 bits in products of integers, which overflow on x86 processors without VNNI; "
                "export the model again"
            )


def never_overflows(weight: npt.NDArray[np.int8]) -> bool:
    """Whether the product of any two bytes with any two weights of an output, (outputs, inputs), fits 16 bits."""
    largest_two = np.sort(np.abs(weight.astype(np.int64)), axis=1)[:, -2:].sum(axis=1)
    return bool((largest_two * HIGHEST_BYTE <= HIGHEST_SUM).all())


def checked_mapping(settings: Any, graph: onnx.GraphProto) -> TokenMapping:
    """The mapping in a file's metadata. Raises PluginError when it is invalid or does not fit the graph."""
    mapping = TokenMapping(**layout_numbers(settings))
    shapes = [[one.dim_value for one in given.type.tensor_type.shape.dim] for given in graph.output]
    if graph.output[0].name != LOGITS or shapes[0][1:] != [mapping.vocabulary]:
        raise PluginError(f"has logits of shape {shapes[0]}; its mapping has {mapping.vocabulary} tokens")
    turns = {node.input[1] for node in graph.node if node.op_type == "RotaryEmbedding"}
    positions = min((one.dims[0] for one in graph.initializer if one.name in turns), default=mapping.packets + 1)
    if positions < mapping.packets + 1:
        raise PluginError(f"has {positions} positions; biflows of {mapping.packets} packets take {mapping.packets + 1}")
    return mapping
