"""A new plugin from the template, which is itself a plugin that works."""

from __future__ import annotations

import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ntgbench.errors import NtgbenchError

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_plugin(name: str, parent: Path) -> Path:
    """Write an installable plugin called `name` into the new folder `parent/name` and return that folder.

    Raises:
        NtgbenchError: when the name is none for a plugin, or the folder is there already.
    """
    if not _NAME.fullmatch(name):
        raise NtgbenchError(f"{name!r} is no plugin name; write it like my-generator")
    folder = parent / name
    if folder.exists():
        raise NtgbenchError(f"{folder} is there already")
    _copy(resources.files("ntgbench") / "template", folder, name)
    return folder


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
