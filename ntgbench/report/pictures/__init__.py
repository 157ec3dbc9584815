"""Pictures of a page of the leaderboards, made of rows: `KINDS` of them, inline in the web page and as files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.report.blocks import Page, Picture
from ntgbench.suites import FRONT, TRADEOFF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.results import Row


@dataclass(frozen=True)
class Kind:
    """One kind of picture.

    Attributes:
        summary: what it shows, for the command's help.
        needs: the arguments of `ntgbench run` that make the rows for it.
        make: "module:function", called as `function(page, rows, inline)`: the pictures of this kind for a page, none
            where it does not apply. `rows` are all there are, also those of other pages. `inline`: for the web page,
            in few bytes, and only where there are two systems to compare; else for files.
    """

    summary: str
    needs: str
    make: str


_HERE = "ntgbench.report.pictures"

KINDS: dict[str, Kind] = {
    "radar": Kind("six fidelity metrics, 0 at the outer edge", "--suite fidelity", f"{_HERE}.fidelity:radars"),
    "augmentation": Kind("F1 over the share of real biflows", "--suite augmentation", f"{_HERE}.curves:augmentation"),
    "mixing": Kind("F1 where synthetic biflows replace real ones", "--suite mixing", f"{_HERE}.curves:mixing"),
    "drift": Kind("F1 on another dataset and the same one", "--suite drift", f"{_HERE}.curves:drift"),
    "tradeoff": Kind("quality against cost, with the front", "efficiency", f"{_HERE}:of_costs"),
    "front": Kind(
        "F1 against single_hit, with floor and front", "--suite utility --suite privacy", f"{_HERE}:of_copies"
    ),
    "classes": Kind("F1 of each class by system", "--suite utility", f"{_HERE}.classes:heat_maps"),
    "confusion": Kind("what each class is taken for, by system", "--suite utility", f"{_HERE}.classes:confusions"),
    "traffic": Kind("synthetic traffic beside real traffic", "--suite fidelity", f"{_HERE}.traffic:of_page"),
    "distances": Kind("distances of header traces, as CascadeNet's", "headers", f"{_HERE}.distances:distances"),
}
"""All kinds by name, in the order in which a page shows them."""


def pictures(page: Page, rows: Sequence[Row]) -> list[Picture]:
    """What the web page shows above the page's tables, in order; `rows` are those of all pages."""
    return [one for name in KINDS for one in of_kind(name, page, rows, inline=True)]


def of_kind(name: str, page: Page, rows: Sequence[Row], inline: bool = False) -> list[Picture]:
    """The pictures of one kind for a page, see `Kind.make`."""
    from ntgbench.plugins import resolve

    found: list[Picture] = resolve(KINDS[name].make)(page, rows, inline)
    return found


def of_costs(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:  # noqa: ARG001
    """The pictures of quality against cost, which its page has among its blocks."""
    return _among_blocks(page, TRADEOFF)


def of_copies(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:  # noqa: ARG001
    """The pictures of utility against copying, likewise."""
    return _among_blocks(page, FRONT)


def _among_blocks(page: Page, name: str) -> list[Picture]:
    return [block for block in page.blocks if page.suite == name and isinstance(block, Picture)]
