"""Notes: what was left out or changed on the way, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHOWN = 5
"""Names that a note lists before it only counts them."""


WARNING = "warning: "
"""How a note begins that says that traffic may be wrong, not only less."""


def counted(counts: Mapping[str, int]) -> tuple[str, ...]:
    """The sentences that happened at least once, each with its count in the place of {}."""
    return tuple(sentence.format(f"{count:,}") for sentence, count in counts.items() if count)


def listed(sentence: str, names: Sequence[str]) -> tuple[str, ...]:
    """The sentence with the number of names in the place of {}, and the first of them; nothing without a name."""
    if not names:
        return ()
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return (f"{sentence.format(f'{len(names):,}')}: {', '.join(names[:SHOWN])}{more}",)
