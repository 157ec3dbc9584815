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
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.calling import exposes, loss
from ntgbench.errors import PluginError
from ntgbench.plugins import registry
from ntgbench.tracks import same_track
from ntgbench.tracks.biflows.example import example_traffic
from ntgbench.words import suggestion

if TYPE_CHECKING:
    from ntgbench.calibration import Bench, Calibration, CalibrationCheck
    from ntgbench.interfaces import MetricSpec
    from ntgbench.systems import FittedSystem, System
    from ntgbench.tracks import Track, Traffic

__all__ = [
    "HEAVY",
    "Check",
    "Fit",
    "calibration_checks",
    "checks_of",
    "example_traffic",
    "metric_checks",
    "system_checks",
]

HEAVY = ("torch", "transformers", "sklearn", "scipy", "pandas", "imblearn", "onnx", "onnxruntime")
"""Packages that no plugin may import before it runs."""


_NUMPY = {name: value for name, value in vars(np).items() if callable(value)}
"""Functions and types of numpy before any system runs."""


@dataclass(frozen=True)
class Check:
    """One promise, checked by calling it: an AssertionError or any other exception says how it is broken."""

    name: str  # for test reports
    promise: str  # as a sentence
    run: Callable[[], None]
    declared: bool = True  # otherwise nobody promised it, and how it ends is information

    def __call__(self) -> None:
        """Run the check."""
        self.run()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Fit:
    """Fits the system that is checked, and first what it starts from.

    Attributes:
        system: what is checked.
        base: what it starts from, as a user would write it, if anything.
        home: folder that relative paths in its parameters start from.
    """

    system: System
    base: str | None
    home: Path = Path()
    # Checks share most of their traffic, and fitting can take long.
    _bases: dict[str, FittedSystem] = field(default_factory=dict)
    _shared: list[FittedSystem] = field(default_factory=list)

    @property
    def track(self) -> Track[Any]:
        """The system's track."""
        return registry().track(self.system.spec.track)

    def shared(self) -> FittedSystem:
        """The system fitted on the track's example, the same one for all checks."""
        if not self._shared:
            self._shared.append(self(self.track.example()))
        return self._shared[0]

    def __call__(self, train: Traffic) -> FittedSystem:
        """The system fitted on `train`."""
        from ntgbench.interfaces import Budget, Context
        from ntgbench.systems import MODEL_FOLDER, choose

        context = Context(seed=1, budget=Budget(epochs=1), home=self.home)
        if self.base is None:
            return self.system.fit(train, context)
        digest = self.track.digest(train)
        if digest not in self._bases:
            self._bases[digest] = choose(self.base, self.system.spec.track).fit(train, context)
        with tempfile.TemporaryDirectory() as name:
            self._bases[digest].save(Path(name))
            return self.system.fit(train, replace(context, base=Path(name) / MODEL_FOLDER))


def system_checks(
    text: str, base: str | None = None, track: str | None = None, home: Path | None = None
) -> list[Check]:
    """The checks of the generator or augmenter that a user would write as `text`, see `Registry.system` for `track`.

    What it starts from, if anything, is fitted first; `base` asks for that with parameters that make it small. Relative
    paths in its parameters start from `home`, or from the working directory.
    """
    from ntgbench.systems import choose

    system = choose(text, track)
    fit = Fit(system, base or getattr(system.spec, "base", None), home or Path())
    checks = [
        Check("light", "its plugin imports nothing heavy before it runs", lambda: _light(system)),
        Check("valid", "samples are valid traffic, as much as was asked for", lambda: _valid(fit)),
        Check("deterministic", "the same seeds give the same traffic", lambda: _deterministic(fit)),
        Check("read-only", "neither the training set nor numpy is changed", lambda: _read_only(fit)),
        *fit.track.checks(fit),
    ]
    if system.is_generator:
        checks += [
            Check("round-trip", "a saved and loaded model gives the same traffic", lambda: _round_trip(fit)),
            Check("no-pickle", "saved models hold no pickle", lambda: _no_pickle(fit)),
            Check("damaged", "a saved model with a file cut in half is refused", lambda: _damaged(fit)),
        ]
    return checks


def metric_checks(name: str, track: str | None = None) -> list[Check]:
    """The checks of the metric called `name`. Raises PluginError when it is not of `track`, if one is given."""
    metric = _metric(name, track)
    kind = registry().track(metric.track)
    return [
        Check("in-range", "it gives a number in its range, or says why it has none", lambda: _in_range(metric, kind)),
        Check("same-number", "the same seed gives the same number", lambda: _same_number(metric, kind)),
        Check("better", "real traffic scores no worse than noise", lambda: _better_than_noise(metric, kind)),
        *kind.metric_checks(lambda real, synthetic: _value(metric, kind, real, synthetic)),
    ]


def calibration_checks(name: str, track: str | None = None, full: bool = False) -> list[Check]:
    """The calibration checks of the metric's track, and one that all names in its `passes` are checks.

    Those that the metric does not declare are not `declared`. The short form takes seconds for a metric that does.
    """
    from ntgbench.calibration import Bench

    metric = _metric(name, track)
    calibration = registry().track(metric.track).calibration(full)
    bench = Bench([metric], calibration)
    checks = [
        Check(check.name, f"calibration: {check.promise} ({check.name})", partial(_calibrated, check, metric, bench))
        for check in calibration.checks
    ]
    known = Check("passes", "what it declares to pass are calibration checks", lambda: _known(metric, calibration))
    return [known, *(replace(check, declared=check.name in metric.passes) for check in checks)]


def checks_of(text: str, track: str | None = None, home: Path | None = None, full: bool = False) -> list[Check]:
    """The checks of the metric, or of the system with its parameters, that a user would write as `text`.

    `full` is for calibration with all sizes.
    """
    if text in registry().metrics():
        return [*metric_checks(text, track), *calibration_checks(text, track, full)]
    return system_checks(text, track=track, home=home)


def _metric(name: str, track: str | None) -> MetricSpec:
    metrics = registry().metrics()
    if name not in metrics:
        raise PluginError(f"no metric is called {name!r}; {suggestion(name, metrics)}")
    same_track(f"the metric {name}", metrics[name].track, track or metrics[name].track)
    return metrics[name]


def _calibrated(check: CalibrationCheck, metric: MetricSpec, bench: Bench) -> None:
    from ntgbench.calibration import judge

    verdict = judge(check, metric, bench)
    assert verdict.state == "passes", f"{verdict.state}: {verdict.reason}"


def _known(metric: MetricSpec, calibration: Calibration) -> None:
    names = [check.name for check in calibration.checks]
    for name in metric.passes:
        assert name in names, f"no calibration check is called {name!r}; {suggestion(name, names)}"


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


def _made(fit: Fit, fitted: FittedSystem, seed: int) -> str:
    """Digest of as much traffic as the system was fitted on."""
    return fit.track.digest(fitted.sample(*fit.track.request(fitted.train), seed=seed))


def _valid(fit: Fit) -> None:
    _made(fit, fit.shared(), 2)


def _deterministic(fit: Fit) -> None:
    made = _made(fit, fit.shared(), 7)
    # A system that draws from the global generator is found out by another state of it.
    np.random.seed(1)  # noqa: NPY002
    again = fit(fit.track.example())
    assert _made(fit, again, 7) == made, "two fits with the same seed, sampled with the same seed, differ"
    assert _made(fit, again, 7) == made, "sampling again with the same seed differs: sampling changes the model"


def _read_only(fit: Fit) -> None:
    fitted = fit.shared()
    _made(fit, fitted, 8)
    assert fit.track.digest(fitted.train) == fit.track.digest(fit.track.example()), "the training set has changed"
    changed = sorted(name for name, value in _NUMPY.items() if vars(np).get(name) is not value)
    assert not changed, f"numpy has changed for all that share the process: {', '.join(changed)}"


@contextlib.contextmanager
def _saved(fit: Fit) -> Iterator[tuple[FittedSystem, Path]]:
    with tempfile.TemporaryDirectory() as name:
        fitted = fit.shared()
        fitted.save(Path(name))
        yield fitted, Path(name)


def _round_trip(fit: Fit) -> None:
    from ntgbench.systems import load

    with _saved(fit) as (fitted, folder):
        request = fit.track.request(fitted.train)
        loaded, own = (fit.track.digest(one.sample(*request, seed=11)) for one in (load(folder), fitted))
        assert loaded == own, "the loaded model differs"


def _no_pickle(fit: Fit) -> None:
    with _saved(fit) as (_, folder):
        for path in (path for path in folder.rglob("*") if path.is_file()):
            head = path.read_bytes()[:2]
            inside = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
            pickled = head[:1] == b"\x80" and head[1:] in b"\x02\x03\x04\x05"
            pickled |= any(name.endswith(".pkl") for name in inside)
            assert not pickled, f"{path.name} is a pickle; use safetensors"


def _damaged(fit: Fit) -> None:
    from ntgbench.systems import MODEL_FOLDER, load

    with _saved(fit) as (_, folder):
        for path in [path for path in (folder / MODEL_FOLDER).rglob("*") if path.is_file()]:
            whole = path.read_bytes()
            path.write_bytes(whole[: len(whole) // 2])
            try:
                load(folder)
            except Exception:  # any refusal will do
                path.write_bytes(whole)
                continue
            raise AssertionError(f"a model whose {path.name} was cut in half was loaded without an error")


def _value(metric: MetricSpec, track: Track[Any], real: Traffic, synthetic: Traffic) -> float | None:
    """The metric's number, None where it says that it has none for such traffic."""
    from ntgbench.calling import Sides, call
    from ntgbench.results import has_failed

    other = track.example(3) if exposes(metric) else real
    found = call([metric], Sides(real, other, synthetic), seed=12)[metric.name]
    assert not has_failed(found), found["reason"]
    return found["value"]


def _in_range(metric: MetricSpec, track: Track[Any]) -> None:
    _value(metric, track, track.example(1), track.example(2))


def _same_number(metric: MetricSpec, track: Track[Any]) -> None:
    real, synthetic = track.example(1), track.example(2)
    assert _value(metric, track, real, synthetic) == _value(metric, track, real, synthetic)


def _better_than_noise(metric: MetricSpec, track: Track[Any]) -> None:
    if metric.against == "train" or exposes(metric):
        return  # a metric of memorisation is worst for the real traffic itself
    real = track.example()
    noise = track.noise(real)
    if noise is None:
        return
    own, of_noise = _value(metric, track, real, real), _value(metric, track, real, noise)
    if own is not None and of_noise is not None:
        assert loss(metric, own) <= loss(metric, of_noise), "noise scores better than the real traffic"
