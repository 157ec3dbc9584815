"""Marks of benchmarks that need instructions which not every processor has.

Without them the same work is emulated, 10 to 30 times as slow. Nobody chooses that, and its time tells nothing about
our code.
"""

from __future__ import annotations

import pytest
import torch


def _without(*instructions: str) -> bool:
    """Whether this processor has none of the `instructions`, by the names that torch gives them."""
    abilities = torch.cpu.get_capabilities()
    return not any(abilities.get(one) for one in instructions)


needs_bfloat16 = pytest.mark.skipif(
    _without("avx512_bf16", "amx_bf16"), reason="this processor has no instructions for products in bfloat16"
)

needs_int8 = pytest.mark.skipif(
    _without("avx512_vnni", "avx_vnni", "amx_int8"), reason="this processor has no instructions for products in int8"
)
