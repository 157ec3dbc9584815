"""The efficiency suite (the paper's RQ4): what a system takes, one item at a time and many at once."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.efficiency.clock import Measured, clock, median, minimum, now, reference
from ntgbench.efficiency.columns import COLUMNS
from ntgbench.efficiency.hardware import hardware, pin, state
from ntgbench.efficiency.monitor import monitored
from ntgbench.efficiency.settings import EFFICIENCY_VERSION, Efficiency
from ntgbench.efficiency.start import start
from ntgbench.efficiency.stored import disk_bytes, stored_numbers
from ntgbench.efficiency.timings import Timings, add, rounds_of
from ntgbench.interfaces import BUDGET_LOGGER, Budget, GeneratorSpec
from ntgbench.machine import peak_memory_mib
from ntgbench.results import MetricValue
from ntgbench.systems import MODEL_FOLDER, FittedSystem, System, load

if TYPE_CHECKING:
    from ntgbench.efficiency.workload import Workload
    from ntgbench.suites import Alone, SuiteInput

STARTS = 2
"""Fresh processes of a round."""

BUSY = 10.0
"""Percent of the machine that other processes may take before a row says so."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A workload, and how and where it is measured; see `SuiteInput` and `Alone`."""

    system: System
    workload: Workload
    settings: Efficiency
    alone: Alone


def measure_workload(given: SuiteInput, workload: Workload) -> dict[str, MetricValue]:
    """Measure one round of a suite that is called `efficiency`, on `workload`; see `measure`."""
    # Trainings are cut short on purpose here.
    logging.getLogger(BUDGET_LOGGER).disabled = True
    own = given.alone
    if own is None:
        raise ValueError("efficiency is measured by a suite that is alone")
    own.machine.update({**state(), "clock": clock(), "processors": pin(own.threads)})
    found = measure(Job(given.system, workload, given.settings, own), given.progress)
    if "peak_device_mib" not in found:
        own.machine["hardware"] = hardware("cpu", own.threads)
    return found


def measure(job: Job, progress: Callable[[str], None]) -> dict[str, MetricValue]:
    """Measure one round in this process; the columns of all rounds so far, by name.

    Times are of all rounds; energy and device use are of this one. A system that did not use the CUDA device that it
    was given has no `peak_device_mib`. `progress` is told what is measured next.

    Raises:
        PluginError: when what the system makes is not valid.
        NtgbenchError: when it makes nothing in a fresh process.
    """
    system, workload, settings, device = job.system, job.workload, job.settings, job.alone.device
    spec, rounds = system.spec, rounds_of(job.alone.earlier)
    learns = isinstance(spec, GeneratorSpec) and spec.base is None
    found: dict[str, Measured | float | None] = {"sample_items": len(workload.singles)}
    own = Timings(reference=[reference()])
    others = []
    if learns:
        progress("training one by one")
        found["train_items"] = _timed_items(job)
        with monitored(device, job.alone.threads) as use:
            own.train = _train_one_by_one(job)
        found["train_device_use"] = use.device
        others.append(use.others)
        own.reference.append(reference())
    fitted = load(job.alone.folder) if rounds else _fit_and_save(job)
    progress("sampling one by one")
    found["packets"] = _warm_up(job, fitted)
    with monitored(device, job.alone.threads) as use:
        own.sample = [_sample_one_by_one(job, fitted)[1] for _ in range(settings.repetitions)]
    found["sample_device_use"] = use.device
    others.append(use.others)
    if use.joules is not None:
        found["joules"] = 1e3 * use.joules / (settings.repetitions * len(workload.singles))
    own.reference.append(reference())
    own.peaks = {"peak_host_mib": peak_memory_mib(), "others_use": max(others)}
    found["peak_device_mib"] = _peak_device_mib(device)
    progress("sampling many at once")
    own.sample_calls = _by_batch(settings.batches, lambda batch: _call(job, fitted, batch))
    if isinstance(spec, GeneratorSpec) and learns and spec.batch is not None:
        progress("training on many at once")
        larger = [batch for batch in settings.batches if 1 < batch <= workload.units]
        epochs = _by_batch(larger, lambda batch: _epoch(job, batch, workload.units, 1))
        own.train_epochs = {1: min(own.train), **epochs}
    if device == "cpu":  # where a loaded model computes
        progress("starting fresh processes")
        starts = [start(job.alone.folder, workload.start) for _ in range(STARTS)]
        own.imports, own.first, memory = map(list, zip(*starts, strict=True))
        own.peaks["first_host_mib"] = max(memory)
    own.reference.append(reference())
    rounds.append(own)
    add(job.alone.earlier, own)
    model = job.alone.folder / MODEL_FOLDER if system.is_generator else job.alone.folder
    found["size_mb"] = disk_bytes(model) / 1e6
    found["parameters"], found["int8_share"] = stored_numbers(model)
    if device != "cpu" and not found["peak_device_mib"]:
        _log.warning("computed on the CPU, whatever device was asked for")
        found |= dict.fromkeys(("peak_device_mib", "joules", "sample_device_use", "train_device_use"))
    found |= summary(rounds, workload.units)
    if max(others) > BUSY:
        _log.warning("measured on a busy machine: see what others took")
    return {name: _metric(name, value) for name, value in found.items() if value is not None}


def summary(rounds: Sequence[Timings], units: int) -> dict[str, Measured | float | None]:
    """The columns that all rounds together give; `units` is the number of training items."""
    found: dict[str, Measured | float | None] = {"rounds": len(rounds)}
    for name, values, factor in (
        ("sample{}_ms", [one.sample for one in rounds], 1e3),
        ("train{}_s_epoch", [one.train for one in rounds if one.train], 1.0),
    ):
        if values:
            found[name.format("")] = median(list(chain(*values))).scaled(factor)
            found[name.format("_shortest")] = minimum(values).scaled(factor)
    for column, values, factor in (
        ("reference_ms", [[least] for one in rounds for least in one.reference], 1e3),
        ("import_s", [one.imports for one in rounds if one.imports], 1.0),
        ("first_s", [one.first for one in rounds if one.first], 1.0),
    ):
        if values:
            found[column] = minimum(values).scaled(factor)
    calls = chain.from_iterable(one.sample_calls.items() for one in rounds)
    epochs = chain.from_iterable(one.train_epochs.items() for one in rounds)
    for name, rates in (
        ("sample", [(batch / seconds, batch) for batch, seconds in calls]),
        ("train", [(units / seconds, batch) for batch, seconds in epochs]),
    ):
        if rates:
            found[f"{name}_rate"], found[f"{name}_batch"] = max(rates)
    for column in {column for one in rounds for column in one.peaks}:
        found[column] = max(one.peaks[column] for one in rounds if column in one.peaks)
    return found


def with_batch(system: System, batch: int) -> System:
    """The system with a training batch of so many items, as it is when its spec names no parameter for that."""
    name = system.spec.batch if isinstance(system.spec, GeneratorSpec) else None
    return system if name is None else replace(system, parameters=replace(system.parameters, **{name: batch}))


def _timed_items(job: Job) -> int:
    return min(job.workload.units, job.settings.train_items or job.workload.units)


def _train_one_by_one(job: Job) -> list[float]:
    """Seconds of an epoch of all items at batch 1, repetition by repetition; a warm-up imports and compiles."""
    settings, count = job.settings, _timed_items(job)
    _epoch(job, 1, count, 1)
    epochs = settings.epochs if settings.train_items is None else 1
    return [job.workload.units / count * _epoch(job, 1, count, epochs) for _ in range(settings.repetitions)]


def _epoch(job: Job, batch: int, count: int, epochs: int) -> float:
    """Seconds of an epoch, the mean of a training on the first `count` items with batches of `batch`."""
    system, items = with_batch(job.system, batch), job.workload.first(count)
    context, told = job.alone.context(items, Budget(epochs=epochs)), 1.0

    def progress(done: float, total: float, note: str = "") -> None:
        nonlocal told
        told = done / total if total else 1.0
        context.progress(done, total, note)

    begun = now(job.alone.device)
    system.fit(items, replace(context, progress=progress))
    seconds = now(job.alone.device) - begun
    name = system.spec.epochs if isinstance(system.spec, GeneratorSpec) else None
    # A budget does not raise the number of epochs, and without a parameter for it there is one.
    made = 1 if name is None else min(epochs, getattr(system.parameters, name))
    # A training that stopped early has told how far it came.
    return seconds / (made * (told if 0.0 < told < 1.0 else 1.0))


def _fit_and_save(job: Job) -> FittedSystem:
    """The system fitted on all items as it wants to be, but for a number of epochs, in `Alone.folder`."""
    shutil.rmtree(job.alone.folder, ignore_errors=True)
    job.alone.folder.mkdir()
    items = job.workload.first(job.workload.units)
    fitted = job.system.fit(items, job.alone.context(items, Budget(epochs=job.settings.epochs)))
    fitted.save(job.alone.folder)
    return fitted


def _sample_one_by_one(job: Job, fitted: FittedSystem) -> tuple[list[Any], float]:
    """What a repetition makes, and its mean seconds of an item. All repetitions make the same."""
    rng, requests = np.random.default_rng(0), job.workload.singles
    begun = now(job.alone.device)
    made = [fitted.draw(request, rng) for request in requests]
    return made, (now(job.alone.device) - begun) / len(requests)


def _warm_up(job: Job, fitted: FittedSystem) -> float | None:
    """Check what a repetition of sampling makes; its mean number of packets."""
    made, _ = _sample_one_by_one(job, fitted)
    items = [fitted.checked(one, request) for one, request in zip(made, job.workload.singles, strict=True)]
    return None if job.workload.packets is None else float(np.mean([job.workload.packets(one) for one in items]))


def _call(job: Job, fitted: FittedSystem, batch: int) -> float:
    """The shortest seconds of a call that makes `batch` items; all calls make the same."""
    request = job.workload.batch(batch)
    took = []
    for _ in range(job.settings.repetitions):
        rng = np.random.default_rng(0)
        begun = now(job.alone.device)
        made = fitted.draw(request, rng)
        took.append(now(job.alone.device) - begun)
        fitted.checked(made, request)
    return min(took)


def _by_batch(batches: Iterable[int], seconds: Callable[[int], float]) -> dict[int, float]:
    """The seconds of each batch, up to the first that is too large for the machine or for the system."""
    found: dict[int, float] = {}
    for batch in batches:
        try:
            found[batch] = seconds(batch)
        except (MemoryError, RuntimeError, ValueError) as error:  # torch's lack of memory is a RuntimeError
            if batch == 1:
                raise
            told = str(error).strip().partition("\n")[0] or type(error).__name__
            _log.warning("no batch of %d: %s", batch, told)
            break
    return found


def _metric(name: str, value: Measured | float) -> MetricValue:
    column = COLUMNS[name]
    metric = MetricValue(value=0.0, version=EFFICIENCY_VERSION, goal=column.goal, digits=column.digits)
    if isinstance(value, Measured):
        return {**metric, **asdict(value)}  # type: ignore[typeddict-item]
    return {**metric, "value": float(value)}


def _peak_device_mib(device: str) -> float | None:
    """The most memory that torch has reserved on a CUDA device since this process began."""
    if device == "cpu":
        return None
    # Where nothing has imported it, it holds no memory.
    torch = sys.modules.get("torch")
    return 0.0 if torch is None else float(torch.cuda.max_memory_reserved(device) / 2**20)
