"""Systems at work: chosen by name, fitted, sampled, saved, and everything they hand back checked."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.files import read_json, require_file
from ntgbench.interfaces import Context, GeneratorSpec, SystemSpec
from ntgbench.needs import imported
from ntgbench.parameters import build_parameters, display_name, parse_request
from ntgbench.plugins import registry
from ntgbench.saved import MOST_BYTES
from ntgbench.tracks import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ntgbench.interfaces import Likelihood
    from ntgbench.tracks import Request, Track, Traffic

FORMAT = 3
"""Version of the folder layout that `FittedSystem.save` writes."""

SYSTEM_FILE = "system.json"
TRAIN_FILE = "train.parquet"
SURFACE_FILE = "surface.json"
MODEL_FOLDER = "model"


@dataclass(frozen=True)
class System:
    """A system with its parameters, not fitted yet.

    Attributes:
        spec: what the plugin says about it.
        parameters: instance of the spec's parameter dataclass.
    """

    spec: SystemSpec
    parameters: Any

    @property
    def display_name(self) -> str:
        """How leaderboards write it: its name and the parameters that are not at their default."""
        return display_name(self.spec.name, self.parameters)

    @property
    def is_generator(self) -> bool:
        """Whether it learns a model, rather than making traffic from real traffic in one call."""
        return isinstance(self.spec, GeneratorSpec)

    @property
    def tells_likelihoods(self) -> bool:
        """Whether it has a method `log_likelihood`; known without a fitted model."""
        return callable(getattr(imported(self.spec), "log_likelihood", None))

    def settings(self) -> dict[str, Any]:
        """All parameters by name."""
        return dataclasses.asdict(self.parameters)

    @property
    def track(self) -> Track[Any]:
        """The track whose traffic it makes."""
        return registry().track(self.spec.track)

    def fit(self, train: Traffic, context: Context) -> FittedSystem:
        """Fit a new model on `train`. Whatever the plugin raises passes through."""
        built = self.build()
        if self.is_generator:
            built.fit(train, context)
        return FittedSystem(self, built, train, tuple(self.track.known(train)))

    def build(self) -> Any:
        """A new, unfitted object of the plugin. Raises PluginError when it cannot be made or lacks a method."""
        built = imported(self.spec)(self.parameters)
        methods = ("fit", "sample", "save", "load") if self.is_generator else ("augment",)
        missing = [name for name in methods if not callable(getattr(built, name, None))]
        if missing:
            raise PluginError(f"{self.spec.target} has no method {', '.join(missing)}")
        return built


@dataclass(frozen=True)
class FittedSystem:
    """A system that can make traffic.

    Attributes:
        system: what was fitted.
        built: the plugin's object.
        train: the traffic it was fitted on, or makes new traffic from.
        known: what the track remembers of the training set, see `Track.known`.
    """

    system: System
    built: Any
    train: Traffic
    known: tuple[str, ...]

    def sample(self, *request: Any, seed: int) -> Traffic:
        """New traffic. `request` is what the track asks systems for: for biflows the labels, one for each biflow.

        Raises NtgbenchError for a request that cannot be answered, and PluginError when the plugin raises anything, and
        when what it returns is not valid traffic.
        """
        name = self.system.display_name
        try:
            asked = self.system.track.checked_request(request, self.train, self.known)
        except PluginError as error:
            raise PluginError(f"{name} was {error}") from error
        try:
            made = self.draw(asked, np.random.default_rng(seed))
        except NtgbenchError:
            raise
        except Exception as error:  # a plugin may fail in any way, and so may one whose model was tampered with
            raise PluginError(f"{name} cannot sample: {_told(error)}") from error
        return self.checked(made, request)

    def draw(self, request: Request, rng: np.random.Generator) -> Any:
        """What the plugin hands back for `request`, as it is: nothing is checked, so that it alone can be timed."""
        if self.system.is_generator:
            return self.built.sample(*request, rng)
        return self.built.augment(self.train, *request, rng)

    def checked(self, made: Any, request: Request) -> Traffic:
        """What `draw` handed back, as traffic. Raises PluginError that says what is wrong with it."""
        try:
            return self.system.track.check(made, request, self.train)
        except PluginError as error:
            raise PluginError(f"{self.system.display_name} {error}") from error

    def log_likelihood(self, traffic: Traffic) -> Likelihood | None:
        """What the system says of the likelihood of `traffic`, None when it has no method for that.

        Raises PluginError for traffic that it could not be asked for, when the plugin raises anything, and when what it
        returns is not log-probabilities.
        """
        method = getattr(self.built, "log_likelihood", None)
        if method is None:
            return None
        name = self.system.display_name
        try:
            self.system.track.checked_request(self.system.track.request(traffic), self.train, self.known)
            found = np.asarray(method(traffic), np.float64)
        except NtgbenchError:
            raise
        except Exception as error:  # a plugin may fail in any way
            raise PluginError(f"{name} cannot tell likelihoods: {_told(error)}") from error
        shape = self.system.track.likelihood_shape(traffic)
        if found.shape != shape:
            raise PluginError(f"{name} returned likelihoods of shape {found.shape}; {shape} was asked for")
        if np.isnan(found).any() or (found > 1e-6).any():
            raise PluginError(f"{name} returned likelihoods that are not logarithms of probabilities")
        return np.minimum(found, 0.0)

    def save(self, folder: Path) -> None:
        """Write into the existing, empty `folder` all that `load` needs."""
        if self.system.is_generator:
            (folder / MODEL_FOLDER).mkdir()
            self.built.save(folder / MODEL_FOLDER)
        track = self.system.track
        # A model must stand alone, so only an outline of the training set goes with it.
        kept = track.outline(self.train) if self.system.is_generator else track.kept(self.train)
        track.write(kept, folder / TRAIN_FILE)
        head = {
            "format": FORMAT,
            "track": track.spec.name,
            "system": self.system.spec.name,
            "parameters": self.system.settings(),
            "known": self.known,
        }
        (folder / SYSTEM_FILE).write_text(json.dumps(head, indent=1) + "\n")
        surface = track.surface(self.train)
        if surface is not None:
            (folder / SURFACE_FILE).write_text(json.dumps(surface) + "\n")


def load(folder: Path) -> FittedSystem:
    """The fitted system that `FittedSystem.save` wrote. Raises PluginError when `folder` holds none."""
    try:
        head = read_json(folder / SYSTEM_FILE)
        name, settings, known = _checked_head(head, folder)
        system = with_parameters(name, settings, head.get("track", DEFAULT))
        require_file(folder / TRAIN_FILE, MOST_BYTES)
        train = system.track.load(folder / TRAIN_FILE)
    except PluginError:
        raise
    except Exception as error:  # pyarrow has many ways to refuse a file
        raise PluginError(f"{folder} holds no fitted system: {_told(error)}") from error
    built = system.build()
    fitted = FittedSystem(system, built, train, tuple(known))
    if system.is_generator:
        try:
            _require_files(folder / MODEL_FOLDER)
            built.load(folder / MODEL_FOLDER)
            # A model of another layout could ask for any amount of memory before its traffic is looked at.
            nothing = system.track.empty_request(train)
            if nothing is not None:
                fitted.checked(fitted.draw(nothing, np.random.default_rng(0)), nothing)
        except Exception as error:  # a plugin's way to refuse a damaged model is its own
            told = f"{error}"[:500] or type(error).__name__
            raise PluginError(f"{folder} holds no model that {system.display_name} can load: {told}") from error
    return fitted


def read_surface(folder: Path) -> Any:
    """What `Track.surface` said of the training set of the fitted system in `folder`; None where it said nothing.

    It is not checked yet. Raises NtgbenchError when the file cannot be read.
    """
    path = folder / SURFACE_FILE
    return read_json(path, MOST_BYTES) if path.exists() else None


def _checked_head(head: Any, folder: Path) -> tuple[str, dict[str, Any], list[str]]:
    """The system's name, its parameters and what it knows of its training set, from what is in `SYSTEM_FILE`."""
    if not isinstance(head, dict) or type(head.get("format")) is not int or head["format"] != FORMAT:
        shown = repr(head.get("format") if isinstance(head, dict) else None)[:80]
        raise PluginError(f"{folder} has format {shown}; this version reads format {FORMAT}")
    name, settings, known = (head.get(key) for key in ("system", "parameters", "known"))
    texts = isinstance(known, list) and all(isinstance(one, str) for one in known)
    if not isinstance(name, str) or not isinstance(settings, dict) or not texts:
        raise PluginError(f"{folder} holds no fitted system: {SYSTEM_FILE} does not say which")
    return name, settings, cast("list[str]", known)


def _require_files(folder: Path) -> None:
    """Raise NtgbenchError when there is something else than files of a reasonable size in `folder`."""
    for path in sorted(folder.rglob("*")):
        if not path.is_dir():
            require_file(path, MOST_BYTES)


def _told(error: Exception) -> str:
    """What an exception says, cut where it says very much, and which it is unless it is ours."""
    text = f"{error}"[:500]
    return text if isinstance(error, NtgbenchError) else f"{type(error).__name__}: {text}"


def choose(text: str, track: str | None = None) -> System:
    """The system that a user asks for as `name[parameter=value,…]`, see `Registry.system`.

    Raises PluginError or ProtocolError.
    """
    request = parse_request(text)
    return with_parameters(request.name, dict(request.settings), track)


def with_parameters(name: str, settings: Mapping[str, Any], track: str | None = None) -> System:
    """The system `name` with `settings` instead of its defaults. Raises PluginError or ProtocolError."""
    spec = registry().system(name, track)
    return System(spec, build_parameters(spec.parameters, settings, spec.name))
