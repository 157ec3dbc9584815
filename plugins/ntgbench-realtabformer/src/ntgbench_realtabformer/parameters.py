"""Parameters of the system. Light: listing the systems imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from ntgbench.values import Count, Positive


@dataclass(frozen=True)
class REaLTabFormerParameters:
    """A size and a training that a CPU does in about a minute. Names in brackets are those of the package.

    The package has layers=6, heads=12, width=768, digits=1, learning_rate=5e-5, batch=32 and epochs=1000, of which its
    bootstrap of the sensitivity, which is not here, stops most.

    Attributes:
        layers: of the GPT-2 (n_layer).
        heads: of its attention, a divisor of the width (n_head).
        width: of its layers (n_embd).
        digits: decimal digits of a token (numeric_nparts).
        dropout: in embeddings, attention and layers (embd_pdrop, attn_pdrop, resid_pdrop).
        mask_rate: share of tokens that are masked in the rows that are learnt from, drawn once (mask_rate).
        train_size: share of rows that is learnt from; the others say which weights are best and when to stop. With 1
            the last weights are kept.
        evaluate_every: steps between two looks at the other rows (eval_steps).
        patience: looks in a row without a smaller loss after which the training stops (early_stopping_patience).
        epochs: passes over the rows.
        batch: rows of a step (batch_size times gradient_accumulation_steps).
        learning_rate: of AdamW at the first step; it falls to 0 in a line.
        rows: rows that are drawn at a time in sampling (gen_batch).
    """

    layers: Annotated[int, Meta(ge=1, le=96)] = 2
    heads: Annotated[int, Meta(ge=1, le=128)] = 2
    width: Annotated[int, Meta(ge=1, le=16_384)] = 64
    digits: Annotated[int, Meta(ge=1, le=3)] = 2
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    mask_rate: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    train_size: Annotated[float, Meta(gt=0, le=1)] = 0.9
    evaluate_every: Count = 500
    patience: Count = 5
    epochs: Count = 1
    batch: Count = 64
    learning_rate: Positive = 3e-3
    rows: Annotated[int, Meta(ge=1, le=65_536)] = 2048

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, not {self.width} of {self.heads}")
