"""Parameters of `markov`."""

from __future__ import annotations

from dataclasses import dataclass

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
