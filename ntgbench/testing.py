"""The conformance kit: what every plugin promises, as checks that `ntgbench check` and its author's pytest run.

@pytest.mark.parametrize("check", system_checks("my-generator"), ids=str)
def test_keeps_the_contract(check):
    check()
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from ntgbench import systems
from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context, GeneratorSpec, MetricSpec
from ntgbench.parameters import suggestion
from ntgbench.plugins import registry
from ntgbench.suites.scores import score
from ntgbench.systems import FittedSystem, System, choose
from ntgbench.traffic.biflows import Biflows

HEAVY = ("torch", "transformers", "sklearn", "scipy", "pandas", "imblearn", "onnx", "onnxruntime")
"""Packages that no plugin may import before it runs."""


Fit = Callable[[Biflows], FittedSystem]
"""Fits the system that is checked."""


@dataclass(frozen=True)
class Check:
    """One promise, checked by calling it: an AssertionError or any other exception says how it is broken.

    Attributes:
        name: short name for test reports.
        promise: the promise as a sentence.
        run: the check.
    """

    name: str
    promise: str
    run: Callable[[], None]

    def __call__(self) -> None:
        """Run the check."""
        self.run()

    def __str__(self) -> str:
        return self.name


def example_traffic(packets: int = 10, pl_max: int = 1460, seed: int = 1) -> Biflows:
    """Small made-up traffic: four classes of 60, 40, 6 and 1 biflows, no two alike, of all lengths from 1 packet up."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(4), [60, 40, 6, 1])
    lengths = rng.integers(1, packets + 1, len(label))
    lengths[:packets] = np.arange(1, packets + 1)
    size = rng.integers(1, pl_max + 1, (len(label), packets))
    sign = rng.choice([-1, 1], size.shape)
    # The first value counts upwards, so that rows differ even when they are one packet long.
    size[:, 0] = 1 + np.arange(len(label)) % pl_max
    sign[:, 0] = 1
    signed_pl = np.where(np.arange(packets) < lengths[:, None], sign * size, 0)
    return Biflows(signed_pl.astype(np.int16), label.astype(np.int32), ("mail", "video", "chat", "rare"), pl_max=pl_max)


def system_checks(text: str, base: str | None = None) -> list[Check]:
    """The checks of the generator or augmenter that a user would write as `text`.

    What it starts from, if anything, is fitted first; `base` asks for that with parameters that make it small.
    """
    system = choose(text)
    start = base or (system.spec.base if isinstance(system.spec, GeneratorSpec) else None)
    fit = partial(_fit, system, start)
    checks = [
        Check("light", "its plugin imports nothing heavy before it runs", lambda: _light(system)),
        Check("valid", "samples are valid biflows, one for each label", lambda: _valid(fit)),
        Check("any-labels", "any labels may be asked for: none, one, a shuffled many", lambda: _any_labels(fit)),
        Check("any-layout", "other numbers of packets and payload limits work", lambda: _any_layout(fit)),
        Check("one-biflow", "a training set with one biflow works", lambda: _one_biflow(fit)),
        Check("deterministic", "the same seeds give the same biflows", lambda: _deterministic(fit)),
        Check("read-only", "the training set is not changed", lambda: _read_only(fit)),
        Check("no-test-rows", "no biflow of a held-out set comes out", lambda: _no_test_rows(fit)),
        Check("empty", "an empty training set is refused", lambda: _empty(fit)),
    ]
    if system.is_generator:
        checks += [
            Check("round-trip", "a saved and loaded model gives the same biflows", lambda: _round_trip(fit)),
            Check("no-pickle", "saved models hold no pickle", lambda: _no_pickle(fit)),
            Check("damaged", "a saved model with a file cut in half is refused", lambda: _damaged(fit)),
        ]
    return checks


def metric_checks(name: str) -> list[Check]:
    """The checks of the metric called `name`."""
    metrics = registry().metrics()
    if name not in metrics:
        raise PluginError(f"no metric is called {name!r}; {suggestion(name, metrics)}")
    metric = metrics[name]
    return [
        Check("in-range", "it gives a number in its range", lambda: _in_range(metric)),
        Check("missing-class", "it copes with a class that has no synthetic biflow", lambda: _missing_class(metric)),
        Check("same-number", "the same seed gives the same number", lambda: _same_number(metric)),
        Check("better", "real traffic scores no worse than noise", lambda: _better_than_noise(metric)),
    ]


def checks_of(text: str) -> list[Check]:
    """The checks of the metric, or of the system with its parameters, that a user would write as `text`."""
    return metric_checks(text) if text in registry().metrics() else system_checks(text)


def _fit(system: System, base: str | None, train: Biflows) -> FittedSystem:
    """The system fitted on `train`, and first what it starts from."""
    with tempfile.TemporaryDirectory() as name:
        model = None
        if base is not None:
            _fit_base(base, train).save(Path(name))
            model = Path(name) / systems.MODEL_FOLDER
        return system.fit(train, Context(seed=1, budget=Budget(epochs=1), base=model))


# Checks share most of their traffic, and fitting a base can take longer than what starts from it.
@lru_cache(maxsize=8)
def _fit_base(base: str, train: Biflows) -> FittedSystem:
    return _fit(choose(base), None, train)


def _light(system: System) -> None:
    plugin = registry().plugin_of(system.spec)
    # In a process of its own, where nothing else has imported anything yet.
    program = (
        "import sys; from ntgbench.plugins import registry; from importlib.metadata import entry_points; "
        f"[e.load() for e in entry_points(group='ntgbench') if e.name == {plugin.name!r}]; "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not done.stdout.split(), f"{plugin.name} imports {done.stdout.strip()}: do that inside the class's module"


def _valid(fit: Fit) -> None:
    train = example_traffic()
    made = fit(train).sample(train.label, seed=2)
    assert len(made) == len(train)


def _any_labels(fit: Fit) -> None:
    fitted = fit(example_traffic())
    for labels in ([], [3], [0], np.random.default_rng(3).permutation(np.repeat([0, 1, 2, 3], 50))):
        fitted.sample(np.array(labels, np.int32), seed=4)


def _any_layout(fit: Fit) -> None:
    for packets, pl_max in ((1, 1460), (3, 120), (30, 32767)):
        train = example_traffic(packets, pl_max)
        fit(train).sample(train.label, seed=5)


def _one_biflow(fit: Fit) -> None:
    train = Biflows(np.array([[7, -9, 0]], np.int16), np.array([0], np.int32), ("only",))
    fit(train).sample(np.zeros(5, np.int32), seed=6)


def _deterministic(fit: Fit) -> None:
    train = example_traffic()
    made = []
    for number in (1, 2):
        # A system that draws from the global generator is found out by another state of it.
        np.random.seed(number)  # noqa: NPY002
        fitted = fit(train)
        made.append(fitted.sample(train.label, seed=7))
    assert made[0] == made[1], "two fits with the same seed, sampled with the same seed, differ"
    assert fitted.sample(train.label, seed=7) == made[1], (
        "sampling again with the same seed differs: sampling changes the model"
    )


def _read_only(fit: Fit) -> None:
    train = example_traffic()
    before = train.digest()
    fit(train).sample(train.label, seed=8)
    assert train.digest() == before, "the training set has changed"


def _no_test_rows(fit: Fit) -> None:
    everything = example_traffic()
    held_out = np.arange(len(everything)) % 4 == 1
    train, test = everything.select(~held_out), everything.select(held_out)
    made = fit(train).sample(np.repeat(train.label, 20), seed=9)
    # Rows of several packets only: a single packet of some length can be hit by chance.
    secret = {row.tobytes() for row in test.signed_pl[test.lengths() > 3]}
    found = sum(row.tobytes() in secret for row in made.signed_pl)
    assert not found, f"{found} sampled biflows stand in a held-out set that the system was never handed"


def _empty(fit: Fit) -> None:
    try:
        fit(example_traffic().select([])).sample(np.zeros(3, np.int32), seed=10)
    except Exception:  # any refusal will do
        return
    raise AssertionError("three biflows were made from no training biflow at all")


@contextlib.contextmanager
def _saved(fit: Fit) -> Iterator[tuple[FittedSystem, Path]]:
    with tempfile.TemporaryDirectory() as name:
        fitted = fit(example_traffic())
        fitted.save(Path(name))
        yield fitted, Path(name)


def _round_trip(fit: Fit) -> None:
    with _saved(fit) as (fitted, folder):
        labels = fitted.train.label
        assert systems.load(folder).sample(labels, seed=11) == fitted.sample(labels, seed=11), (
            "the loaded model differs"
        )


def _no_pickle(fit: Fit) -> None:
    with _saved(fit) as (_, folder):
        for path in (path for path in folder.rglob("*") if path.is_file()):
            head = path.read_bytes()[:2]
            inside = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
            pickled = head[:1] == b"\x80" and head[1:] in b"\x02\x03\x04\x05"
            pickled |= any(name.endswith(".pkl") for name in inside)
            assert not pickled, f"{path.name} is a pickle; use safetensors"


def _damaged(fit: Fit) -> None:
    with _saved(fit) as (_, folder):
        for path in [path for path in (folder / systems.MODEL_FOLDER).rglob("*") if path.is_file()]:
            whole = path.read_bytes()
            path.write_bytes(whole[: len(whole) // 2])
            try:
                systems.load(folder)
            except Exception:  # any refusal will do
                path.write_bytes(whole)
                continue
            raise AssertionError(f"a model whose {path.name} was cut in half was loaded without an error")


def _value(metric: MetricSpec, real: Biflows, synthetic: Biflows) -> float:
    found = score([metric], real, synthetic, seed=12)[metric.name]
    assert found.value is not None, found.reason
    return found.value


def _in_range(metric: MetricSpec) -> None:
    _value(metric, example_traffic(seed=1), example_traffic(seed=2))


def _missing_class(metric: MetricSpec) -> None:
    real = example_traffic()
    _value(metric, real, real.select(real.label != 1))


def _same_number(metric: MetricSpec) -> None:
    real, synthetic = example_traffic(seed=1), example_traffic(seed=2)
    assert _value(metric, real, synthetic) == _value(metric, real, synthetic)


def _better_than_noise(metric: MetricSpec) -> None:
    if metric.against == "train":
        return  # a metric of memorisation is worst for the real traffic itself
    real = example_traffic()
    rng = np.random.default_rng(13)
    size = rng.integers(1, real.pl_max + 1, real.signed_pl.shape).astype(np.int16)
    noise = Biflows(np.where(real.signed_pl != 0, -size, 0), rng.permutation(real.label), real.classes)
    sign = 1.0 if metric.goal == "max" else -1.0
    assert sign * _value(metric, real, real) >= sign * _value(metric, real, noise), (
        "noise scores better than the real traffic"
    )
