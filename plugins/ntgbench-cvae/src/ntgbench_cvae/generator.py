"""The autoencoder as a generator: it decodes normal noise and a class to a whole biflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ntgbench.learning import training
from ntgbench.learning.checkpoints import read_settings, read_weights, sketched, write_checkpoint
from ntgbench.learning.device import use_device
from ntgbench.saved import layout_numbers
from ntgbench_cvae.model import Cvae

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ntgbench.interfaces import Context
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_cvae.parameters import CvaeParameters

KIND = "cvae"
"""Kind of the model in its file."""

LARGEST_BATCH = 1024
"""Biflows decoded at a time: bounds the memory."""


class CvaeGenerator:
    """A conditional variational autoencoder of whole biflows.

    Attributes:
        classes: number of classes.
        packets: P, the largest number of packets of a biflow.
        pl_max: largest payload length in bytes.
        model: the autoencoder.
    """

    model: Cvae

    def __init__(self, parameters: CvaeParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:
        """Train from scratch. Raises PluginError when there is no training biflow."""
        device = use_device(context)
        self.classes, self.packets, self.pl_max = len(train.classes), train.packets, train.pl_max
        torch.manual_seed(context.seed)
        self.model = self._new_model().to(device)
        rows, validation = (self._rows(part).to(device) for part in training.hold_out(train, context.seed))
        training.fit(self.model, self.model.loss, rows, validation, self.parameters, context)

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """Decode normal noise: which packets are present, and their values."""
        made = [
            self._decoded(labels[start : start + LARGEST_BATCH], rng) for start in range(0, len(labels), LARGEST_BATCH)
        ]
        return np.concatenate([np.empty((0, self.packets), np.int64), *made])

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        settings = {"classes": self.classes, "packets": self.packets, "pl_max": self.pl_max}
        write_checkpoint(folder, KIND, settings, self.model.state_dict())

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        settings = layout_numbers(read_settings(folder, KIND))
        self.classes, self.packets, self.pl_max = (settings[name] for name in ("classes", "packets", "pl_max"))
        weights = read_weights(folder, sketched(self._new_model).state_dict())
        self.model = self._new_model()
        self.model.load_state_dict(weights)
        self.model.eval()

    def _new_model(self) -> Cvae:
        return Cvae(self.parameters, self.packets, self.classes)

    def _rows(self, biflows: Biflows) -> Tensor:
        """Biflows as rows of the model's input."""
        values = torch.from_numpy((biflows.signed_pl / biflows.pl_max).astype(np.float32))
        return torch.cat([values, (values != 0).float(), self._one_hot(biflows.label)], dim=1)

    def _one_hot(self, labels: Labels) -> Tensor:
        return functional.one_hot(torch.from_numpy(labels.astype(np.int64)), self.classes).float()

    @torch.inference_mode()
    def _decoded(self, labels: Labels, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """A biflow for each label, (N, P)."""
        latent = torch.from_numpy(rng.standard_normal((len(labels), self.parameters.latent), np.float32))
        uniform = rng.random((len(labels), self.packets), np.float32)
        device = next(self.model.parameters()).device
        values, presence = self.model.decode(latent.to(device), self._one_hot(labels).to(device))
        there = presence.sigmoid().cpu().numpy() > (uniform if self.parameters.presence == "drawn" else 0.5)
        # A biflow has at least one packet, and ends before the first one that is absent.
        there[:, 0] = True
        there = np.logical_and.accumulate(there, axis=1)
        share = values.cpu().numpy()
        # A value of 0 would be no packet, so a packet has at least one byte.
        size = np.clip(np.rint(np.abs(share) * self.pl_max), 1, self.pl_max).astype(np.int64)
        return np.where(there, np.where(share < 0, -size, size), 0)
