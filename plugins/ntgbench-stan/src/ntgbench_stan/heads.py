"""Likelihoods and draws of columns: mixtures of Gaussians over bins, and classes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

WIDEST = 10.0
"""Bound of the logarithm of a standard deviation, in parts of the range that a component begins with."""

FARTHEST = 1e4
"""Standard deviations from a mean after which all is as unlikely: beyond, logarithms leave the range of floats."""

SMALLEST = 0.1
"""Standard deviation of a Gaussian in bins, at least."""


def mixture(outputs: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Log weights, means and standard deviations, (…, C) each, of outputs (…, 3 C); the bins fill 0..1.

    Means start evenly over 0..1, and standard deviations where neighbours overlap.
    """
    weights, means, scales = outputs.chunk(3, -1)
    components = means.shape[-1]
    centre = (torch.arange(components, device=outputs.device) + 0.5) / components
    deviation = torch.exp(scales.clamp(-WIDEST, WIDEST) - math.log(components)) + SMALLEST / size
    return torch.log_softmax(weights, -1), means + centre, deviation


def log_mass(outputs: Tensor, codes: Tensor, size: int) -> Tensor:
    """Log-probability of the bins `codes`, (…,), of `size` bins of equal width over 0..1, for outputs (…, 3 C).

    A bin has what the mixture has between its ends, sum_k w_k (Phi((b - m_k) / s_k) - Phi((a - m_k) / s_k)); the first
    and the last bin have the tails as well, so that all sum to 1 (the mixture of arXiv 2009.12740, over bins).
    """
    weights, means, deviations = mixture(outputs, size)
    code = codes.unsqueeze(-1)
    low, high = ((code + end) / size - means for end in (0, 1))
    low, high = ((end / deviations).clamp(-FARTHEST, FARTHEST) for end in (low, high))
    # On the side where both ends are negative, the logarithm of Phi keeps its digits.
    turned = low + high > 0
    lower, upper = torch.where(turned, -high, low), torch.where(turned, -low, high)
    log_upper = torch.special.log_ndtr(upper)
    part = (torch.special.log_ndtr(lower) - log_upper).clamp(max=-1e-7)
    mass = log_upper + torch.log(-torch.expm1(part))
    mass = torch.where(code == 0, torch.special.log_ndtr(high), mass)
    mass = torch.where(code == size - 1, torch.special.log_ndtr(-low), mass)
    return torch.logsumexp(weights + mass, -1) * (0.0 if size == 1 else 1.0)


def draw_bins(outputs: Tensor, size: int, share: Tensor, normal: Tensor) -> Tensor:
    """Bins, int64 (N,), with the probabilities of `log_mass`, for outputs (N, 3 C).

    Drawn by uniform numbers `share`, (N, 1), and standard normal numbers `normal`, (N,).
    """
    weights, means, deviations = mixture(outputs, size)
    chosen = draw_classes(weights, share).unsqueeze(1)
    value = torch.addcmul(means.gather(1, chosen)[:, 0], deviations.gather(1, chosen)[:, 0], normal)
    return (value.clamp(0, 1) * size).long().clamp(max=size - 1)


def draw_classes(logits: Tensor, share: Tensor) -> Tensor:
    """Classes, int64 (N,), with the softmax of logits (N, V), drawn by uniform numbers (N, 1) below 1."""
    total = torch.softmax(logits, 1).cumsum(1)
    # Below the end of the last class that has a probability, whatever is rounded.
    return torch.searchsorted(total, total[:, -1:] * share.clamp(max=1 - 1e-6), right=True)[:, 0]
