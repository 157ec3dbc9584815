"""Where a model computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from threadpoolctl import threadpool_limits

from ntgbench.errors import PluginError

if TYPE_CHECKING:
    from ntgbench.interfaces import Context
    from ntgbench.learning.recipe import Precision


def use_device(context: Context) -> torch.device:
    """The device that `context` names; torch, and the BLAS and OpenMP libraries that are loaded, keep to its threads.

    Raises:
        PluginError: when torch knows no such device, or this machine has none.
    """
    torch.set_num_threads(context.threads)
    threadpool_limits(context.threads)
    try:
        return torch.empty(0, device=context.device).device
    except (AssertionError, RuntimeError) as error:
        raise PluginError(f"cannot compute on the device {context.device!r}: {error}") from error


FEWEST_ROWS = 8
"""Rows of a batch below which to convert the weights takes longer than bfloat16 gains."""


def matrix_type(precision: Precision, device: torch.device, rows: int = FEWEST_ROWS) -> torch.dtype:
    """The type that `precision` names for so many rows on `device`: where "auto" takes bfloat16, it is faster."""
    if precision != "auto":
        return torch.float32 if precision == "float32" else torch.bfloat16
    if rows < FEWEST_ROWS:
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    # Versions of torch that do not tell are as processors that cannot.
    abilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.bfloat16 if abilities.get("avx512_bf16") or abilities.get("amx_bf16") else torch.float32
