"""NetDiffusion on Stable Diffusion as a generator of header traces; only what LoRA learns is in its models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from msgspec import Meta

from ntgbench.errors import PluginError
from ntgbench.learning.checkpoints import WEIGHTS_FILE, read_settings, read_weights, write_checkpoint
from ntgbench.learning.device import use_device
from ntgbench.traffic.trace import is_ipv4
from ntgbench.values import convert
from ntgbench_netdiffusion import assembly, lora
from ntgbench_netdiffusion.images import Flows, Layout
from ntgbench_netdiffusion.nprint import ABSENT, HEADERS, LONGEST_PACKET
from ntgbench_netdiffusion.saving import LONGEST_NS, MOST_FLOWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_netdiffusion.nprint import Bits
    from ntgbench_netdiffusion.parameters import StableDiffusionParameters

KIND = "netdiffusion-lora"
"""Kind of the model in its file."""

FLOWS_AT_ONCE = 512
"""Flows that are made at a time: their images take less than 2 KiB a packet until they are columns."""


@dataclass(eq=False)
class Model:
    """What was learnt.

    Attributes:
        pipeline: Stable Diffusion with LoRA.
        weights: folder that it was read from.
        headers: which of `HEADERS` the training packets have, bool.
        start_ns: time of the first packet in training.
        packets: packets of a flow on average, as many as an image holds at most.
        longest: bytes of the longest training packet, or what a header can say.
        pairs: source and destination of each training flow, uint64 (F, 4), or None when addresses are random.
    """

    pipeline: Any
    weights: Path
    headers: tuple[bool, ...]
    start_ns: int
    packets: float
    longest: int
    pairs: npt.NDArray[np.uint64] | None


class Settings(TypedDict):
    """What a file says beside its tensors."""

    weights: Annotated[str, Meta(min_length=1, max_length=4_096)]
    headers: Annotated[tuple[bool, ...], Meta(min_length=len(HEADERS), max_length=len(HEADERS))]
    start_ns: Annotated[int, Meta(ge=-LONGEST_NS, le=LONGEST_NS)]
    packets: Annotated[float, Meta(ge=1, le=1_024)]
    longest: Annotated[int, Meta(ge=1, le=LONGEST_PACKET)]
    pairs: Annotated[int, Meta(ge=0, le=MOST_FLOWS)]  # of addresses; none when these are random


class StableNetDiffusion:
    """Draws flows as pictures by Stable Diffusion with LoRA, and repairs them.

    Attributes:
        model: what was learnt.
        losses: of the training, see `lora.train`.
    """

    model: Model
    losses: list[list[float]]

    def __init__(self, parameters: StableDiffusionParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Train LoRA. Raises PluginError when there are no weights to start from, or this machine lacks the device."""
        device, p = use_device(context), self.parameters
        if not p.weights:
            raise PluginError("netdiffusion needs weights of Stable Diffusion; write netdiffusion[weights=…]")
        weights = (context.home / p.weights).resolve()
        torch.manual_seed(context.seed)
        pipeline = lora.opened(weights, p.weights, p, device)
        flows, heads = Flows.of(train, p.rows), train.flows.heads()
        self.losses = lora.train(pipeline, flows.images, len(flows), p, context)
        pairs = np.concatenate([train.source[heads], train.destination[heads]], axis=1)
        self.model = Model(
            pipeline=pipeline,
            weights=weights,
            headers=tuple(bool((flows.bits[:, place.start] != ABSENT).any()) for place in HEADERS.values()),
            start_ns=int(train.time_ns[0]),
            packets=float(flows.count.mean()),
            longest=min(int(train.ip_length.max()), LONGEST_PACKET),
            pairs=pairs if p.addresses == "training" else None,
        )

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """As many packets as asked for, see `assembly.assembled`."""
        model, p = self.model, self.parameters
        layout = whole(model.headers)

        def images(count: int, rng: np.random.Generator) -> Bits:
            drawn = lora.draw(model.pipeline, count, p, rng)
            return layout.images(drawn[..., list(layout.drawn)].astype(np.float32))

        return assembly.assembled(images, model, p, (packets, span_ns), rng, FLOWS_AT_ONCE)

    def save(self, folder: Path) -> None:
        """Write what `load` reads: the weights of LoRA and, in JSON, where those of Stable Diffusion are."""
        model = self.model
        tensors = lora.learnt(model.pipeline)
        if model.pairs is not None:
            tensors["pairs"] = torch.from_numpy(model.pairs.view(np.int64))
        settings: Settings = {
            "weights": str(model.weights),
            "headers": model.headers,
            "start_ns": model.start_ns,
            "packets": model.packets,
            "longest": model.longest,
            "pairs": 0 if model.pairs is None else len(model.pairs),
        }
        write_checkpoint(folder, KIND, settings, tensors)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; it computes on the CPU.

        Raises PluginError when `folder` holds something else, or the weights that it starts from are gone or others.
        """
        p = self.parameters
        found = convert(read_settings(folder, KIND), Settings, "the settings of the model", PluginError)
        ipv4, ipv6, tcp, udp = found["headers"]
        if not (ipv4 or ipv6) or not (tcp or udp) or (found["pairs"] > 0) != (p.addresses == "training"):
            raise PluginError("the settings of the model break a rule: a packet has an IP and a transport header, "
                              "and addresses of flows are there unless they are random")  # fmt: skip
        pipeline = lora.opened(Path(found["weights"]), found["weights"], p, torch.device("cpu"))
        own = lora.learnt(pipeline)
        pairs = {"pairs": torch.empty((found["pairs"], 4), dtype=torch.int64, device="meta")} if found["pairs"] else {}
        weights = read_weights(folder, own | pairs)
        with torch.no_grad():
            for name, weight in own.items():
                weight.copy_(weights[name])
        known = np.ascontiguousarray(weights["pairs"].numpy()).view(np.uint64) if pairs else None
        if known is not None:
            four = is_ipv4(known[:, :2])
            if (four != is_ipv4(known[:, 2:])).any() or [four.any(), not four.all()] != [ipv4, ipv6]:
                raise PluginError(f"{folder / WEIGHTS_FILE}: pairs must be addresses of flows, each of one IP version")
        self.model = Model(
            pipeline,
            Path(found["weights"]),
            found["headers"],
            found["start_ns"],
            found["packets"],
            found["longest"],
            known,
        )


def whole(headers: Sequence[bool]) -> Layout:
    """The layout in which all columns of these headers are drawn, for each packet."""
    has = np.repeat(headers, [place.stop - place.start for place in HEADERS.values()])
    drawn = np.flatnonzero(has).tolist()
    return Layout(tuple(drawn), (False,) * len(drawn), tuple(np.where(has, 0, ABSENT).tolist()))
