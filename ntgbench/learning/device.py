"""The device that a model computes on, and the types that it is fast in."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from threadpoolctl import threadpool_limits

from ntgbench.errors import PluginError

if TYPE_CHECKING:
    from ntgbench.interfaces import Context
    from ntgbench.learning.recipe import Precision

_log = logging.getLogger(__name__)


def use_device(context: Context) -> torch.device:
    """The device of `context`. Limits torch and the loaded BLAS and OpenMP libraries to its number of threads.

    Raises PluginError when torch does not know the device or this machine lacks it.
    """
    torch.set_num_threads(context.threads)
    threadpool_limits(context.threads)
    try:
        return torch.empty(0, device=context.device).device
    except (AssertionError, RuntimeError) as error:
        raise PluginError(f"cannot compute on the device {context.device!r}: {error}") from error


@contextlib.contextmanager
def without_denormals() -> Iterator[None]:
    """Denormal numbers are 0 in the block: a step that computes with them can take three times as long."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def matrix_type(precision: Precision, device: torch.device) -> torch.dtype:
    """The type that `precision` names. Logs a warning where `device` has no instructions for it and so is slow."""
    if precision == "float32":
        return torch.float32
    if not _has_bfloat16(device):
        _log.warning(
            "bfloat16 is slow on this %s, which has no instructions for it; precision=float32 is faster",
            "GPU" if device.type == "cuda" else "CPU",
        )
    return torch.bfloat16


def _has_bfloat16(device: torch.device) -> bool:
    """Whether `device` has instructions for products in bfloat16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # A version of torch that cannot tell counts as a processor without them.
    abilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))
