"""Rows as of a large leaderboard of record: 20 systems, 6 datasets of both tracks, 5 seeds, every suite, 39 classes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
from made_rows import make_row

from ntgbench.efficiency.columns import COLUMNS
from ntgbench.plugins import registry
from ntgbench.tracks.biflows import profile as biflows
from ntgbench.tracks.headers import profile as headers
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    from ntgbench.results import Row

SYSTEMS = ("smote", "smote[variant=nominal]", "fast-retransmit", "cvae", "netdiffus-nr", "mamba", "mamba-onnx")
SYSTEMS += ("llama", "llama-int8-wo", "llama-int8-da", "llama-onnx", "llama-onnx-int8", "cascadenet", "bigram")
REFERENCES = ("real", "copy", "marginals", "markov", "markov[order=2]", "markov[order=3]")
DATASETS = {"lab-a": "biflows", "mirage": "biflows", "campus": "biflows", "trace-a": "headers", "trace-b": "headers"}
DATASETS["backbone"] = "headers"
SEEDS = 5
CLASSES = tuple(f"application-{n:02d}" for n in range(39))
REASON = "the system tells no likelihood of held-out traffic"

_SHARES = ("5", "10", "20", "50", "100")
_FORMS = {
    "fidelity": ("", "@floor", "@train"),
    "privacy": ("", "@floor", "@real", "@density", "@nearest", "@likelihood"),
    "utility": ("",),
    "classifiers": ("",),
    "augmentation": tuple(f"@{share}%{arm}" for share in _SHARES for arm in ("", ",none", ",gain")),
    "mixing": tuple(f"@{share}%{arm}" for share in _SHARES for arm in ("", ",none")),
    "drift": ("", "@same", "@loss"),
    "anomaly": ("", "@floor", "@test", "@ref", "@scaled", "@spread"),
    "detectors": ("", "@floor", "@test", "@ref"),
    "bursts": ("", "@floor", "@test", "@ref"),
    "prediction": ("", "@floor", "@test", "@ref", "@se", "@sums"),
}
_OTHER_FORMS = ("", "@floor", "@test")


def large_rows() -> list[Row]:
    """The same rows each time."""
    chance = random.Random(0)
    profiles = {"biflows": _profile_of_biflows(), "headers": headers.profile(example_trace(), example_trace(2))}
    rows = []
    for dataset, track in DATASETS.items():
        for system in (*SYSTEMS, *REFERENCES):
            for seed in range(SEEDS):
                about: dict[str, Any] = {"track": track, "dataset": dataset, "source": dataset, "protocol": "standard"}
                about |= {"reference": system in REFERENCES, "notes": ["12 biflows without a packet are left out"]}
                about["split"] = {"train": 7000, "test": 3000, "again": True}
                if seed == 0:
                    about["profile"] = profiles[track]
                rows.append(make_row(system, seed, metrics=_metrics(track, system, chance), **about))
                if track == "biflows" and seed == 0:
                    del about["profile"]
                    rows.append(make_row(system, 0, **{**about, **_costs(chance)}))
    return rows


def _profile_of_biflows() -> dict[str, Any]:
    """Of 39 classes, with lengths as dense as those of real traffic."""
    chance = np.random.default_rng(0)
    sides = []
    for _ in range(2):
        lengths = (chance.gamma(1.0, 300.0, (7_800, 10)) + 1).clip(1, 1460).astype(np.int16)
        lengths *= chance.choice(np.array([-1, 1], np.int16), lengths.shape)
        lengths[np.arange(10) >= chance.integers(1, 11, (7_800, 1))] = 0
        sides.append(Biflows(lengths, np.arange(7_800) % len(CLASSES), CLASSES, pl_max=1460))
    found = biflows.profile(*sides)
    found["synthetic"]["examples"] = biflows.examples(*sides, sides[1], (sides[0],))
    return found


def _metrics(track: str, system: str, chance: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for suite in registry().suites(track).values():
        if suite.alone or suite.on_request:
            continue
        specs = [
            one
            for one in registry().metrics().values()
            if one.track == track and one.suite == (suite.metrics_of or suite.name)
        ]
        for spec in specs:
            for form in _FORMS.get(suite.name, _OTHER_FORMS):
                # A floor is one of the seed, whatever the system.
                value = 0.3 if form == "@floor" and suite.name != "privacy" else chance.uniform(0, 1)
                number: dict[str, Any] = {"value": value, "version": spec.version, "goal": spec.goal}
                number["digits"] = spec.digits
                if spec.goal == "near":
                    number["best"] = spec.best
                if spec.primary:
                    number["primary"] = True
                if spec.likelihood and system not in ("markov", "llama"):
                    number |= {"value": None, "reason": REASON, "undefined": True}
                elif spec.name == "coverage" and system == "cvae":
                    number |= {"value": None, "reason": "out of memory: 3,000 by 40,000 distances"}
                found[f"{suite.name}/{spec.name}{form}"] = number
    if track == "biflows":
        found["utility/macro_f1"]["confusion"] = {"classes": list(CLASSES), "counts": _counts(chance)}
    return found


def _counts(chance: random.Random) -> list[list[int]]:
    return [[40 if i == j else (3 if chance.random() < 0.07 else 0) for j in range(39)] for i in range(39)]


def _costs(chance: random.Random) -> dict[str, Any]:
    metrics = {}
    for column in COLUMNS.values():
        value = chance.uniform(1, 100)
        number = {"value": value, "version": 5, "goal": column.goal, "digits": column.digits}
        if column.key.endswith(("_ms", "_s", "_epoch")):
            number |= {"low": value * 0.98, "high": value * 1.03, "count": 10}
        metrics[f"efficiency/{column.key}"] = number
    machine = {"cpu": "AMD EPYC", "cores": 2, "hardware": "AMD EPYC, 1 of 2 threads", "clock": "a clock", "load": 0.5}
    return {"metrics": metrics, "protocol": "efficiency", "protocol_digest": "e", "machine": machine}
