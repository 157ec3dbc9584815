"""A training on disk while it runs, so that one that was killed goes on where it stood."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ntgbench.files import replacing

FORMAT = 1
"""Version of the file."""

FILE = "training.safetensors"

SAVE_EVERY = 60.0
"""Seconds of training between two saves: what a kill costs at most."""


@dataclass
class Position:
    """Where a training stands.

    Attributes:
        step: steps done, over all epochs.
        seconds: time spent.
        total, terms: sum of the losses of this epoch's steps, and of how many terms.
        train_loss, validation_loss: of the epochs that are through.
    """

    step: int = 0
    seconds: float = 0.0
    total: float = 0.0
    terms: int = 0
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)


class Saved:
    """The file of one training in `folder`; without a folder nothing is kept.

    Attributes:
        identity: what must be equal for a training to be the same one, as JSON has it.
        tensors: all that changes while it runs, by name; saved and restored in place.
    """

    def __init__(self, folder: Path | None, identity: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        self.path = None if folder is None else folder / FILE
        self.identity, self.tensors = json.dumps(identity, sort_keys=True), tensors
        self.last = time.monotonic()

    def restore(self) -> Position | None:
        """Where the same training stood, its tensors put back; None when there is none, or what is there is damaged."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                head = file.metadata() or {}
                if (head.get("format"), head.get("identity")) != (str(FORMAT), self.identity):
                    return None
                found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            position = Position(**json.loads(head["position"]))
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            return None
        if {name: value.shape for name, value in found.items()} != {n: v.shape for n, v in self.tensors.items()}:
            return None
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(found[name])
        logging.getLogger(__name__).warning(
            "the training was interrupted and went on after step %d; the time of fitting is that of the rest",
            position.step,
        )
        return position

    def save(self, position: Position) -> None:
        """Write everything, unless less than `SAVE_EVERY` seconds have passed since the last time."""
        now = time.monotonic()
        if self.path is None or now - self.last < SAVE_EVERY:
            return
        head = {"format": str(FORMAT), "identity": self.identity, "position": json.dumps(asdict(position))}
        own = {name: tensor.detach().cpu().clone() for name, tensor in self.tensors.items()}
        with replacing(self.path) as temporary:
            save_file(own, temporary, head)
        self.last = time.monotonic()
