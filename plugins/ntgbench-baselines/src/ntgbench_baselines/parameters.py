"""Parameters of `markov`."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_ORDER = 10


@dataclass(frozen=True)
class MarkovParameters:
    """Parameters of `markov`.

    Attributes:
        order: number of previous packets that the next one depends on, 1..10.
    """

    order: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.order <= LONGEST_ORDER:
            raise ValueError(f"order must be in 1..{LONGEST_ORDER}, not {self.order}")
