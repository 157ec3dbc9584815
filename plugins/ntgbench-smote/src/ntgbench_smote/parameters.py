"""Parameters of `smote`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST_NEIGHBOURS = 10_000


@dataclass(frozen=True)
class SmoteParameters:
    """Parameters of `smote`.

    Attributes:
        variant: "signed" interpolates signed payload lengths; "nominal" interpolates payload lengths and decides each
            direction, or that there is no packet, by a vote of the neighbours (SMOTENC).
        neighbours: nearest neighbours that a biflow is interpolated with, 1..10,000; small classes have fewer.
    """

    variant: Literal["signed", "nominal"] = "signed"
    neighbours: int = 5

    def __post_init__(self) -> None:
        if not 1 <= self.neighbours <= MOST_NEIGHBOURS:
            raise ValueError(f"neighbours must be in 1..{MOST_NEIGHBOURS:,}, not {self.neighbours}")
