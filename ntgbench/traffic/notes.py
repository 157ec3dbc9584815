"""Notes: what was left out or changed, one sentence each.

Sentences have {} for a number, and [one form|another form] where the words for one and for many differ.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ntgbench.words import pluralised, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHOWN = 5  # names that a note lists before it only counts them
WARNING = "warning: "  # how a note begins that says that traffic may be wrong, not only less


def filled(counts: Mapping[str, int]) -> tuple[str, ...]:
    """The sentences with a count above 0, which replaces {}."""
    return tuple(fill(sentence, count) for sentence, count in counts.items() if count)


def listed(sentence: str, names: Sequence[str]) -> tuple[str, ...]:
    """The sentence with the number of names for {}, and the first names; nothing without names."""
    if not names:
        return ()
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return (f"{fill(sentence, len(names))}: {', '.join(map(printable, names[:SHOWN]))}{more}",)


def clipped(lengths: int, packets: int, pl_max: int) -> tuple[str, ...]:
    """That so many of the payload lengths of all packets were clipped to `pl_max`; nothing when none was."""
    share = lengths / max(packets, 1)
    return (f"clipped {pluralised(lengths, 'payload length')} ({share:.2%}) to {pl_max} bytes",) if lengths else ()


def fill(sentence: str, count: int) -> str:
    """The sentence with `count` for {}, and the form of words for that count."""
    form = r"\1" if count == 1 else r"\2"
    return re.sub(r"\[([^][|]*)\|([^][|]*)\]", form, sentence).format(f"{count:,}")
