"""Where a model computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ntgbench.errors import PluginError

if TYPE_CHECKING:
    from ntgbench.interfaces import Context


def use_device(context: Context) -> torch.device:
    """The device that `context` names; torch keeps to the context's threads from now on.

    Raises:
        PluginError: when torch knows no such device, or this machine has none.
    """
    torch.set_num_threads(context.threads)
    try:
        return torch.empty(0, device=context.device).device
    except (AssertionError, RuntimeError) as error:
        raise PluginError(f"cannot compute on the device {context.device!r}: {error}") from error
