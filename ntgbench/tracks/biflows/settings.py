"""Settings of a protocol that are about biflows: their layout, and how each suite measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from ntgbench.traffic.biflows import MOST_PACKETS, PACKETS, PL_MAX
from ntgbench.values import Count

Share = Annotated[float, Meta(gt=0, le=1)]
"""A share of a whole."""


@dataclass(frozen=True)
class BiflowLayout:
    """How datasets are loaded as biflows.

    Attributes:
        packets: packets kept of each biflow.
        pl_max: larger payload lengths are cut to so many bytes.
    """

    packets: Annotated[int, Meta(ge=1, le=MOST_PACKETS)] = PACKETS
    pl_max: Annotated[int, Meta(ge=1, le=32_767)] = PL_MAX


@dataclass(frozen=True)
class Fidelity:
    """How the fidelity suite measures.

    Attributes:
        floor_draws: random halves of the training set that the real-vs-real floor is averaged over.
    """

    floor_draws: Count = 5


@dataclass(frozen=True)
class Augmentation:
    """How the augmentation suite measures.

    Attributes:
        fractions: shares of each class's training biflows that are available, in 0..1.
        arms: what generators learn from: "full", the whole training set (the paper's design), or "subset", the
            available biflows only. Augmenters always see the available biflows only.

    Raises:
        ValueError: when two shares are printed alike.
    """

    fractions: Annotated[tuple[Share, ...], Meta(min_length=1)] = (0.05, 0.10, 0.15, 0.20, 0.30, 0.50, 0.75, 1.0)
    arms: Annotated[tuple[Literal["full", "subset"], ...], Meta(min_length=1)] = ("full",)

    def __post_init__(self) -> None:
        _refuse_alike("fractions", self.fractions)


@dataclass(frozen=True)
class Mixing:
    """How the mixing suite measures.

    Attributes:
        shares: shares of each class's training biflows that are real, in 0..1; the others are synthetic.

    Raises:
        ValueError: when two shares are printed alike.
    """

    shares: Annotated[tuple[Annotated[float, Meta(ge=0, le=1)], ...], Meta(min_length=1)] = (0.0, 0.25, 0.5, 0.75, 1.0)

    def __post_init__(self) -> None:
        _refuse_alike("shares", self.shares)


@dataclass(frozen=True)
class Drift:
    """How the drift suite measures.

    Attributes:
        on: the dataset that classifiers are tested on beside the held-out traffic, as after -d. All of it is read.
        digest: identity of its traffic. A run fills it in, and refuses other traffic where a protocol gives it.
    """

    on: str = ""
    digest: str = ""


def _refuse_alike(name: str, shares: tuple[float, ...]) -> None:
    if len({f"{share * 100:g}" for share in shares}) < len(shares):
        raise ValueError(f"{name} must differ as they are printed")
