"""Mamba as a generator of biflows, saved in the format of transformers."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ntgbench.learning.token_generator import TokenGenerator
from ntgbench.mapping.tokens import EOS, PAD
from ntgbench_mamba.kernels import selective_scan
from ntgbench_mamba.model import EPSILON, INITIAL_DEVIATION, Mamba, from_hf, to_hf
from ntgbench_mamba.onnx_step import onnx_step
from ntgbench_mamba.parameters import MambaParameters
from ntgbench_mamba.steps import MambaSteps, Weights

if TYPE_CHECKING:
    from ntgbench_onnx.graph import Graph
    from torch import Tensor

    from ntgbench.interfaces import Context
    from ntgbench.learning.sampling import Start
    from ntgbench.traffic.biflows import Biflows

_log = logging.getLogger(__name__)


class MambaGenerator(TokenGenerator[MambaParameters]):
    """A selective state space model over tokens of packets."""

    kind = "mamba"
    hf_float_layers = ("dt_proj",)
    model: Mamba

    def fit(self, train: Biflows, context: Context) -> None:
        """Train from scratch. On CUDA a warning, which becomes a note on the row, says which scan is used."""
        if context.device.startswith("cuda"):
            _log.warning("on CUDA %s", selective_scan()[1])
        super().fit(train, context)

    def new_model(self) -> Mamba:
        """An untrained model."""
        return Mamba(self.parameters, self.mapping.vocabulary)

    def steps(self) -> Start:
        """The model one token at a time."""
        return partial(MambaSteps, Weights(self.model, np if self.model.head.weight.device.type == "cpu" else torch))

    def hf_weights(self) -> dict[str, Tensor]:
        """The weights of a MambaForCausalLM."""
        return to_hf(self.model)

    def take_hf_weights(self, weights: dict[str, Tensor]) -> None:
        """Read the weights of a MambaForCausalLM."""
        from_hf(self.model, weights)

    def hf_config(self) -> dict[str, Any]:
        """The configuration of a MambaForCausalLM."""
        p = self.parameters
        return {
            "architectures": ["MambaForCausalLM"],
            "model_type": "mamba",
            "vocab_size": self.mapping.vocabulary,
            "hidden_size": p.hidden,
            "state_size": p.state,
            "num_hidden_layers": p.layers,
            "expand": p.expand,
            "conv_kernel": p.conv_kernel,
            "time_step_rank": "auto",
            "layer_norm_epsilon": EPSILON,
            "initializer_range": INITIAL_DEVIATION,
            "tie_word_embeddings": True,
            "pad_token_id": PAD,
            "bos_token_id": None,
            "eos_token_id": EOS,
            "dtype": "float32",
        }

    def onnx_step(self, graph: Graph) -> str:
        """A step of the model."""
        return onnx_step(graph, self.parameters.layers)
