"""Engines: where the work of a run is done. Each takes functions from JSON text to JSON text, with what they need."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from ntgbench.errors import NtgbenchError

Work = Callable[[str], str]
"""A function of a module, which every machine imports: it takes and returns JSON."""


class EngineError(NtgbenchError):
    """An engine that is not there, or that was lost."""


@dataclass(frozen=True)
class Needs:
    """What a piece of work occupies while it runs.

    Attributes:
        threads: processors.
        memory_gib: GiB of memory.
        gpus: GPUs, which it has to itself.
    """

    threads: int = 1
    memory_gib: float = 2.0
    gpus: int = 0


class Engine(Protocol):
    """Where work is done; a context manager, which gives up what has not ended when it is left.

    Attributes:
        name: what users write after --engine.
    """

    name: str

    def has_room(self, needs: Needs) -> bool:
        """Whether work with such needs can be submitted now."""

    def submit(self, work: Work, text: str, needs: Needs) -> Future[str]:
        """Do `work(text)` somewhere. Its future raises EngineError when the engine itself is lost."""

    def __enter__(self) -> Self:
        """Itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what waits. What runs is told to stop by the beacon of its run, see `ntgbench.running.beacon`."""
