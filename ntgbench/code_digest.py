"""Digests of the code that made a number: changed code is another system or metric."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

SHARED = ("ntgbench.learning", "ntgbench.mapping")
"""Packages of the host whose code changes the results of the plugins that import them."""


def code_digest(target: str) -> str:
    """BLAKE2b-64 of the Python files of the package that a target is in, and of those of `SHARED` that it imports.

    Empty when the package cannot be found; running it then raises the error.
    """
    packages = [target.partition(":")[0].partition(".")[0]]
    state = hashlib.blake2b(digest_size=8)
    # What is imported may import more.
    for package in packages:
        files = _python_files(package)
        if not files:
            return ""
        for path in files:
            code = path.read_bytes()
            state.update(path.name.encode())
            state.update(code)
            packages += [shared for shared in SHARED if shared.encode() in code and shared not in packages]
    return state.hexdigest()


def _python_files(package: str) -> list[Path]:
    """The Python files of a package or module; none when it is not there."""
    found = importlib.util.find_spec(package)
    if found is None:
        return []
    folders = [Path(folder) for folder in found.submodule_search_locations or ()]
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return files or ([Path(found.origin)] if found.origin is not None else [])
