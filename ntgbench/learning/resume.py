"""The checkpoint of a training, from which a training that was killed resumes."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

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
    """Where a training stands; what else a training must remember is added by a subclass, as JSON has it.

    Attributes:
        step: steps done.
        seconds: time spent.
    """

    step: int = 0
    seconds: float = 0.0


At = TypeVar("At", bound=Position)


class Checkpoint:
    """The checkpoint of one training in `folder`; without a folder nothing is saved.

    Attributes:
        identity: a checkpoint is used only by a training with an equal identity, as JSON has it.
        tensors: everything that changes during training, by name; saved, and restored in place.
    """

    def __init__(self, folder: Path | None, identity: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        self.path = None if folder is None else folder / FILE
        self.identity, self.tensors = json.dumps(identity, sort_keys=True), tensors
        self.last = time.monotonic()

    def restore(self, begin: At) -> At:
        """Put the saved tensors back and return where the training stood.

        That is `begin` when there is no checkpoint, or it is damaged or of another training.
        """
        if self.path is None or not self.path.is_file():
            return begin
        try:
            with safe_open(self.path, "pt") as file:
                head = file.metadata() or {}
                if (head.get("format"), head.get("identity")) != (str(FORMAT), self.identity):
                    return begin
                found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            position = type(begin)(**json.loads(head["position"]))
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            return begin
        if {name: value.shape for name, value in found.items()} != {n: v.shape for n, v in self.tensors.items()}:
            return begin
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(found[name])
        logging.getLogger(__name__).warning(
            "the training was interrupted and resumed after step %d; the reported fitting time is that of the rest",
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


def with_state(optimiser: torch.optim.Optimizer) -> None:
    """Give an Adam or AdamW optimiser the state that torch makes at the first step: a checkpoint is restored before."""
    for group in optimiser.param_groups:
        for weight in group["params"]:
            optimiser.state[weight] = {
                "step": torch.zeros((), device=weight.device),
                "exp_avg": torch.zeros_like(weight),
                "exp_avg_sq": torch.zeros_like(weight),
            }
