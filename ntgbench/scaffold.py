"""A new plugin from a template, which is itself a plugin that works: the folder `template` has one for each track."""

from __future__ import annotations

import contextlib
import importlib.util
import keyword
import os
import re
import shutil
import sys
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ntgbench.errors import NtgbenchError
from ntgbench.plugins import registry
from ntgbench.tracks import DEFAULT
from ntgbench.words import suggestion

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 100
"""Characters of a plugin's name: rows hold no more of it, and it is part of file names."""

_IMPORTED = ("Biflows", "Check", "Context", "Labels", "PacketTrace", "Path")
"""Names that the templates import, which the new class must not have."""


def new_plugin(name: str, parent: Path, track: str = DEFAULT) -> Path:
    """Write an installable plugin called `name`, with a generator of a track's traffic, into `parent/name`.

    Returns that folder, which is new.

    Raises:
        NtgbenchError: when the name is not valid or is taken, the track has no template, or the folder is there already
            or cannot be written; nothing is left of it then.
    """
    templates = {entry.name: entry for entry in (resources.files("ntgbench") / "template").iterdir()}
    if track not in templates:
        raise NtgbenchError(f"there is no template of a plugin for the track {track!r}; {suggestion(track, templates)}")
    if not _NAME.fullmatch(name):
        raise NtgbenchError(f"{name!r:.200} is not a plugin name; write it like my-generator")
    if len(name) > LONGEST:
        raise NtgbenchError(f"the name of a plugin has at most {LONGEST} characters, not {len(name):,}")
    folder = parent / name
    if folder.exists():
        raise NtgbenchError(f"{folder} is there already")
    clash = _clash(name)
    if clash is not None:
        raise NtgbenchError(f"a plugin cannot be called {name!r}: {clash}; choose another name")
    # It gets its name when it is complete.
    unfinished = parent / f".{name}.{os.getpid()}.tmp"
    missing = [path for path in (parent, *parent.parents) if not path.exists()]
    try:
        _copy(templates[track], unfinished, name)
        unfinished.rename(folder)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        with contextlib.suppress(OSError):
            for path in missing:
                path.rmdir()
        if isinstance(error, OSError):
            raise NtgbenchError(f"cannot write {folder}: {error.strerror}; nothing of it is left") from error
        raise
    return folder


def _clash(name: str) -> str | None:
    """What is called like the plugin, its package or its class already, or None."""
    module, kind = _renamed("my_generator", name), _renamed("MyGenerator", name)
    for word in (module, kind):
        if keyword.iskeyword(word):
            return f"{word} is a keyword of Python"
    if name in registry().systems():
        return f"a system of {registry().plugin_of(registry().system(name)).distribution} has that name"
    if any(plugin.name == name for plugin in registry().plugins):
        return "an installed plugin has that name"
    if kind in _IMPORTED:
        return f"its class {kind} would hide the one of ntgbench"
    if module in sys.stdlib_module_names:
        return f"{module} is a module of Python itself"
    if importlib.util.find_spec(module) is not None:
        return f"a module {module} can be imported already"
    return None


def _copy(source: Traversable, target: Path, name: str) -> None:
    if source.is_dir():
        target.mkdir(parents=True)
        for entry in source.iterdir():
            if entry.name != "__pycache__":
                _copy(entry, target / _renamed(entry.name, name), name)
    else:
        target.write_text(_renamed(source.read_text(encoding="utf-8"), name), encoding="utf-8")


def _renamed(text: str, name: str) -> str:
    words = name.split("-")
    for old, new in (
        ("my-generator", name),
        ("my_generator", "_".join(words)),
        ("MyGenerator", "".join(word.capitalize() for word in words)),
    ):
        text = text.replace(old, new)
    return text
