"""Pictures of a page of the leaderboards, made of rows: `KINDS` of them, inline in the web page and as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.report.blocks import Page, Picture
from ntgbench.report.pictures.classes import confusions, heat_maps
from ntgbench.report.pictures.curves import augmentation, drift, mixing
from ntgbench.report.pictures.distances import distances
from ntgbench.report.pictures.fidelity import radars
from ntgbench.report.pictures.kinds import Kind
from ntgbench.report.pictures.privacy import utility_against_copies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.results import Row


def _own(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:  # noqa: ARG001
    """The pictures that the page has already: those of quality against cost."""
    return [block for block in page.blocks if isinstance(block, Picture)]


KINDS: dict[str, Kind] = {
    "radar": Kind("six fidelity metrics, 0 at the outer edge", "`--suite fidelity`", radars),
    "augmentation": Kind("F1 over the share of real biflows", "`--suite augmentation`", augmentation),
    "mixing": Kind("F1 over the share of real biflows that synthetic ones replace", "`--suite mixing`", mixing),
    "drift": Kind("F1 on another dataset beside the same one", "`--suite drift`", drift),
    "tradeoff": Kind(
        "quality against cost, with the front", "`ntgbench run efficiency` and `ntgbench run quick`", _own
    ),
    "privacy": Kind(
        "macro F1 against single_hit, with its floor", "`--suite utility --suite privacy`", utility_against_copies
    ),
    "classes": Kind("F1 of each class by system", "`--suite utility`", heat_maps),
    "confusion": Kind("what a classifier takes each class for, by system", "`--suite utility`", confusions),
    "distances": Kind("distances of header traces from the training trace", "`ntgbench run headers`", distances),
}
"""All kinds by name, in the order in which a page shows them."""


def pictures(page: Page, rows: Sequence[Row]) -> list[Picture]:
    """What the web page shows above the page's tables, in order; `rows` are those of all pages."""
    return [one for kind in KINDS.values() for one in kind.make(page, rows, True)]
