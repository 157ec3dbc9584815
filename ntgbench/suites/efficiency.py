"""Efficiency: what a system costs (the paper's RQ4): time, memory, energy and size, one biflow at a time and many."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ntgbench.costs.alone import VISITS, Sampling, Training
from ntgbench.costs.bench import whole_parameter
from ntgbench.costs.first import First, first_biflow
from ntgbench.costs.monitor import Monitor
from ntgbench.costs.size import disk_bytes, stored_numbers
from ntgbench.costs.throughput import TRIAL, best_batch, sampling_rate, training_rate
from ntgbench.costs.timing import Measured, alike, shortest
from ntgbench.interfaces import Budget, GeneratorSpec
from ntgbench.protocol import EFFICIENCY_VERSION
from ntgbench.results import MetricValue
from ntgbench.running.probe import peak_memory_mib
from ntgbench.systems import MODEL_FOLDER

if TYPE_CHECKING:
    from ntgbench.costs.bench import Bench

COLUMNS: dict[str, tuple[str, int]] = {
    "sample_shortest_ms": ("min", 3),
    "sample_ms": ("min", 3),
    "train_shortest_s_epoch": ("min", 2),
    "train_s_epoch": ("min", 2),
    "sample_rate": ("max", 0),
    "sample_batch": ("max", 0),
    "train_rate": ("max", 0),
    "train_batch": ("max", 0),
    "sample_device_use": ("max", 0),
    "train_device_use": ("max", 0),
    "peak_device_mib": ("min", 0),
    "peak_host_mib": ("min", 0),
    "first_host_mib": ("min", 0),
    "parameters": ("min", 0),
    "size_mb": ("min", 3),
    "int8_share": ("max", 0),
    "others_use": ("min", 0),
    "joules": ("min", 1),
    "import_s": ("min", 2),
    "first_s": ("min", 2),
    "packets": ("max", 1),
    "train_biflows": ("max", 0),
    "sample_biflows": ("max", 0),
}
"""Goal and printed decimals of each number; `ntgbench.report.efficiency` says what they mean."""

QUICK_TRAINING = Budget(epochs=2)
"""How the model is trained that a shortened measurement samples from: long enough to end biflows where real ones do.
No limit of time, which would make another model of every run."""

BUSY = 0.1
"""Part of the machine that other processes may take before a row says so."""

_log = logging.getLogger(__name__)


def measure(bench: Bench, progress: Callable[[str], None]) -> dict[str, MetricValue]:
    """All columns that `bench.system` has, by key of a row's metric; `progress` is told what comes.

    Each cost is come back to, with the others between its visits. Leaves the fitted system in `bench.folder`. A system
    that did not use the CUDA device that it was given has no `peak_device_mib`.
    """
    system, device, settings = bench.system, bench.device, bench.settings
    learns = isinstance(system.spec, GeneratorSpec) and system.spec.base is None
    batched = learns and whole_parameter(system, "batch") is not None
    trained, sampled = Monitor(device, settings.threads), Monitor(device, settings.threads)
    found: dict[str, Measured | float | None] = {}
    firsts: list[First] = []

    def first() -> None:
        if device == "cpu":  # a loaded model computes there
            firsts.append(first_biflow(bench.folder))

    progress("training")
    training = Training(bench) if learns else None
    if training is not None:
        with trained:
            training.visit()
    whole = training.model if training is not None and settings.seconds is None else None
    model = whole or bench.fit(system, len(bench.train), QUICK_TRAINING)
    model.save(bench.folder)
    progress("sampling one by one")
    sampling = Sampling(bench, model)
    with sampled:
        sampling.visit()
    found["peak_host_mib"], found["peak_device_mib"] = peak_memory_mib(), _peak_device_mib(device)
    first()
    progress("sampling many at once")
    sample_rate, sample_batch = best_batch(bench, lambda batch: sampling_rate(bench, model, batch, TRIAL))
    known: dict[tuple[int, int], float] = {}
    for again in range(1, VISITS):
        first()
        progress(f"all of it again, {again} of {VISITS - 1}")
        if training is not None:
            with trained:
                training.visit()
        with sampled:
            sampling.visit()
        sample_rate = max(sample_rate, sampling_rate(bench, model, int(sample_batch)))
        if batched and again == 1:
            progress("training on many at once")
            train_rate, train_batch = best_batch(bench, lambda batch: training_rate(bench, batch, known))
        elif batched:
            train_rate = training_rate(bench, int(train_batch), known) or train_rate
    first()
    if training is not None:
        found["train_s_epoch"], found["train_shortest_s_epoch"] = training.found()
        found["train_biflows"], found["train_device_use"] = training.biflows, _percent(trained.device_use)
    found["sample_ms"], found["sample_shortest_ms"] = sampling.found()
    found["sample_biflows"], found["packets"] = sampling.biflows, sampling.packets
    found["sample_device_use"] = _percent(sampled.device_use)
    found["joules"] = None if sampled.joules is None else 1e3 * sampled.joules / sampling.made
    found["sample_rate"], found["sample_batch"] = sample_rate, sample_batch
    if batched:
        found["train_rate"], found["train_batch"] = train_rate, train_batch
    if firsts:
        found["import_s"] = shortest(alike([[one.importing] for one in firsts]))
        found["first_s"] = shortest(alike([[one.parts] for one in firsts]))
        found["first_host_mib"] = max(one.memory for one in firsts)
    own = bench.folder / MODEL_FOLDER if system.is_generator else bench.folder
    found["size_mb"] = disk_bytes(own) / 1e6
    found["parameters"], found["int8_share"] = stored_numbers(own)
    if device != "cpu" and not found["peak_device_mib"]:
        _log.warning("computed on the CPU, whatever device was asked for")
        found |= dict.fromkeys(("peak_device_mib", "joules", "sample_device_use", "train_device_use"))
    others = max(trained.others, sampled.others)
    found["others_use"] = _percent(others)
    if others > BUSY:
        _log.warning("measured on a busy machine: see what others took")
    return {f"efficiency/{name}": _metric(name, value) for name, value in found.items() if value is not None}


def _metric(name: str, value: Measured | float) -> MetricValue:
    goal, digits = COLUMNS[name]
    if isinstance(value, Measured):
        return MetricValue(
            value=value.value,
            low=value.low,
            high=value.high,
            count=value.count,
            outliers=value.outliers,
            version=EFFICIENCY_VERSION,
            goal=goal,
            digits=digits,
        )
    return MetricValue(value=float(value), version=EFFICIENCY_VERSION, goal=goal, digits=digits)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def _peak_device_mib(device: str) -> float | None:
    """The most memory that torch has reserved on a CUDA device since this process began."""
    if device == "cpu":
        return None
    import torch

    return float(torch.cuda.max_memory_reserved(device) / 2**20)
