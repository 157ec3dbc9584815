"""Parameters of `fast-retransmit`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FastRetransmitParameters:
    """Parameters of `fast-retransmit`.

    Attributes:
        probability: probability that a packet is lost once, 0..1.
        single: lose exactly one packet of each biflow, each with equal chance, instead of using `probability`.
    """

    probability: float = 0.1
    single: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must be in 0..1, not {self.probability}")
