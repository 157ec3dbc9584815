"""The Fast Retransmit augmentation for ntgbench."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import AugmenterSpec
from ntgbench_fast_retransmit.parameters import FastRetransmitParameters


@hookimpl
def ntgbench_augmenters() -> list[AugmenterSpec]:
    """The one augmenter of this plugin."""
    return [
        AugmenterSpec(
            "fast-retransmit",
            "ntgbench_fast_retransmit.augmenter:FastRetransmit",
            "Real biflows in which some packets arrive late, as after a TCP fast retransmit",
            parameters=FastRetransmitParameters,
        )
    ]
