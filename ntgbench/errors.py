"""The errors a user is meant to read: what was wrong, where, and what to do. Anything else is a bug."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.words import printable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


_LONGEST = 2_000
"""Characters of an error: what a damaged file holds may be quoted in it, and is of any length."""


class NtgbenchError(Exception):
    """An expected error: the command line prints its text without a traceback, on one line whatever names it holds."""

    def __str__(self) -> str:
        told = printable(super().__str__())
        # What to do stands at the end.
        return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 503]} … {told[-500:]}"


def described(error: BaseException) -> str:
    """What an error says, after the name of its class unless it is one of ntgbench."""
    if isinstance(error, NtgbenchError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class TrafficError(NtgbenchError):
    """Traffic that breaks a rule of its type.

    Args:
        rule: the rule that is broken, as a sentence.
        row: index of the first biflow or packet that breaks it; None when no single row does.
    """

    def __init__(self, rule: str, row: int | None = None) -> None:
        self.rule = rule
        self.row = row
        super().__init__(rule if row is None else f"row {row}: {rule}")


def refuse(broken: npt.NDArray[np.bool_], rule: str) -> None:
    """Raise TrafficError for the first row of `broken`, bool (N,), that is set; do nothing when none is."""
    if broken.any():
        raise TrafficError(rule, int(broken.argmax()))


class CaptureError(NtgbenchError):
    """A capture file that cannot be read at all."""


class DatasetError(NtgbenchError):
    """A dataset that is unknown, unreadable or unusable."""


class PluginError(NtgbenchError):
    """A plugin, or a system that a plugin brings, that breaks its contract."""


class ProtocolError(NtgbenchError):
    """A protocol or a request that cannot be carried out."""
