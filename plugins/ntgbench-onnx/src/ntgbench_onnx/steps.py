"""Runs a graph of `ntgbench_onnx.graph` in ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor

from ntgbench.errors import PluginError
from ntgbench_onnx.graph import ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.learning.sampling import Numbers


def session(model: bytes, threads: int) -> ort.InferenceSession:
    """ONNX Runtime with `model` on the CPU. Raises one of its many exceptions when it cannot read it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # errors are raised
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class OnnxSteps:
    """`Steps` of `ntgbench.learning.sampling` for any such graph."""

    def __init__(self, running: ort.InferenceSession, state: Sequence[Any]) -> None:
        self.running, self.state = running, state
        self.names = [one.name for one in running.get_inputs()]

    @classmethod
    def start(cls, running: ort.InferenceSession, rows: int) -> OnnxSteps:
        """Before the first token of each row: zeros, and length 0 along named axes."""
        _, *states = running.get_inputs()
        shapes = [[rows if n == ROWS else 0 if isinstance(n, str) else n for n in state.shape] for state in states]
        return cls(running, [np.zeros(shape, np.float32) for shape in shapes])

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row. Raises PluginError when the graph fails, which is then damaged."""
        try:
            logits, *self.state = self.running.run(None, dict(zip(self.names, [tokens, *self.state], strict=True)))
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            raise PluginError(f"ONNX Runtime cannot run the model: {error}") from error
        return torch.from_numpy(logits)

    def select(self, rows: Numbers) -> OnnxSteps:
        """A copy that continues with these rows."""
        return OnnxSteps(self.running, [state[rows] for state in self.state])
