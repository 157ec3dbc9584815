"""transformers' models one token at a time, over transformers' own cache."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ntgbench_ptq.products import exact_products

if TYPE_CHECKING:
    from ntgbench.learning.sampling import Numbers


class EagerSteps:
    """A model at work: `Steps` of `ntgbench.learning.sampling`."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.device = model, next(model.parameters()).device
        self.state: dict[str, Any] = {}

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row."""
        read = torch.from_numpy(tokens).to(self.device)[:, None]
        with exact_products():
            output = self.model(input_ids=read, use_cache=True, **self.state)
        # Models with attention and models with states call their memory differently.
        self.state = {name: output[name] for name in ("past_key_values", "cache_params") if name in output}
        logits: Tensor = output.logits[:, -1]
        return logits

    def select(self, rows: Numbers) -> EagerSteps:
        """A copy that goes on with these rows."""
        chosen = EagerSteps(self.model)
        chosen.state = deepcopy(self.state)
        for cache in chosen.state.values():
            cache.reorder_cache(torch.from_numpy(rows).to(self.device))
        return chosen
