"""Training by teacher forcing: the likelihood of chunks of following packets, given those before."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ntgbench.learning import stages
from ntgbench.learning.resume import with_state
from ntgbench.learning.training import LARGEST_GRADIENT, schedule

if TYPE_CHECKING:
    from ntgbench.interfaces import Context
    from ntgbench_stan.layout import Layout, Numbers
    from ntgbench_stan.networks import Network
    from ntgbench_stan.parameters import StanParameters


class Chunks:
    """The columns of the training trace, of which chunks with the packets before them are gathered."""

    def __init__(self, codes: Numbers, layout: Layout, p: StanParameters, device: torch.device) -> None:
        self.codes = torch.from_numpy(codes).to(device)
        self.known, self.known_alone = (
            torch.from_numpy(known).to(device) for known in (layout.known(codes), layout.known(codes, linked=False))
        )
        for known in (self.known, self.known_alone):
            known[0, layout.at["gap"]] = True  # there is no packet before the first
        self.before, self.chunk, self.cut = max(p.window, p.links), p.chunk, p.cut
        self.link = layout.at.get("link")

    def draw(self, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Random chunks with the packets before each that the window and links reach, W of them.

        Returns:
            Codes, int64 (B, W + L, K); which of these packets are there, bool (B, W + L); and which columns of the
            chunk's packets are learnt from, bool (B, L, K).
        """
        device, packets = self.codes.device, len(self.codes)
        first = torch.randint(1 - self.chunk, packets, (batch, 1), device=device)
        known = torch.randint(0, self.before + 1, (batch, 1), device=device)
        known = torch.where(torch.rand(batch, 1, device=device) < self.cut, known, self.before)
        place = torch.arange(-self.before, self.chunk, device=device)
        row = first + place
        there = (row >= 0) & (row < packets) & (place >= -known)
        row = row.clamp(0, packets - 1)
        codes, ours = self.codes[row], row[:, self.before :]
        known = self.known[ours]
        if self.link is not None:
            # A link to a packet that is not there is none: addresses and ports are then learnt from.
            lost = codes[..., self.link] > 2 * (there.long().cumsum(1) - there.long())
            codes[..., self.link] = codes[..., self.link].masked_fill(lost, 0)
            known = torch.where(lost[:, self.before :, None], self.known_alone[ours], known)
        return codes, there, ~known & there[:, self.before :, None]


def loss(network: Network, chunks: Chunks, batch: int) -> Tensor:
    """Mean negative log-likelihood of a packet, in nats, of random chunks."""
    codes, there, learnt = chunks.draw(batch)
    before = chunks.before
    vectors = torch.where(there.unsqueeze(-1), network.embed(codes), network.start)
    linked = linked_vectors(vectors, codes[:, before:, chunks.link], before) if chunks.link is not None else None
    context = network.context(vectors[:, before - network.window : -1])
    found = network.log_likelihood(network.outputs(context, vectors[:, before:], linked), codes[:, before:])
    return -found.masked_fill(~learnt, 0.0).sum() / there[:, before:].sum()


def linked_vectors(vectors: Tensor, link: Tensor, before: int) -> Tensor:
    """Vectors of the packets that packets are linked to, (B, L, K E), 0 without a link.

    Args:
        vectors: of the packets before and those of the chunk, (B, W + L, K E).
        link: of the packets of the chunk, int64 (B, L), see `ntgbench_stan.links`.
        before: W.
    """
    place = torch.arange(before, vectors.shape[1], device=link.device) - (link + 1) // 2
    found = vectors.gather(1, place.unsqueeze(-1).expand(-1, -1, vectors.shape[2]))
    return found.masked_fill((link == 0).unsqueeze(-1), 0.0)


def fit(network: Network, chunks: Chunks, p: StanParameters, context: Context) -> list[list[float]]:
    """Train in place with Adam; returns the losses at about 100 points, see `stages.fit`.

    Raises PluginError when the loss is not finite.
    """
    network.train()
    weights = list(network.parameters())
    optimiser = torch.optim.Adam(weights, fused=True)
    with_state(optimiser)

    def step(_: int, share: float) -> Tensor:
        for group in optimiser.param_groups:
            group["lr"] = p.learning_rate * schedule(share)
        optimiser.zero_grad()
        found = loss(network, chunks, p.batch)
        found.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, LARGEST_GRADIENT)
        optimiser.step()
        return found.detach().unsqueeze(0)

    epoch = max(1, round(len(chunks.codes) / (p.batch * p.chunk)))
    stage = stages.Stage("packets", p.steps, epoch, step)
    tensors = {f"model.{name}": value for name, value in network.state_dict().items()}
    tensors |= stages.optimised("optimiser", optimiser)
    identity = {"parameters": asdict(p), "sizes": list(chunks.codes.shape)}
    course = stages.fit([stage], tensors, identity, context)
    network.eval()
    return course.losses
