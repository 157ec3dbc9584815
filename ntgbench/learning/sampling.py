"""The sampling loop of models that read and write tokens, one token a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ntgbench.errors import PluginError
from ntgbench.mapping.codes import Codes
from ntgbench.mapping.tokens import EOS, FIRST_CLASS, PAD

if TYPE_CHECKING:
    from ntgbench.interfaces import Likelihood
    from ntgbench.mapping.codes import Sampling
    from ntgbench.mapping.tokens import TokenMapping, Tokens
    from ntgbench.tracks.biflows.interfaces import Labels

Numbers = npt.NDArray[np.int64]
"""Tokens or indices of rows."""

LARGEST_BATCH = 512
"""Biflows sampled at a time: more is no faster on a CPU, where the data of a step should stay in the cache."""

MANY = 32
"""Rows from which it is faster to find the block of a token first, and then the token in the block."""

BLOCK = 64
"""Tokens in a block."""

BELOW_ONE = float(np.nextafter(np.float32(1), np.float32(0)))
"""The largest float32 below 1."""

FINISHED = 0.1
"""Share of the rows of the model's state that must be unused before they are removed: moving the others takes time."""


class Steps(Protocol):
    """A model that reads rows one token at a time, with its state."""

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row, int64 (rows,); returns logits of what follows, float (rows, vocabulary).

        The caller may change the logits.
        """

    def select(self, rows: Numbers) -> Steps:
        """A copy for these rows, int64 (…,): indices of the present ones, which may repeat."""


Start = Callable[[int], Steps]
"""Makes the `Steps` of so many rows, before the first token."""

Follow = Callable[[Tensor, Numbers, Numbers, int], Numbers]
"""Gives the token that follows, int64 (rows,): called with distributions, the index of that of each row, the rows, and
the number of packets that they have."""


class Sampler:
    """Samples from a model's distribution at temperature 1.

    The model reads each distinct beginning once, however many biflows share it: the tokens of classes in the
    constructor, the others in every call of `sample`.
    """

    @torch.inference_mode()
    def __init__(self, start: Start, mapping: TokenMapping, sampling: Sampling = "independent") -> None:
        """Let the model read all classes. Raises PluginError when its logits are not finite."""
        self.mapping, self.sampling = mapping, sampling
        self.classes = start(mapping.classes)
        logits = self.classes.step(mapping.class_tokens(np.arange(mapping.classes, dtype=np.int32)))
        if not torch.isfinite(logits).all():
            raise PluginError("the weights of the model give no probabilities")
        # A packet follows a class; a packet or EOS follows a packet.
        self.possible = torch.full_like(logits[0, : mapping.first_value], -torch.inf)
        self.first = _probabilities(logits, self.possible)
        self.possible[EOS] = 0.0

    @torch.inference_mode()
    def sample(self, labels: Labels, rng: np.random.Generator) -> Tokens:
        """Rows of tokens, one for each label and in that order.

        Only tokens that make valid biflows are drawn, and a row ends after P packets. A token is drawn by inversion of
        the cumulated distribution (Devroye 1986, section II.2). For independent rows, that takes one uniform number,
        which depends on the row's index alone and not on the other rows; for systematic ones, it takes `Codes`.

        Args:
            labels: class of each row, int32 (N,).
            rng: source of the uniform numbers.
        """
        rows = np.full((len(labels), self.mapping.packets + 2), PAD)
        rows[:, 0] = self.mapping.class_tokens(labels)
        states = labels.astype(np.int64)
        ties: tuple[npt.NDArray[np.float64], ...] = ()
        if self.sampling == "systematic":
            codes = Codes(labels, self.mapping.packets, rng)
            chosen, ties = partial(_decoded, codes), (codes.place,)
        else:
            chosen = partial(_drawn, rng.random((len(labels), self.mapping.packets), np.float32))
        for part in _batches(np.arange(len(labels))):
            rows[part, 1] = chosen(part, self.first, states[part], np.arange(len(part)), 0)
        # Rows with the same beginning are made together; codes that are near each other stay so for longest.
        for part in _batches(np.lexsort((*ties, rows[:, 1], labels))):
            rows[part] = self._continued(rows[part], states[part], partial(chosen, part))
        rows[(rows != EOS).all(axis=1), -1] = EOS
        return rows

    @torch.inference_mode()
    def log_likelihood(self, rows: Tokens) -> Likelihood:
        """Logarithms of the probabilities with which `sample` draws the tokens of `rows`, (N, P + 1)."""
        found = np.zeros((len(rows), self.mapping.packets + 1))
        for part in _batches(np.lexsort(rows.T[::-1])):
            own, state, logs = rows[part], rows[part, 0] - FIRST_CLASS, found[part]
            told = partial(_told, own, logs)
            told(self.first, state, np.arange(len(own)), 0)
            self._continued(own, state, told)
            found[part] = logs
        return found

    def _continued(self, rows: Tokens, state: Numbers, follow: Follow) -> Tokens:
        """`rows`, of which the first two tokens are known, completed; `state` is the class of each."""
        # `live` are the rows that have not ended, `state` is the row of the model's state, one of `count`, of each.
        live, model, count = np.arange(len(rows)), self.classes, 0
        for position in range(1, self.mapping.packets):
            parents, tokens, own = _distinct(state, rows[live, position])
            if len(parents) > (1 - FINISHED) * count > 0 and (np.diff(parents) > 0).all():
                state, read = parents[own], np.full(count, PAD)
                read[parents] = tokens
            else:
                model, state, read, count = model.select(parents), own, tokens, len(parents)
            probs = _probabilities(model.step(read), self.possible)
            rows[live, position + 1] = following = follow(probs, state, live, position)
            going = following > EOS
            live, state = live[going], state[going]
            if not len(live):
                break
        return rows


def _drawn(
    uniform: npt.NDArray[np.float32], part: Numbers, probs: Tensor, state: Numbers, live: Numbers, position: int
) -> Numbers:
    """A token for each of the rows `live` of `part`, drawn."""
    return draw(probs, state, uniform[part[live], position])


def _decoded(codes: Codes, part: Numbers, probs: Tensor, state: Numbers, live: Numbers, position: int) -> Numbers:
    """A token for each of the rows `live` of `part`, from their codes."""
    upto = probs.double().flatten().cumsum(0).cpu().numpy()
    vocabulary = probs.shape[1]
    bounds = np.concatenate([[0.0], upto[vocabulary - 1 :: vocabulary]])
    return codes.pick(part[live], position, upto, bounds[state], bounds[state + 1]) - vocabulary * state


def _told(
    rows: Tokens, logs: npt.NDArray[np.float64], probs: Tensor, state: Numbers, live: Numbers, position: int
) -> Numbers:
    """The token that `rows` have; the logarithm of its probability is written into `logs`."""
    tokens: Numbers = rows[live, position + 1]
    own, chosen = torch.from_numpy(state).to(probs.device), torch.from_numpy(tokens).to(probs.device)
    logs[live, position] = probs[own, chosen].double().log().cpu().numpy()
    return tokens


def _batches(rows: Numbers) -> Iterator[Numbers]:
    """`rows` in parts of at most `LARGEST_BATCH`."""
    for begin in range(0, len(rows), LARGEST_BATCH):
        yield rows[begin : begin + LARGEST_BATCH]


def _distinct(states: Numbers, tokens: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """The distinct pairs of `states` and `tokens`, ascending, as two columns, and the index of the pair of each row."""
    if len(tokens) == 1:
        return states, tokens, np.zeros(1, np.int64)
    base = tokens.max() + 1
    pairs, own = np.unique(states * base + tokens, return_inverse=True)
    return pairs // base, pairs % base, own


def _probabilities(logits: Tensor, possible: Tensor) -> Tensor:
    """Distribution of each row, (rows, vocabulary); `possible` is -inf for those of the first tokens that cannot be."""
    logits[:, : len(possible)] += possible
    return logits.softmax(dim=1)


def draw(probs: Tensor, state: Numbers, uniform: npt.NDArray[np.float32]) -> Numbers:
    """The token of each row, int64 (rows,), by inversion.

    Args:
        probs: distributions, (distributions, vocabulary), not necessarily normalised.
        state: index of the distribution of each row, int64 (rows,).
        uniform: a number of each row in 0..1, float32 (rows,).
    """
    numbers = torch.from_numpy(uniform[:, None]).to(probs.device)
    own = torch.from_numpy(state).to(probs.device)
    if len(own) < MANY:
        places = _inverted(probs[own].cumsum_(dim=1), numbers)
    else:
        places = _inverted_by_blocks(probs, own, numbers)
    tokens: Numbers = places.cpu().numpy()[:, 0]
    return tokens


def _inverted(cumulated: Tensor, uniform: Tensor) -> Tensor:
    """The first index at which each cumulated distribution, (rows, n), exceeds `uniform`, (rows, 1), of its total."""
    return torch.searchsorted(cumulated, uniform * cumulated[:, -1:], right=True)


def _inverted_by_blocks(probs: Tensor, own: Tensor, uniform: Tensor) -> Tensor:
    """The same for the distributions `own`, (rows,): cumulates the sums of blocks, then the numbers in one block."""
    count, vocabulary = probs.shape
    whole = vocabulary // BLOCK * BLOCK
    blocks, rest = probs[:, :whole].view(count, whole // BLOCK, BLOCK), probs[:, whole:]
    sums = torch.cat([blocks.sum(dim=2), rest.sum(dim=1, keepdim=True)], dim=1)
    cumulated = sums.cumsum(dim=1)[own]
    block = _inverted(cumulated, uniform)
    block_sum = sums[own[:, None], block]
    # By rounding this may be outside 0..1, and the token then outside the block.
    part = (uniform * cumulated[:, -1:] - cumulated.gather(1, block) + block_sum) / block_sum
    places = BLOCK * block + torch.arange(BLOCK, device=probs.device)
    inside = probs[own[:, None], places.clamp(max=vocabulary - 1)].masked_fill_(places >= vocabulary, 0.0)
    return BLOCK * block + _inverted(inside.cumsum_(dim=1), part.clamp_(0.0, BELOW_ONE))
