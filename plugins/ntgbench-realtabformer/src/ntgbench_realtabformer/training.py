"""Training, with rows held out that say which weights are best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ntgbench.learning import stages
from ntgbench.learning.resume import with_state
from ntgbench.seeds import derive_seed
from ntgbench_realtabformer.network import loss
from ntgbench_realtabformer.tokens import RMASK

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor
    from transformers import GPT2LMHeadModel

    from ntgbench.interfaces import Context
    from ntgbench_realtabformer.parameters import REaLTabFormerParameters

LARGEST_NORM = 1.0
"""Gradients are scaled down to this norm, as the package's Trainer does by default."""


class Training:
    """One training of a model in place.

    Attributes:
        learnt, held_out: tokens of rows, int64 (N, places + 2).
        at_best: loss on the held-out rows with the best weights so far, and looks since then; float64 (2,).
        best: these weights.
        last: the last losses: of a batch, and on the held-out rows (0 when there are none); float32 (2,).
    """

    def __init__(
        self,
        model: GPT2LMHeadModel,
        tokens: npt.NDArray[np.int64],
        parameters: REaLTabFormerParameters,
        seed: int,
    ) -> None:
        self.model, self.parameters, self.seed = model, parameters, seed
        device = model.lm_head.weight.device
        rng = np.random.default_rng(derive_seed(seed, "rows"))
        masked = rng.random(tokens[:, 1:-1].shape) < parameters.mask_rate
        tokens = tokens.copy()
        tokens[:, 1:-1][masked] = RMASK
        order = rng.permutation(len(tokens))
        # At least one row is learnt from.
        learnt = max(1, round(parameters.train_size * len(tokens)))
        self.learnt, self.held_out = (torch.from_numpy(tokens[rows]).to(device) for rows in np.split(order, [learnt]))
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=parameters.learning_rate, weight_decay=0.0)
        with_state(self.optimiser)
        self.at_best = torch.tensor([torch.inf, 0.0], dtype=torch.float64)
        self.best = {n: w.detach().clone() for n, w in model.named_parameters()} if len(self.held_out) else {}
        self.last = torch.zeros(2)

    @property
    def epoch(self) -> int:
        """Steps of a pass over the rows; the last batch may be smaller."""
        return -(-len(self.learnt) // self.parameters.batch)

    def fit(self, context: Context) -> stages.Course:
        """Train; the best weights are the model's afterwards."""
        stage = stages.Stage("rows", self.parameters.epochs * self.epoch, self.epoch, self.step)
        tensors: dict[str, Tensor] = dict(self.model.named_parameters())
        tensors |= stages.optimised("optimiser", self.optimiser) | {f"best.{n}": w for n, w in self.best.items()}
        tensors |= {"at_best": self.at_best, "last": self.last}
        self.model.train()
        course = stages.fit([stage], tensors, {"parameters": repr(self.parameters)}, context)
        if self.best:
            self.look()
            with torch.no_grad():
                for name, weight in self.model.named_parameters():
                    weight.copy_(self.best[name])
        self.model.train(False)
        return course

    def step(self, done: int, share: float) -> Tensor:
        """One step of AdamW, unless the training has stopped; the last losses."""
        p = self.parameters
        if self.at_best[1] >= p.patience:
            return self.last.clone()
        epoch, at = divmod(done, self.epoch)
        if at == 0 or not hasattr(self, "order"):
            rng = np.random.default_rng(derive_seed(self.seed, "epoch", epoch))
            self.order = torch.from_numpy(rng.permutation(len(self.learnt))).to(self.learnt.device)
        for group in self.optimiser.param_groups:
            group["lr"] = p.learning_rate * (1 - share)
        found = loss(self.model, self.learnt[self.order[at * p.batch : (at + 1) * p.batch]])
        self.optimiser.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_NORM)
        self.optimiser.step()
        self.last[0] = found.detach()
        if self.best and (done + 1) % p.evaluate_every == 0:
            self.look()
        return self.last.clone()

    @torch.no_grad()
    def look(self) -> None:
        """Compare the weights with the best ones by their loss on the held-out rows."""
        self.model.train(False)
        batches = torch.split(self.held_out, self.parameters.batch)
        found = sum(float(loss(self.model, rows)) * len(rows) for rows in batches) / len(self.held_out)
        self.model.train()
        self.last[1] = found
        self.at_best[1] += 1
        if found < self.at_best[0]:
            self.at_best[:] = torch.tensor([found, 0.0])
            for name, weight in self.model.named_parameters():
                self.best[name].copy_(weight)
