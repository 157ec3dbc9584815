"""SMOTE and SMOTENC as ntgbench augmenters."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import AugmenterSpec
from ntgbench_smote.parameters import SmoteParameters


@hookimpl
def ntgbench_augmenters() -> list[AugmenterSpec]:
    """The one augmenter of this plugin."""
    return [
        AugmenterSpec(
            "smote",
            "ntgbench_smote.augmenter:Smote",
            "Biflows between a real one and one of its nearest neighbours in the class",
            parameters=SmoteParameters,
            needs=("imblearn",),
        )
    ]
