"""Parameters of the quantised generators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PtqParameters:
    """Parameters of the quantised generators.

    Attributes:
        form: how the quantised model is run: `eager` as torchao leaves it in transformers' model, which is how
            arXiv 2603.25507 measured it, or `tuned`, the fastest form of the same numbers.
    """

    form: Literal["eager", "tuned"] = "eager"
