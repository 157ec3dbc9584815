"""Products of int8 matrices that are right on every processor."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from functools import cache
from itertools import product

import torch

SHAPES = ((1, 64, 16), (33, 144, 40))  # rows, inputs and outputs of the products that are tried


@cache
def overflows() -> bool:
    """Whether torch's product of int8 matrices is wrong for large numbers on this machine.

    On x86 processors with AVX-512 but without VNNI, oneDNN adds two products in 16 bits with saturation.
    https://uxlfoundation.github.io/oneDNN/dev_guide_int8_computations.html
    """
    for (rows, inputs, outputs), x, weight in product(SHAPES, (-128, 127), (-127, 127)):
        left = torch.full((rows, inputs), x, dtype=torch.int8)
        right = torch.full((outputs, inputs), weight, dtype=torch.int8).t()
        if (torch._int_mm(left, right) != x * weight * inputs).any():
            return True
    return False


@contextlib.contextmanager
def exact_products() -> Iterator[None]:
    """Where oneDNN overflows, torch multiplies int8 matrices without it inside this context: exact, but slow."""
    if not overflows():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of GPU settings when oneDNN is switched
        with torch.backends.mkldnn.flags(enabled=False):
            yield
