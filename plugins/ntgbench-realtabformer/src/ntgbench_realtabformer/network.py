"""The GPT-2 of the package, and drawing rows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ntgbench.learning.quiet import quiet
from ntgbench_realtabformer.tokens import BOS, EOS

with quiet():
    from transformers import DynamicCache, GPT2Config, GPT2LMHeadModel

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from ntgbench_realtabformer.parameters import REaLTabFormerParameters
    from ntgbench_realtabformer.tokens import Layout

ACTIVATION = "gelu_pytorch_tanh"
"""The same function as the "gelu_new" of the package, as one operation of torch in place of eight."""

SHARED = 0.7
"""Share of different beginnings among rows up to which rows with the same beginning are computed as one."""


def network(layout: Layout, parameters: REaLTabFormerParameters) -> GPT2LMHeadModel:
    """The GPT-2 that the package makes for these tokens, with the random weights of transformers."""
    p = parameters
    return GPT2LMHeadModel(
        GPT2Config(
            n_layer=p.layers,
            n_head=p.heads,
            n_embd=p.width,
            embd_pdrop=p.dropout,
            attn_pdrop=p.dropout,
            resid_pdrop=p.dropout,
            activation_function=ACTIVATION,
            n_positions=len(layout.parts) + 2,
            vocab_size=layout.first[-1],
            bos_token_id=BOS,
            eos_token_id=EOS,
        )
    )


@torch.inference_mode()
def drawn(model: GPT2LMHeadModel, layout: Layout, rows: int, generator: torch.Generator) -> npt.NDArray[np.int64]:
    """Tokens of new rows, int64 (rows, places) without BOS and EOS.

    At each place only its own tokens can be drawn, with the model's probabilities among these, as in the package
    (`TabularSampler._prefix_allowed_tokens_fn`). The model sees a beginning that several rows share once, and places
    with a single token together with the next one.
    """
    weights = model.lm_head.weight
    device = weights.device
    made = np.zeros((rows, len(layout.parts)), np.int64)
    cache = DynamicCache(config=model.config)
    beginning = torch.zeros(rows, dtype=torch.long)  # of each row, which of the sequences in the cache it goes on
    sharing = True
    pending = [torch.full((1,), BOS)]  # tokens that the model has not seen, for each sequence
    for place, (first, end) in enumerate(zip(layout.first, layout.first[1:], strict=False)):
        if end - first == 1:
            made[:, place] = first
            pending.append(torch.full_like(pending[0], first))
            continue
        seen = model.transformer(input_ids=torch.stack(pending, 1).to(device), past_key_values=cache, use_cache=True)
        logits = seen.last_hidden_state[:, -1] @ weights[first:end].T
        chances = logits.float().softmax(1).cpu()
        token = torch.multinomial(chances[beginning], 1, generator=generator)[:, 0] + first
        made[:, place] = token.numpy()
        if sharing:
            pairs, index = np.unique(beginning.numpy() * layout.first[-1] + token.numpy(), return_inverse=True)
            sharing = len(pairs) <= SHARED * rows
            parents = torch.from_numpy(pairs // layout.first[-1]) if sharing else beginning
            cache.batch_select_indices(parents.to(device))
            beginning = torch.from_numpy(index) if sharing else torch.arange(rows)
            token = torch.from_numpy(pairs % layout.first[-1]) if sharing else token
        pending = [token]
    return made


def loss(model: GPT2LMHeadModel, tokens: Tensor) -> Tensor:
    """Mean negative logarithm of the probability of each token after BOS, given those before, over all tokens."""
    hidden = model.transformer(input_ids=tokens[:, :-1], use_cache=False).last_hidden_state
    logits = model.lm_head(hidden)
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
