"""Efficiency: what a system costs (the paper's RQ4): time, memory, energy and size, one biflow at a time and many."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ntgbench.costs.alone import Sampling, Training
from ntgbench.costs.bench import whole_parameter
from ntgbench.costs.first import first_biflow
from ntgbench.costs.monitor import Monitor
from ntgbench.costs.reference import reference, workload
from ntgbench.costs.size import disk_bytes, stored_numbers
from ntgbench.costs.throughput import measure_again, rate_of, sampling_rate, search, training_rate
from ntgbench.costs.timing import Measured, shortest
from ntgbench.costs.version import EFFICIENCY_VERSION
from ntgbench.interfaces import Budget, GeneratorSpec
from ntgbench.results import MetricValue
from ntgbench.running.probe import peak_memory_mib
from ntgbench.systems import MODEL_FOLDER, load

if TYPE_CHECKING:
    from ntgbench.costs.bench import Bench
    from ntgbench.costs.times import Times

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
    "reference_ms": ("min", 2),
    "rounds": ("max", 0),
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


def measure(bench: Bench, times: Times, progress: Callable[[str], None]) -> dict[str, MetricValue]:
    """All columns that `bench.system` has, by key of a row's metric; `progress` is told what comes.

    One round, whose times are added to those of earlier ones, `times`; the metrics are of them all, but for energy and
    use of the device. Each cost is come back to, with the others between its visits. Leaves the fitted system in
    `bench.folder`, where a later round finds it. A system that did not use the CUDA device that it was given has no
    `peak_device_mib`.
    """
    system, device, settings = bench.system, bench.device, bench.settings
    learns = isinstance(system.spec, GeneratorSpec) and system.spec.base is None
    batched = learns and whole_parameter(system, "batch") is not None
    trained, sampled = Monitor(device, settings.threads), Monitor(device, settings.threads)
    found: dict[str, Measured | float | None] = {}
    parts = workload()

    def first() -> None:
        if device == "cpu":  # where a loaded model computes
            one = first_biflow(bench.folder)
            times.first.append(one.parts)
            times.importing.append(one.importing)
            times.memory.append(one.memory)

    def look() -> None:
        times.references.append(reference(parts))

    def visit(measured: Training | Sampling | None, monitor: Monitor) -> None:
        if measured is not None:
            with monitor:
                measured.visit()
        look()

    def sample_rate(batch: int, trial: bool = False) -> float:
        return sampling_rate(bench, model, batch, times.sample_calls, trial)

    def train_rate(batch: int) -> float:
        return training_rate(bench, batch, times.trainings)

    progress("training")
    training = Training(bench, times) if learns else None
    visit(training, trained)
    if times.rounds:
        model = load(bench.folder)
    else:
        whole = training.model if training is not None and settings.seconds is None else None
        model = whole or bench.fit(system, len(bench.train), QUICK_TRAINING)
        model.save(bench.folder)
    progress("sampling one by one")
    sampling = Sampling(bench, model, times)
    visit(sampling, sampled)
    times.peak_host = max(times.peak_host, peak_memory_mib())
    found["peak_host_mib"], found["peak_device_mib"] = times.peak_host, _peak_device_mib(device)
    first()
    if not times.sample_calls:
        progress("sampling many at once")
        search(bench, partial(sample_rate, trial=True))
    if batched and not times.trainings:
        progress("training on many at once")
        search(bench, train_rate)
    progress("all of it again")
    visit(training, trained)
    visit(sampling, sampled)
    measure_again(partial(_sample_rates, times), sample_rate)
    measure_again(partial(_train_rates, times), train_rate)
    look()
    first()
    times.rounds += 1
    times.others = max(times.others, trained.others, sampled.others)
    found |= _timed(times, training, sampling)
    if training is not None:
        found["train_device_use"] = _percent(trained.device_use)
    found["sample_device_use"] = _percent(sampled.device_use)
    found["joules"] = None if sampled.joules is None else 1e3 * sampled.joules / sampling.made
    own = bench.folder / MODEL_FOLDER if system.is_generator else bench.folder
    found["size_mb"] = disk_bytes(own) / 1e6
    found["parameters"], found["int8_share"] = stored_numbers(own)
    if device != "cpu" and not found["peak_device_mib"]:
        _log.warning("computed on the CPU, whatever device was asked for")
        found |= dict.fromkeys(("peak_device_mib", "joules", "sample_device_use", "train_device_use"))
    found["others_use"] = _percent(times.others)
    if times.others > BUSY:
        _log.warning("measured on a busy machine: see what others took")
    return {f"efficiency/{name}": _metric(name, value) for name, value in found.items() if value is not None}


def _timed(times: Times, training: Training | None, sampling: Sampling) -> dict[str, Measured | float | None]:
    """What the times of all rounds come to."""
    least = 1e3 * min(times.references)
    found: dict[str, Measured | float | None] = {
        "rounds": times.rounds,
        "reference_ms": Measured(least, least, 1e3 * max(times.references), len(times.references)),
        "sample_biflows": sampling.biflows,
        "packets": sampling.packets,
    }
    if training is not None:
        found["train_biflows"] = times.train_biflows
        found["train_s_epoch"], found["train_shortest_s_epoch"] = training.found()
    found["sample_ms"], found["sample_shortest_ms"] = sampling.found()
    for name, rates in (("sample", _sample_rates(times)), ("train", _train_rates(times))):
        if rates:
            best = max(rates, key=lambda batch: rates[batch])
            found[f"{name}_rate"], found[f"{name}_batch"] = rates[best], best
    if times.first:
        found["import_s"], found["first_s"] = shortest(times.importing), shortest(times.first)
        found["first_host_mib"] = max(times.memory)
    return found


def _sample_rates(times: Times) -> dict[int, float]:
    return {batch: batch / seconds for batch, seconds in times.sample_calls.items()}


def _train_rates(times: Times) -> dict[int, float]:
    rates = {batch: rate_of(own) for batch, own in times.trainings.items() if own}
    return {batch: rate for batch, rate in rates.items() if rate}


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
