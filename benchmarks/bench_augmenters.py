"""Augmenters: SMOTE beside the library below it, Fast Retransmit beside a plain loop over packets."""

from __future__ import annotations

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE, SMOTENC
from ntgbench_fast_retransmit.augmenter import FastRetransmit
from ntgbench_fast_retransmit.parameters import FastRetransmitParameters
from ntgbench_smote.augmenter import Smote
from ntgbench_smote.parameters import SmoteParameters

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows

FEW = made_up_biflows(2_000, classes=5, seed=1)
LABELS = FEW.label


@pytest.mark.parametrize("variant", ["signed", "nominal"])
def bench_smote(benchmark, variant: str) -> None:
    """2,000 biflows from as many, against imbalanced-learn alone, which leaves numbers that are no biflows yet."""
    ours = Smote(SmoteParameters(variant=variant))
    wanted = dict(enumerate((2 * FEW.class_counts()).tolist()))
    signed = FEW.signed_pl.astype(np.float64)
    packets = list(range(FEW.packets, 2 * FEW.packets))
    theirs = SMOTE(sampling_strategy=wanted) if variant == "signed" else SMOTENC(packets, sampling_strategy=wanted)
    features = signed if variant == "signed" else np.hstack([np.abs(signed), np.sign(signed)])
    rng = np.random.default_rng(1)
    in_turn(
        benchmark,
        lambda: ours.augment(FEW, LABELS, rng),
        lambda: theirs.fit_resample(features, FEW.label),
        rounds=5 if variant == "signed" else 2,
    )


def bench_fast_retransmit(benchmark) -> None:
    """2,000 biflows, a tenth of the packets late, against a plain loop."""
    ours, rng = FastRetransmit(FastRetransmitParameters()), np.random.default_rng(1)
    of_class = [FEW.signed_pl[FEW.label == label].tolist() for label in range(len(FEW.classes))]

    def plain() -> list[list[int]]:
        made = []
        for label in LABELS.tolist():
            parents = of_class[label]
            sent, held = [], []
            for value in parents[int(rng.random() * len(parents))]:
                if value and rng.random() < ours.parameters.probability:
                    held.append(value)
                elif value:
                    sent += [value, *held]
                    held = []
            made.append(sent + held)
        return made

    in_turn(benchmark, lambda: ours.augment(FEW, LABELS, rng), plain, rounds=10)
