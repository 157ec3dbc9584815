"""LLaMA as a generator: trained on tokens of packets, sampled class by class, saved as transformers saves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ntgbench.errors import PluginError
from ntgbench.learning import sampling, training
from ntgbench.learning.checkpoints import read_checkpoint, write_checkpoint
from ntgbench.learning.device import use_device
from ntgbench.mapping.tokens import EOS, PAD, TokenMapping
from ntgbench_llama.model import EPSILON, INITIAL_DEVIATION, ROPE_BASE, Llama, from_hf, to_hf
from ntgbench_llama.steps import LlamaSteps, Weights

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context, Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_llama.parameters import LlamaParameters


class LlamaGenerator:
    """Learns what token follows given the class and the packets before.

    Attributes:
        mapping: what the tokens are.
        model: the decoder.
    """

    def __init__(self, parameters: LlamaParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:
        """Train from scratch. Raises PluginError when there is no training biflow."""
        device = use_device(context)
        self._build(TokenMapping(len(train.classes), train.packets, train.pl_max))
        self.model.initialise(context.seed)
        self.model.to(device)
        rows, validation = (
            torch.from_numpy(self.mapping.encode(part.signed_pl, part.label)).to(device)
            for part in training.hold_out(train, context.seed)
        )
        p = self.parameters
        recipe = training.Recipe(p.epochs, p.batch, p.learning_rate, p.weight_decay, p.patience)
        training.fit(self.model, training.next_token_loss(self.model), rows, validation, recipe, context)
        self._ready()

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """Draw from the model, at temperature 1."""
        rows = sampling.sample(self.steps, self.mapping, labels, rng)
        return self.mapping.decode(rows)[0]

    def steps(self, rows: int) -> LlamaSteps:
        """The model at work on so many rows at most."""
        return LlamaSteps(self.weights, rows)

    def save(self, folder: Path) -> None:
        """Write what both `load` and transformers' `AutoModelForCausalLM.from_pretrained` read."""
        write_checkpoint(folder, "llama", self.mapping.settings(), to_hf(self.model), self._hf_config())

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        settings, weights = read_checkpoint(folder, "llama")
        try:
            self._build(TokenMapping(**settings))
            from_hf(self.model, weights)
        except (RuntimeError, TypeError) as error:
            raise PluginError(f"{folder} holds a model of other parameters than {self.parameters}: {error}") from error
        self._ready()

    def _build(self, mapping: TokenMapping) -> None:
        self.mapping = mapping
        self.model = Llama(self.parameters, mapping.vocabulary, mapping.packets + 2)

    def _ready(self) -> None:
        self.model.eval()
        self.weights = Weights(self.model, np if self.model.rotation.device.type == "cpu" else torch)

    def _hf_config(self) -> dict[str, Any]:
        """What transformers' LlamaConfig is made of."""
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
