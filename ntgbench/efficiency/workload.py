"""What a track hands to the efficiency suite: items to train on, and requests for new ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Workload:
    """The work that is timed.

    Attributes:
        units: number of training items.
        first: the first n training items, as `System.fit` takes them.
        singles: requests of one item each, as `FittedSystem.draw` takes them; together one repetition of sampling.
        batch: a request of n items.
        start: "module:function", called in a fresh process with the loaded system; returns a request of one item.
        packets: mean number of packets of an item, which goes into the row; None where items have no packets.
    """

    units: int
    first: Callable[[int], Any]
    singles: tuple[Any, ...]
    batch: Callable[[int], Any]
    start: str
    packets: Callable[[Any], float] | None = None
