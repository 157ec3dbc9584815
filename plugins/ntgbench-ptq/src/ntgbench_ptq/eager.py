"""A transformers model one token at a time, with transformers' own cache."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ntgbench_ptq.products import exact_products

if TYPE_CHECKING:
    from ntgbench.learning.sampling import Numbers

CACHES = ("past_key_values", "cache_params")  # of models with attention, and of state space models


class EagerSteps:
    """`Steps` of `ntgbench.learning.sampling` for any causal model of transformers."""

    def __init__(self, model: nn.Module, caches: dict[str, Any] | None = None) -> None:
        self.model, self.device = model, next(model.parameters()).device
        self.caches = caches or {}

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row."""
        read = torch.from_numpy(tokens).to(self.device)[:, None]
        with exact_products():
            output = self.model(input_ids=read, use_cache=True, **self.caches)
        self.caches = {name: output[name] for name in CACHES if name in output}
        logits: Tensor = output.logits[:, -1]
        return logits

    def select(self, rows: Numbers) -> EagerSteps:
        """A copy that continues with these rows."""
        chosen = EagerSteps(self.model, deepcopy(self.caches))
        for cache in chosen.caches.values():
            cache.reorder_cache(torch.from_numpy(rows).to(self.device))
        return chosen
