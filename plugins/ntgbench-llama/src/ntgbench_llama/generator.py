"""LLaMA as a generator of biflows, saved in the format of transformers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ntgbench.learning.token_generator import TokenGenerator
from ntgbench.mapping.tokens import EOS, PAD
from ntgbench_llama.model import EPSILON, INITIAL_DEVIATION, ROPE_BASE, Llama, from_hf, to_hf
from ntgbench_llama.onnx_step import onnx_step
from ntgbench_llama.parameters import LlamaParameters
from ntgbench_llama.steps import LlamaSteps, Weights

if TYPE_CHECKING:
    from ntgbench_onnx.graph import Graph
    from torch import Tensor

    from ntgbench.learning.sampling import Start


class LlamaGenerator(TokenGenerator[LlamaParameters]):
    """A causal decoder over tokens of packets."""

    kind = "llama"
    model: Llama

    def new_model(self) -> Llama:
        """An untrained decoder."""
        return Llama(self.parameters, self.mapping.vocabulary, self.mapping.packets + 2)

    def steps(self) -> Start:
        """The decoder one token at a time."""
        library = np if self.model.rotation.device.type == "cpu" else torch
        return partial(LlamaSteps, Weights(self.model, library, self.parameters.sampling_precision))

    def hf_weights(self) -> dict[str, Tensor]:
        """The weights of a LlamaForCausalLM."""
        return to_hf(self.model)

    def take_hf_weights(self, weights: dict[str, Tensor]) -> None:
        """Read the weights of a LlamaForCausalLM."""
        from_hf(self.model, weights)

    def hf_config(self) -> dict[str, Any]:
        """The configuration of a LlamaForCausalLM."""
        p = self.parameters
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.mapping.vocabulary,
            "hidden_size": p.hidden,
            "intermediate_size": p.intermediate,
            "num_hidden_layers": p.layers,
            "num_attention_heads": p.heads,
            "num_key_value_heads": p.heads,
            "max_position_embeddings": self.mapping.packets + 2,
            "rms_norm_eps": EPSILON,
            "rope_parameters": {"rope_type": "default", "rope_theta": ROPE_BASE},
            "initializer_range": INITIAL_DEVIATION,
            "tie_word_embeddings": False,
            "pad_token_id": PAD,
            "bos_token_id": None,
            "eos_token_id": EOS,
            "dtype": "float32",
        }

    def onnx_step(self, graph: Graph) -> str:
        """A step of the decoder."""
        return onnx_step(graph, self.parameters, self.mapping.packets + 2)
