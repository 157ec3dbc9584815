"""Pictures of synthetic traffic beside real traffic, made of the profiles in rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.errors import NtgbenchError
from ntgbench.report.blocks import Picture
from ntgbench.report.pictures import biflows, traces
from ntgbench.report.pictures.kinds import slug
from ntgbench.results import identity, suite_of, track_of
from ntgbench.row_schema import Profile
from ntgbench.words import printable, suggestion

if TYPE_CHECKING:
    from ntgbench.report.blocks import Page
    from ntgbench.results import Row


@dataclass(frozen=True)
class Shown:
    """The profile of a row: of what data, and of which system, whose name is told from those of other rows."""

    dataset: str
    system: str
    reference: bool
    profile: Profile

    @property
    def has_biflows(self) -> bool:
        """Whether it has all that pictures of biflows need."""
        return all({"packets", "lengths", "transitions"} <= side.keys() for side in self._sides)

    @property
    def is_trace(self) -> bool:
        """Whether it has all that pictures of header traces need."""
        return all(side.keys() >= traces.PARTS for side in self._sides)

    @property
    def _sides(self) -> tuple[dict[str, str], dict[str, str]]:
        return self.profile["real"], self.profile["synthetic"]


def shown(rows: Sequence[Row]) -> list[Shown]:
    """The profiles of rows of one dataset, the same for rows in any order; references come last."""
    rows = sorted((row for row in rows if "profile" in row), key=identity)
    alike = Counter(row["system"] for row in rows)
    seen = Counter[str]()
    found = []
    for row in rows:
        name = row["system"]
        if alike[name] > 1:
            name = f"{name}, {row['protocol']}"
            seen[name] += 1
            name += f" {seen[name]}" if seen[name] > 1 else ""
        found.append(Shown(row["dataset"], name, row["reference"], row["profile"]))
    return sorted(found, key=lambda one: (one.reference, one.system))


def of_page(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:
    """The files for a dataset, with the first of its pages; the web page has a section of its own for them."""
    if inline:
        return []
    own = [row for row in rows if row["dataset"] == page.dataset and track_of(row) == page.track]
    first = min((suite_of(key) for row in own for key in row["metrics"]), default="")
    return [] if page.suite != first else pictures(shown(own))


def pictures(found: Sequence[Shown], classes: Sequence[str] = ()) -> list[Picture]:
    """The pictures of some profiles, of all traffic or of the classes named.

    Raises NtgbenchError for a class that none of them has.
    """
    made = []
    known = {name for one in found for name in one.profile["classes"]}
    for name in classes:
        if name not in known:
            raise NtgbenchError(f"no profile has the class {name!r}; {suggestion(name, known)}")
    for one in found:
        if one.has_biflows:
            own = one.profile["classes"]
            groups = [1 + own.index(name) for name in classes if name in own] if classes else [0]
            made += [picture for group in groups for picture in _of_group(one, group)]
    if not classes:
        for dataset in dict.fromkeys(one.dataset for one in found):
            own_traces = [one for one in found if one.dataset == dataset and one.is_trace]
            together = traces.drawable([(one.system, one.profile) for one in own_traces])
            for part, title, svg in traces.drawn(together):
                made.append(Picture(f"{slug(dataset, 'traffic', part)}.svg", f"{title}, {dataset}", svg))
    return made


def _of_group(one: Shown, group: int) -> list[Picture]:
    name = one.profile["classes"][group - 1] if group else ""
    about = f"{one.dataset}, {f'class {printable(name)}' if group else 'all classes'}, {one.system} beside real traffic"
    drawn = biflows.drawn(biflows.looks(one.profile, group), one.profile["scale"], about)
    return [
        Picture(f"{slug(one.dataset, 'traffic', part, one.system, name)}.svg", f"{title}: {about}", svg)
        for part, (title, svg) in drawn.items()
    ]
