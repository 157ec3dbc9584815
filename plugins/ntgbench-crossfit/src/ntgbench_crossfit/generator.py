"""Decoders of folds and counts, trained, sampled and saved together."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from ntgbench_llama.steps import Weights

from ntgbench.errors import PluginError
from ntgbench.learning import training
from ntgbench.learning.checkpoints import WEIGHTS_FILE, like_of, read_settings, sketched, write_checkpoint
from ntgbench.learning.device import use_device
from ntgbench.learning.sampling import Sampler
from ntgbench.learning.token_model import next_token_loss
from ntgbench.mapping.tokens import FIRST_CLASS, TokenMapping
from ntgbench.saved import Like, layout_numbers, read_tensors
from ntgbench.seeds import derive_seed
from ntgbench_crossfit.counts import TENSORS, checked, counted
from ntgbench_crossfit.decoder import Decoder, DecoderSteps
from ntgbench_crossfit.folds import dealt, distinct, unlike
from ntgbench_crossfit.steps import CrossfitSteps, Parts, seen_in

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context, Likelihood
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_crossfit.parameters import CrossfitParameters

KIND = "crossfit"


class CrossfitGenerator:
    """Counts of beginnings, and what decoders of folds make of the rest; see `steps`.

    Attributes:
        mapping: what the tokens are.
        counts: the table of beginnings.
        seen: bool (folds, classes, vocabulary). Tokens that biflows of each class have, of those that each decoder has
            learnt from.
        decoders: of each fold; fold k's has learnt from all others.
    """

    def __init__(self, parameters: CrossfitParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:
        """Count, and train each decoder from scratch. Raises PluginError when there is no training biflow."""
        if not len(train):
            raise PluginError("there is no training biflow to learn from")
        device, folds = use_device(context), self.parameters.folds
        self.mapping = TokenMapping(len(train.classes), train.packets, train.pl_max)
        fold, session = dealt(train, folds, context.rng())
        rows = self.mapping.encode(train.signed_pl, train.label)
        self.counts = counted(rows, fold, session, self.mapping, self.parameters.discount)
        self.seen, self.decoders = (
            torch.empty(folds, self.mapping.classes, self.mapping.vocabulary, dtype=torch.bool),
            [],
        )
        for k in range(folds):
            decoder = self._new_decoder()
            decoder.initialise(derive_seed(context.seed, k))
            decoder.to(device)
            # A training set of one biflow has no others to learn from.
            others = distinct(rows[fold != k]) if (fold != k).any() else distinct(rows)
            labels = (others[:, 0] - FIRST_CLASS).astype(np.int32)
            novel = unlike(distinct(rows[fold == k]), others)
            learnt, validation = (torch.from_numpy(part).to(device) for part in (others, novel))
            loss, own = next_token_loss(decoder), self._context(context, k)
            training.fit(decoder, loss, learnt, validation, self.parameters.for_rows(len(others)), own, labels)
            self.seen[k] = seen_in(others, self.mapping)
            self.decoders.append(decoder)
        self._ready()

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """Draw from the model, at temperature 1, as `TokenRecipe.sampling` says."""
        return self.mapping.decode(self.sampler.sample(labels, rng))[0]

    def log_likelihood(self, biflows: Biflows) -> Likelihood:
        """What the model says of biflows of its layout."""
        return self.sampler.log_likelihood(self.mapping.encode(biflows.signed_pl, biflows.label))

    def save(self, folder: Path) -> None:
        """Write the counts and the weights of all decoders."""
        own = {name: torch.from_numpy(getattr(self.counts, name)) for name in TENSORS}
        weights = {f"{k}.{name}": w for k, one in enumerate(self.decoders) for name, w in one.state_dict().items()}
        write_checkpoint(folder, KIND, self.mapping.settings(), {**own, "seen": self.seen, **weights})

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.mapping = TokenMapping(**layout_numbers(read_settings(folder, KIND)))
        folds = range(self.parameters.folds)
        one = like_of(sketched(self._new_decoder).state_dict())
        wanted = {f"{k}.{name}": like for k in folds for name, like in one.items()}
        wanted |= {**TENSORS, "seen": Like("BOOL", (len(folds), self.mapping.classes, self.mapping.vocabulary))}
        tensors, _ = read_tensors(folder / WEIGHTS_FILE, wanted, "pt")
        arrays = {name: tensors[name].numpy() for name in TENSORS}
        self.counts = checked(arrays, self.mapping, len(folds), folder)
        self.seen, self.decoders = tensors["seen"], [self._new_decoder() for _ in folds]
        for k, decoder in enumerate(self.decoders):
            decoder.load_state_dict({name: tensors[f"{k}.{name}"] for name in one})
        self._ready()

    def _new_decoder(self) -> Decoder:
        return Decoder(self.parameters, self.mapping)

    def _context(self, context: Context, k: int) -> Context:
        """The context of training decoder `k`: its own seed and checkpoint, and its part of the time and progress."""
        folds, minutes, steps = self.parameters.folds, context.budget.minutes, context.budget.steps
        budget = replace(
            context.budget,
            minutes=None if minutes is None else minutes / folds,
            steps=None if steps is None else max(1, steps // folds),
        )
        checkpoint = None if context.checkpoint is None else context.checkpoint / f"decoder-{k}"
        if checkpoint is not None:
            checkpoint.mkdir(exist_ok=True)

        def progress(done: float, total: float, note: str = "") -> None:
            context.progress(k + done / total, folds, f"decoder {k + 1} of {folds}, {note}")

        seed = derive_seed(context.seed, "decoder", k)
        return replace(context, seed=seed, budget=budget, checkpoint=checkpoint, progress=progress)

    def _ready(self) -> None:
        starts, device = [], self.decoders[0].rotation.device
        library = np if device.type == "cpu" else torch
        for decoder in self.decoders:
            decoder.eval()
            weights = Weights(decoder.folded(), library, self.parameters.sampling_precision)
            starts.append(partial(DecoderSteps, weights))
        parts = Parts(self.counts, starts, self.seen.to(device))
        self.sampler = Sampler(partial(CrossfitSteps, parts), self.mapping, self.parameters.sampling)
