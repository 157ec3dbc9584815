"""The settings of the efficiency suite, as protocols write them under `[efficiency]`."""

from __future__ import annotations

from dataclasses import dataclass

EFFICIENCY_VERSION = 6
"""Version of the suite's numbers; raised when the same system and machine may give other numbers."""


@dataclass(frozen=True)
class Efficiency:
    """How the efficiency suite measures; the defaults are those of arXiv 2603.25507, Table III.

    Attributes:
        classes: number of classes, the largest of the dataset.
        items: training items of each class.
        train_items: training items, of all classes together, of a shortened training: one epoch of them is timed and
            its time scaled to all items. None times whole trainings of `epochs` epochs on all items.
        epochs: epochs of a whole training, and of the model that is sampled from.
        samples: items of each class that a repetition of sampling makes, one at a time.
        rounds: processes that a system is measured in; all systems take turns.
        repetitions: repeated measurements of a round.
        largest_batch: largest batch that throughput is measured at.
        threads: CPU threads.
    """

    classes: int = 5
    items: int = 500
    train_items: int | None = None
    epochs: int = 10
    samples: int = 100
    rounds: int = 1
    repetitions: int = 10
    largest_batch: int = 4096
    threads: int = 1

    @property
    def batches(self) -> list[int]:
        """The batches that throughput is measured at: 1, 8, 64, … up to `largest_batch`."""
        return [batch for power in range(20) if (batch := 8**power) <= self.largest_batch]

    def out_of_range(self) -> list[str]:
        """Names of the settings that are below 1."""
        return [name for name, value in vars(self).items() if value is not None and value < 1]
