"""Systems at work: chosen by name, fitted, sampled, saved, and everything they hand back checked."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ntgbench.errors import NtgbenchError, PluginError, TrafficError, refuse
from ntgbench.files import read_json, require_file
from ntgbench.interfaces import Augmenter, Context, Generator, GeneratorSpec, Labels, SystemSpec
from ntgbench.parameters import build_parameters, display_name, parse_request
from ntgbench.plugins import registry, resolve
from ntgbench.saved import MOST_BYTES
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 2
"""Version of the folder layout that `FittedSystem.save` writes."""

SYSTEM_FILE = "system.json"
TRAIN_FILE = "train.parquet"
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
        """Whether it learns a model, rather than making biflows from real ones in one call."""
        return isinstance(self.spec, GeneratorSpec)

    def settings(self) -> dict[str, Any]:
        """All parameters by name."""
        return dataclasses.asdict(self.parameters)

    def fit(self, train: Biflows, context: Context) -> FittedSystem:
        """Fit a new model on `train`. Whatever the plugin raises passes through."""
        built = self.build()
        if isinstance(self.spec, GeneratorSpec):
            cast("Generator", built).fit(train, context)
        seen = frozenset(name for name, count in zip(train.classes, train.class_counts(), strict=True) if count)
        return FittedSystem(self, built, train, seen)

    def build(self) -> Generator | Augmenter:
        """A new, unfitted object of the plugin. Raises PluginError when it cannot be made or lacks a method."""
        built: Generator | Augmenter = resolve(self.spec.target, self.spec.needs)(self.parameters)
        methods = ("fit", "sample", "save", "load") if self.is_generator else ("augment",)
        missing = [name for name in methods if not callable(getattr(built, name, None))]
        if missing:
            raise PluginError(f"{self.spec.target} has no method {', '.join(missing)}")
        return built


@dataclass(frozen=True)
class FittedSystem:
    """A system that can make biflows.

    Attributes:
        system: what was fitted.
        built: the plugin's object.
        train: the biflows it was fitted on, or makes new ones from.
        classes: names of the classes that it has seen biflows of.
    """

    system: System
    built: Generator | Augmenter
    train: Biflows
    classes: frozenset[str]

    def sample(self, labels: Labels, seed: int) -> Biflows:
        """New biflows, one for each label and in that order.

        Raises TrafficError for a label that is no class, and PluginError for a class without training biflows, when the
        plugin raises anything, and when what it hands back is no traffic.
        """
        wanted = np.array(labels, np.int32)
        refuse((wanted < 0) | (wanted >= len(self.train.classes)), "a label is an index into the classes")
        unseen = {self.train.classes[label] for label in np.unique(wanted)} - self.classes
        if unseen:
            raise PluginError(f"{self.system.display_name} was fitted without biflows of {', '.join(sorted(unseen))}")
        try:
            made = self.draw(wanted, np.random.default_rng(seed))
        except NtgbenchError:
            raise
        except Exception as error:  # a plugin may fail in any way, and so may one whose model was tampered with
            raise PluginError(f"{self.system.display_name} cannot sample: {_told(error)}") from error
        return self.checked(made, np.asarray(labels, np.int32))

    def draw(self, labels: Labels, rng: np.random.Generator) -> Any:
        """What the plugin hands back for `labels`, as it is: nothing is checked, so that it alone can be timed."""
        if self.system.is_generator:
            return cast("Generator", self.built).sample(labels, rng)
        return cast("Augmenter", self.built).augment(self.train, labels, rng)

    def checked(self, made: Any, labels: Labels) -> Biflows:
        """What `draw` handed back, as biflows. Raises PluginError that says what is wrong with it."""
        return checked(made, labels, self.train, self.system.display_name)

    def save(self, folder: Path) -> None:
        """Write into the existing, empty `folder` all that `load` needs."""
        if self.system.is_generator:
            # A model must stand alone, so only the layout of the training set goes with it.
            layout = self.train.select([])
            (folder / MODEL_FOLDER).mkdir()
            cast("Generator", self.built).save(folder / MODEL_FOLDER)
        else:
            layout = self.train
        layout.to_parquet(folder / TRAIN_FILE)
        head = {
            "format": FORMAT,
            "system": self.system.spec.name,
            "parameters": self.system.settings(),
            "classes": sorted(self.classes),
        }
        (folder / SYSTEM_FILE).write_text(json.dumps(head, indent=1) + "\n")


def load(folder: Path) -> FittedSystem:
    """The fitted system that `FittedSystem.save` wrote. Raises PluginError when `folder` holds none."""
    try:
        head = read_json(folder / SYSTEM_FILE)
        name, settings, classes = _checked_head(head, folder)
        system = with_parameters(name, settings)
        require_file(folder / TRAIN_FILE, MOST_BYTES)
        train = Biflows.from_parquet(folder / TRAIN_FILE)
    except PluginError:
        raise
    except Exception as error:  # pyarrow has many ways to refuse a file
        raise PluginError(f"{folder} holds no fitted system: {_told(error)}") from error
    built = system.build()
    fitted = FittedSystem(system, built, train, frozenset(classes) & frozenset(train.classes))
    if system.is_generator:
        try:
            _require_files(folder / MODEL_FOLDER)
            cast("Generator", built).load(folder / MODEL_FOLDER)
            # A model of another layout could ask for any amount of memory before its biflows are looked at.
            fitted.checked(fitted.draw(np.zeros(0, np.int32), np.random.default_rng(0)), np.zeros(0, np.int32))
        except Exception as error:  # a plugin's way to refuse a damaged model is its own
            told = f"{error}"[:500] or type(error).__name__
            raise PluginError(f"{folder} holds no model that {system.display_name} can load: {told}") from error
    return fitted


def _checked_head(head: Any, folder: Path) -> tuple[str, dict[str, Any], list[str]]:
    """The system's name, its parameters and its classes from what is in `SYSTEM_FILE`."""
    if not isinstance(head, dict) or type(head.get("format")) is not int or head["format"] != FORMAT:
        shown = repr(head.get("format") if isinstance(head, dict) else None)[:80]
        raise PluginError(f"{folder} has format {shown}; this version reads format {FORMAT}")
    name, settings, classes = (head.get(key) for key in ("system", "parameters", "classes"))
    named = isinstance(classes, list) and all(isinstance(one, str) for one in classes)
    if not isinstance(name, str) or not isinstance(settings, dict) or not named:
        raise PluginError(f"{folder} holds no fitted system: {SYSTEM_FILE} does not say which")
    return name, settings, cast("list[str]", classes)


def _require_files(folder: Path) -> None:
    """Raise NtgbenchError when there is something else than files of a reasonable size in `folder`."""
    for path in sorted(folder.rglob("*")):
        if not path.is_dir():
            require_file(path, MOST_BYTES)


def _told(error: Exception) -> str:
    """What an exception says, cut where it says very much, and which it is unless it is ours."""
    text = f"{error}"[:500]
    return text if isinstance(error, NtgbenchError) else f"{type(error).__name__}: {text}"


def choose(text: str) -> System:
    """The system that a user asks for as `name[parameter=value,…]`. Raises PluginError or ProtocolError."""
    request = parse_request(text)
    return with_parameters(request.name, dict(request.settings))


def with_parameters(name: str, settings: Mapping[str, Any]) -> System:
    """The system `name` with `settings` in the place of its defaults. Raises PluginError or ProtocolError."""
    spec = registry().system(name)
    return System(spec, build_parameters(spec.parameters, settings, spec.name))


def checked(made: Any, labels: Labels, like: Biflows, owner: str) -> Biflows:
    """What a plugin handed back, as biflows laid out as `like`. Raises PluginError that says what is wrong with it."""
    if not isinstance(made, np.ndarray):
        raise PluginError(f"{owner} returned {type(made).__name__}, not a numpy array")
    shape = (len(labels), like.packets)
    if made.shape != shape:
        raise PluginError(f"{owner} returned an array of shape {made.shape}; {shape} was asked for")
    if not np.issubdtype(made.dtype, np.integer):
        raise PluginError(f"{owner} returned {made.dtype} values; signed payload lengths are integers")
    try:
        return Biflows(made, labels, like.classes, pl_max=like.pl_max)
    except TrafficError as error:
        raise PluginError(f"{owner} returned invalid biflows: {error}") from error
