"""The settings of the efficiency suite, as protocols write them under `[efficiency]`."""

from __future__ import annotations

from dataclasses import dataclass

from ntgbench.values import Count

EFFICIENCY_VERSION = 6
"""Version of the suite's numbers; raised when the same system and machine may give other numbers."""


READING = """\
The time, memory, energy and disk space that a system takes. **Compare systems within a section only: each is of one
machine.** The *shortest* time is what to compare systems by: those whose intervals overlap share a rank. The *median*,
with its 95% interval, is how long one waits; `*` marks outliers. Where `others` is above 10%, or `reference` above 1.1
times its smallest value, the machine was busy or slow. ntgbench's docs/efficiency.md explains every column."""


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
    """

    classes: Count = 5
    items: Count = 500
    train_items: Count | None = None
    epochs: Count = 10
    samples: Count = 100
    rounds: Count = 1
    repetitions: Count = 10
    largest_batch: Count = 4096

    @property
    def batches(self) -> list[int]:
        """The batches that throughput is measured at: 1, 8, 64, … up to `largest_batch`."""
        return [batch for power in range(20) if (batch := 8**power) <= self.largest_batch]


def rounds(settings: Efficiency, device: str) -> int:
    """Processes that a system is measured in: one on a GPU, which a loaded model might not use."""
    return settings.rounds if device == "cpu" else 1
