"""NetDiffus-NR as a generator: biflows are encoded as images, and sampled images are decoded to biflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ntgbench.learning import training
from ntgbench.learning.checkpoints import read_settings, read_weights, sketched, write_checkpoint
from ntgbench.learning.device import matrix_type, use_device
from ntgbench.mapping.image import ImageMapping
from ntgbench.saved import layout_numbers
from ntgbench_netdiffus.diffusion import Diffusion
from ntgbench_netdiffus.model import UNet

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context
    from ntgbench.mapping.image import Images
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_netdiffus.parameters import NetDiffusParameters

KIND = "netdiffus-nr"
"""Kind of the model in its file."""

LARGEST_BATCH = 128
"""Biflows sampled at a time: more is no faster on a CPU, where the data of a layer should stay in the cache."""

GOLDEN = 0.6180339887498949
"""Fraction of the golden ratio: its multiples, modulo 1, are evenly spread however many there are."""


class NetDiffusGenerator:
    """A class-conditional diffusion model of images of biflows.

    Attributes:
        mapping: encodes biflows as images and decodes them.
        classes: number of classes.
        model: the U-Net.
    """

    mapping: ImageMapping
    model: UNet

    def __init__(self, parameters: NetDiffusParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:
        """Train from scratch. Raises PluginError when there is no training biflow."""
        device = use_device(context)
        self.mapping = ImageMapping(train.packets, train.pl_max)
        self.classes = len(train.classes)
        torch.manual_seed(context.seed)
        self.model = self._new_model().to(device)
        rows, validation = (self._rows(part).to(device) for part in training.hold_out(train, context.seed))
        training.fit(self.model, self._loss(device), rows, validation, self.parameters, context)
        self._ready()

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """Sample images of the classes and decode them."""
        images = np.empty((len(labels), self.mapping.packets, self.mapping.packets), np.float32)
        for start in range(0, len(labels), LARGEST_BATCH):
            part = slice(start, start + LARGEST_BATCH)
            images[part] = self._draw(labels[part], rng)
        return self.mapping.decode(images, self.parameters.inverse, self.parameters.snap)

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        settings = {**self.mapping.settings(), "classes": self.classes}
        write_checkpoint(folder, KIND, settings, self.model.state_dict())

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        settings = layout_numbers(read_settings(folder, KIND))
        self.classes = settings.pop("classes")
        self.mapping = ImageMapping(**settings)
        weights = read_weights(folder, sketched(self._new_model).state_dict())
        self.model = self._new_model()
        self.model.load_state_dict(weights)
        self._ready()

    def _new_model(self) -> UNet:
        p = self.parameters
        return UNet(p.channels, p.blocks, p.heads, self.classes)

    def _rows(self, biflows: Biflows) -> Tensor:
        """Pixels and class of each biflow, float32 (N, P P + 1)."""
        pixels = self.mapping.encode(biflows.signed_pl).reshape(len(biflows), self.mapping.packets**2)
        return torch.from_numpy(np.column_stack([pixels, biflows.label.astype(np.float32)]))

    def _loss(self, device: torch.device) -> training.Loss:
        """The loss of such rows under `model`."""
        diffusion = Diffusion(self.parameters.noise_steps, device)

        def loss(rows: Tensor) -> tuple[Tensor, int]:
            images = rows[:, :-1].view(-1, 1, self.mapping.packets, self.mapping.packets)
            labels = rows[:, -1].long()
            # Every validation uses the same, evenly spread times.
            order = torch.arange(len(rows), device=device)
            share = torch.rand(len(rows), device=device) if self.model.training else order * GOLDEN % 1
            mean = diffusion.loss(
                lambda states, times: self.model(states, times, labels).float(),
                images,
                (share * diffusion.steps).long(),
                torch.randn_like(images),
            )
            return mean, len(rows)

        return loss

    def _ready(self) -> None:
        """Prepare for sampling."""
        self.model.eval()
        self.fast_model = self.model.with_body(matrix_type(self.parameters.sampling_precision, self.model.device))
        self.diffusion = Diffusion(self.parameters.noise_steps, self.model.device)

    @torch.inference_mode()
    def _draw(self, labels: Labels, rng: np.random.Generator) -> Images:
        """An image of each class."""
        shape = (len(labels), 1, self.mapping.packets, self.mapping.packets)
        device, parameters = self.model.device, self.parameters
        classes = torch.from_numpy(labels.astype(np.int64)).to(device)

        def model(states: Tensor, times: Tensor) -> Tensor:
            predicted: Tensor = self.fast_model(states, times, classes)
            return predicted

        def noise() -> Tensor:
            return torch.from_numpy(rng.standard_normal(shape, np.float32)).to(device)

        if parameters.sampler == "dpm":
            drawn = self.diffusion.few(model, noise, parameters.steps)
        else:
            drawn = self.diffusion.ancestral(model, noise)
        images: Images = drawn[:, 0].cpu().numpy()
        return images
