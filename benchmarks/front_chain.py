"""A back-off chain of packets, and what a mixture of it and a decoder says of rows that neither has seen.

For the history h of a token, the longest first: the class, the last packet, the position, and the packets before.
p(x given h) = (c(h x) - d(c(h x))) / c(h) + left(h) p(x given the next shorter history), where left(h) is what the
discounts d leave, and c counts rows for the longest history and distinct longer histories for all others: interpolated
Kneser-Ney with the modified discounts of Chen and Goodman 1999, section 3 (https://doi.org/10.1006/csla.1999.0128).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ntgbench.mapping.tokens import PAD, TokenMapping

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

STEPS = 200
"""Rounds of expectation and maximisation for the weight of a mixture."""


def chain_of(train: Numbers, rows: Numbers, mapping: TokenMapping) -> tuple[Floats, Numbers, Numbers]:
    """What the chain of `train` says of `rows`; both are rows of tokens, int64 (N, P + 2).

    Returns:
        The probability of each packet and EOS of `rows`, one after the other; its position, 0..P; and how much of its
        history was seen, 0..P + 2.
    """
    (before, token), (asked, wanted) = _histories(train), _histories(rows)
    count, vocabulary = len(token), mapping.vocabulary + 1
    history = np.concatenate([before, asked])
    ids = [np.zeros(len(history), np.int64)]
    for column in history.T:
        ids.append(np.unique(ids[-1] * vocabulary + column, return_inverse=True)[1])
    probability, seen = np.full(len(wanted), 1.0 / (2 * mapping.pl_max + 1)), np.zeros(len(wanted), np.int64)
    for level, own in enumerate(ids):
        # Each row once for each longer history, or for itself at the end.
        longer = ids[level + 1][:count] if level + 1 < len(ids) else np.arange(count)
        first = np.unique(longer * vocabulary + token, return_index=True)[1]
        key, times = np.unique(own[:count][first] * vocabulary + token[first], return_counts=True)
        taken = _discounts(times)
        total = np.bincount(key // vocabulary, times, own.max() + 1)[own[count:]]
        left = np.bincount(key // vocabulary, taken, own.max() + 1)[own[count:]]
        target = own[count:] * vocabulary + wanted
        place = np.minimum(np.searchsorted(key, target), len(key) - 1)
        more = np.where(key[place] == target, (times - taken)[place], 0.0)
        known = total > 0
        probability[known] = (more[known] + left[known] * probability[known]) / total[known]
        seen[known] = level
    return probability, asked[:, 2], seen


def mixed_bits(decoder: Floats, chain: Floats, group: Numbers) -> Floats:
    """Bits of each token under the mixture of both probabilities, with the likeliest weight of each group of tokens."""
    bits = np.empty(len(decoder))
    for one in np.unique(group):
        here = group == one
        a, b, weight = decoder[here], chain[here], 0.5
        for _ in range(STEPS):
            weight = float(np.mean(weight * a / (weight * a + (1 - weight) * b)))
        bits[here] = -np.log2(weight * a + (1 - weight) * b)
    return bits


def _histories(rows: Numbers) -> tuple[Numbers, Numbers]:
    """The history of each packet and EOS, int64 (tokens, P + 2): class, last packet, position, others; and token."""
    histories, tokens = [], []
    for at, following in enumerate(rows[:, 1:].T):
        real = following != PAD
        part = np.full((real.sum(), rows.shape[1]), PAD)
        part[:, 0], part[:, 2] = rows[real, 0], at
        part[:, [1, *range(3, at + 2)][:at]] = rows[real, at:0:-1]
        histories.append(part)
        tokens.append(following[real])
    return np.concatenate(histories), np.concatenate(tokens)


def _discounts(times: Numbers) -> Floats:
    """What is taken from each count."""
    ones, twos, threes, fours = ((times == n).sum() + 0.5 for n in (1, 2, 3, 4))
    y = ones / (ones + 2 * twos)
    most = [1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes]
    return np.clip(np.array([0.0, *most])[np.minimum(times, 3)], 0.1, np.minimum(times, 3) * 0.98)
