"""The selective scan of the package mamba_ssm, for CUDA, where it is installed and works."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable

from torch import Tensor

Scan = Callable[..., Tensor]
"""Called as selective_scan_fn of mamba_ssm 2: rows, width and tokens are the axes, in this order."""


@functools.cache
def selective_scan() -> tuple[Scan | None, str]:
    """The scan, or None, and in words which one that makes it.

    The package can be installed and yet not work: without its compiled part, or with one for another torch. So the
    compiled part is imported too, and whatever goes wrong means that there is none.
    """
    try:
        importlib.import_module("selective_scan_cuda")
        scan = importlib.import_module("mamba_ssm.ops.selective_scan_interface").selective_scan_fn
    except Exception as error:  # a broken build fails in any way
        return None, f"the scan is torch's operations: mamba_ssm cannot be imported ({type(error).__name__}: {error})"
    return scan, "the scan is mamba_ssm's kernel"
