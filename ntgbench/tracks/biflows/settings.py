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


@dataclass(frozen=True)
class Efficiency:
    """How the efficiency suite measures; the defaults are those of arXiv 2603.25507, Table III.

    Attributes:
        classes: number of classes, the largest of the dataset.
        biflows: training biflows of each.
        epochs: epochs of a training whose time is taken.
        samples: biflows of each class that a repetition makes, one at a time.
        rounds: processes that a system is measured in, each after one of every other system: where a process finds
            its memory makes a difference, and a machine may be slow for minutes.
        repetitions: repeated measurements of a round, of all of which the median with its interval and the shortest are
            shown.
        seconds: what a repetition is shortened to, about, by fewer biflows and a single epoch, and there are as many as
            then fit into the same time; one of sampling may be a few times as long. None measures whole.
        largest_batch: largest batch that is tried for throughput.
        threads: CPU threads.
    """

    classes: int = 5
    biflows: int = 500
    epochs: int = 10
    samples: int = 100
    rounds: int = 1
    repetitions: int = 10
    seconds: float | None = None
    largest_batch: int = 4096
    threads: int = 1

    def __post_init__(self) -> None:
        counts = ("classes", "biflows", "epochs", "samples", "rounds", "repetitions", "largest_batch", "threads")
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.seconds is not None and not self.seconds > 0:
            raise ValueError(f"seconds must be above 0, not {self.seconds}")


def rounds(settings: Efficiency, device: str) -> int:
    """Processes that a system is measured in: one on a GPU, which a model that a later one loads would not use."""
    return settings.rounds if device == "cpu" else 1
