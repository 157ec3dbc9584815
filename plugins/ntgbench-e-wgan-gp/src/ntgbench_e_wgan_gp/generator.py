"""E-WGAN-GP as a generator of header traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ntgbench.errors import PluginError
from ntgbench.learning.device import use_device
from ntgbench.traffic.trace import PacketTrace
from ntgbench_e_wgan_gp import saving, training
from ntgbench_e_wgan_gp.saving import Model
from ntgbench_e_wgan_gp.vocabulary import KINDS, PLACES, Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ntgbench.interfaces import Context
    from ntgbench_e_wgan_gp.parameters import EWganGpParameters

PIECE = 65_536
"""Packets that are made at a time, so that memory stays small."""


class EWganGp:
    """Learns packets as vectors of their words, and makes packets one by one.

    Attributes:
        model: what was learnt.
        losses: see `ntgbench.learning.stages.Course`: of critic and generator.
    """

    model: Model
    losses: list[list[float]]

    def __init__(self, parameters: EWganGpParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Train from scratch. Raises PluginError when this machine lacks the device, or the training diverges."""
        device = use_device(context)
        vocabulary, words = Vocabulary.learn(train, context.seed, self.parameters.width)
        sizes = [len(vocabulary.tables[kind].vectors) for kind in KINDS]
        first = dict(zip(KINDS, np.cumsum(sizes) - sizes, strict=True))
        after = (train.time_ns - train.time_ns[0]) / max(train.span_ns, 1)
        rows = training.Rows(
            words=torch.from_numpy(words + [first[kind] for kind in PLACES]).to(device),
            vectors=torch.from_numpy(np.concatenate([vocabulary.tables[kind].vectors for kind in KINDS])).to(device),
            protocol=_float(train.protocol[:, None] == vocabulary.protocols).to(device),
            time=_float(after[:, None]).to(device),
        )
        generator, course = training.fit(rows, self.parameters, {"trace": train.digest()}, context)
        self.losses = course.losses
        self.model = Model(generator.cpu(), vocabulary, int(train.time_ns[0]))

    @torch.no_grad()
    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """Exactly as many packets as asked for, at times in the span asked for. Raises PluginError for no numbers."""
        parts = [self._made(min(PIECE, packets - begin), span_ns, rng) for begin in range(0, packets, PIECE)]
        return (PacketTrace.concat(parts) if len(parts) > 1 else parts[0]).sorted_by_time()

    def _made(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """Packets in no order."""
        noise = torch.from_numpy(rng.standard_normal((packets, self.parameters.noise), np.float32))
        vectors, protocol, time = self.model.generator.parts(noise)
        if not all(bool(part.isfinite().all()) for part in (vectors, protocol, time)):
            raise PluginError("the generator made numbers that are not finite")
        columns = self.model.vocabulary.decode(vectors.reshape(packets, len(PLACES), -1).numpy(), protocol.numpy())
        # In float64, whose steps are shorter than a nanosecond in any capture but one of months.
        after = time[:, 0].double().sigmoid().numpy() * span_ns
        return PacketTrace.of(
            time_ns=self.model.start_ns + np.minimum(np.rint(after).astype(np.int64), span_ns), **columns
        )

    def save(self, folder: Path) -> None:
        """Write what `load` reads: the generator and the words, see `saving`."""
        saving.write(self.model, folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.model = saving.read(folder, self.parameters)


def _float(values: npt.NDArray[np.generic]) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))
