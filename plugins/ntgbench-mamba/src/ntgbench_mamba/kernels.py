"""The selective scan of the package mamba_ssm, for CUDA, where that is installed and works."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable

from torch import Tensor

Scan = Callable[..., Tensor]
"""The signature of selective_scan_fn in mamba_ssm 2; axes are rows, components and tokens."""


@functools.cache
def selective_scan() -> tuple[Scan | None, str]:
    """The scan, or None, and a sentence about which scan is used.

    The package can be installed and not work: without its compiled part, or with one for another version of torch. So
    the compiled part is imported too, and any error means that there is no scan.
    """
    try:
        importlib.import_module("selective_scan_cuda")
        scan = importlib.import_module("mamba_ssm.ops.selective_scan_interface").selective_scan_fn
    except Exception as error:  # a broken build fails in any way
        return None, f"the scan is torch's operations: mamba_ssm cannot be imported ({type(error).__name__}: {error})"
    return scan, "the scan is mamba_ssm's kernel"
