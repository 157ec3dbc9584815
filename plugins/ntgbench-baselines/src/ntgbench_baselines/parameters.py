"""Parameters of `markov` and `backoff`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ntgbench.mapping.codes import Sampling  # noqa: TC001  # read at run time

LONGEST_ORDER = 10


@dataclass(frozen=True)
class MarkovParameters:
    """Parameters of `markov`.

    Attributes:
        order: number of previous packets that the next one depends on, 1..10.
        sampling: how biflows are drawn: each for itself, or `systematic`, where every beginning of a class gets its
            probability's share of the biflows asked for, rounded down or up; see `ntgbench.mapping.codes.Codes`.
    """

    order: int = 1
    sampling: Sampling = "independent"

    def __post_init__(self) -> None:
        if not 1 <= self.order <= LONGEST_ORDER:
            raise ValueError(f"order must be in 1..{LONGEST_ORDER}, not {self.order}")


LONGEST_HISTORY = 30


@dataclass(frozen=True)
class BackoffParameters:
    """Parameters of `backoff`.

    Attributes:
        order: packets of the longest histories, 1..30; biflows of up to `order` + 1 packets are conditioned on all
            packets so far.
        counts: of shorter histories: `kneser-ney`, of the distinct longer histories that a symbol follows, or
            `absolute`, of the training set.
        discount: what is taken from each count for shorter histories, 0..1: with 0 biflows are copies as far as
            histories reach; the more, the more are new. Or `estimated`, for each length of history, from how many
            counts are 1, 2, 3 and 4.
        shared: where the counts of a history and class sum to less, what follows it in all classes is asked before the
            shorter history; 0 for never.
        sampling: see `MarkovParameters`.
    """

    order: int = 10
    counts: Literal["kneser-ney", "absolute"] = "kneser-ney"
    discount: float | Literal["estimated"] = "estimated"
    shared: int = 5
    sampling: Sampling = "independent"

    def __post_init__(self) -> None:
        if not 1 <= self.order <= LONGEST_HISTORY:
            raise ValueError(f"order must be in 1..{LONGEST_HISTORY}, not {self.order}")
        if self.discount != "estimated" and not 0 <= self.discount <= 1:
            raise ValueError(f"discount must be in 0..1 or estimated, not {self.discount}")
        if self.shared < 0:
            raise ValueError(f"shared must be at least 0, not {self.shared}")
