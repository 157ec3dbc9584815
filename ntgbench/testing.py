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
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.metric_checks import Check, calibration_checks, metric_checks
from ntgbench.plugins import registry
from ntgbench.tracks.biflows.example import example_traffic

if TYPE_CHECKING:
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


def checks_of(text: str, track: str | None = None, home: Path | None = None, full: bool = False) -> list[Check]:
    """The checks of the metric, or of the system with its parameters, that a user would write as `text`.

    `full` is for calibration with all sizes.
    """
    if text in registry().metrics():
        return [*metric_checks(text, track), *calibration_checks(text, track, full)]
    return system_checks(text, track=track, home=home)


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
