"""Looks for what is wrong with this machine and this installation: what `ntgbench doctor` prints."""

from __future__ import annotations

import getpass
import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """What one check has found.

    Attributes:
        check: name of what was looked at.
        state: "problem" when something will not work, "warning" when it may not, or not as well.
        what: what was found, one line.
        advice: what to do about it, one line; empty when there is nothing to do.
    """

    check: str
    state: State
    what: str
    advice: str = ""


Check = Callable[[], Iterable[Finding]]


def examine(checks: Mapping[str, Check]) -> list[Finding]:
    """What the checks find, without names of the host, of its user and of the user's home.

    A check that itself fails is a warning with its error.
    """
    found: list[Finding] = []
    for name, check in checks.items():
        try:
            found += check()
        except Exception as error:  # whatever a strange machine does to one check, the others go on
            told = f"this check itself failed: {type(error).__name__}: {error}"
            found.append(Finding(name, "warning", told, "report it with this whole output"))
    return [Finding(one.check, one.state, private(one.what), private(one.advice)) for one in found]


def private(text: str) -> str:
    """`text` on one line, without names of this host, of its user and of the user's home."""
    line = " ".join(text.split())
    # What the variable HOME names, or the user's entry; a container may have neither.
    home = os.path.expanduser("~")
    homes = {home, os.path.realpath(home)} - {"~", "/", os.path.realpath("~")}
    for home in sorted(homes, key=len, reverse=True):
        line = re.sub(rf"{re.escape(home)}(?=/|$|[^\w.-])", "~", line)
    names = {"<host>": platform.node().partition(".")[0], "<user>": _user()}
    for stand_in, name in names.items():
        if name and name not in ("localhost", "root"):
            # As a word of its own: a name may be part of others.
            line = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", stand_in, line)
    return line


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an identity without a name, as containers have it
        return ""
