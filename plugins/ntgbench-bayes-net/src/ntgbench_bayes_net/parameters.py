"""Parameters of the generator. Light: listing the systems imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from ntgbench.values import Positive


@dataclass(frozen=True)
class BayesNetParameters:
    """How fine the model is, and how far it trusts what it has seen.

    Attributes:
        parents: attributes that one attribute of a connection may depend on at most, beside its kind.
        smoothing: weight of what is known about the less special case, in observations: one observation of the special
            case counts as much as the less special case does when this is 1. Larger, and more comes out that was never
            seen together.
        order: packets before that the next one depends on.
        bins: parts of about equal mass into which numbers are cut; a part is never wider than a factor of 2. The mean
            payload of a connection and the mean logarithm of its gaps have 12 parts of their own, of any width.
        words: values of one field that stand for themselves at most: addresses, ports, lengths. All others are drawn
            from a part or a prefix.
        epochs: parts of the trace, with the same number of connections each, that may differ in everything.
    """

    parents: Annotated[int, Meta(ge=0, le=3)] = 3
    smoothing: Positive = 1.0
    order: Annotated[int, Meta(ge=1, le=2)] = 2
    bins: Annotated[int, Meta(ge=1, le=512)] = 64
    words: Annotated[int, Meta(ge=1, le=1024)] = 256
    epochs: Annotated[int, Meta(ge=1, le=256)] = 16
