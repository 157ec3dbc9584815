"""Settings of a protocol that are about biflows: their layout, and how each suite measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ntgbench.traffic.biflows import MOST_PACKETS, PACKETS, PL_MAX


@dataclass(frozen=True)
class BiflowLayout:
    """The form that biflows are loaded in.

    Attributes:
        packets: packets kept of each biflow.
        pl_max: larger payload lengths are cut to so many bytes.

    Raises:
        ValueError: when a value is out of its range.
    """

    packets: int = PACKETS
    pl_max: int = PL_MAX

    def __post_init__(self) -> None:
        if not 1 <= self.packets <= MOST_PACKETS:
            raise ValueError(f"packets must be in 1..{MOST_PACKETS}, not {self.packets}")
        if not 1 <= self.pl_max <= 32_767:
            raise ValueError(f"pl_max must be in 1..32767, not {self.pl_max}")


@dataclass(frozen=True)
class Fidelity:
    """How the fidelity suite measures.

    Attributes:
        floor_draws: random halves of the training set that the real-vs-real floor is averaged over.

    Raises:
        ValueError: when it is below 1.
    """

    floor_draws: int = 5

    def __post_init__(self) -> None:
        if self.floor_draws < 1:
            raise ValueError(f"floor_draws must be at least 1, not {self.floor_draws}")


@dataclass(frozen=True)
class Augmentation:
    """How the augmentation suite measures.

    Attributes:
        fractions: shares of each class's training biflows that are available, in 0..1.
        arms: what generators learn from: "full", the whole training set (the paper's design), or "subset", the
            available biflows only. Augmenters always see the available biflows only.

    Raises:
        ValueError: when a share is out of its range, two are printed alike, or there are no shares or no arms.
    """

    fractions: tuple[float, ...] = (0.05, 0.10, 0.15, 0.20, 0.30, 0.50, 0.75, 1.0)
    arms: tuple[Literal["full", "subset"], ...] = ("full",)

    def __post_init__(self) -> None:
        printed = {f"{share * 100:g}" for share in self.fractions}
        if not self.fractions or len(printed) < len(self.fractions) or not all(0 < one <= 1 for one in self.fractions):
            raise ValueError(f"fractions must be different shares above 0 and up to 1, not {list(self.fractions)}")
        if not self.arms:
            raise ValueError("arms must name full, subset or both")
