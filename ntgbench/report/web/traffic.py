"""The sections of the web page that show what synthetic traffic looks like, and the data that `traffic.js` draws."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ntgbench.profiles import packed, unpacked
from ntgbench.report.blocks import Picture
from ntgbench.report.pictures import biflows, traces, traffic
from ntgbench.report.web.sections import figures
from ntgbench.results import track_of
from ntgbench.tracks.biflows.profile import LENGTH_BINS, SIZE, packet_bins

if TYPE_CHECKING:
    from ntgbench.report.pictures.traffic import Shown
    from ntgbench.results import Row

PICTURES = 50_000
"""Bytes that the pictures and the table of a dataset take, beside the data: about as many for traces as for biflows."""

MOST_TRACES = 3
"""Systems whose traces are drawn beside the real one: more would be most of the page."""


class Detail(NamedTuple):
    """What a share of 1 is told as, in histograms and in a row of transitions, and how many classes are told."""

    share: int
    step: int
    classes: int


DETAILS = (
    *(Detail(share, step, 60) for share, step in ((1000, 1000), (250, 40), (100, 20), (40, 10))),
    *(Detail(40, 10, classes) for classes in (20, 5, 0)),
)
"""From the finest on; examples of classes are in the finest only."""


def sections(rows: Sequence[Row], room: int) -> str:
    """A section for each dataset that has profiles, and their data; nothing where there is none.

    So that all fits into `room` bytes, shares are told less finely, then those of fewer classes.
    """
    found = []
    for track, dataset in sorted({(track_of(row), row["dataset"]) for row in rows if "profile" in row}):
        own = traffic.shown([row for row in rows if (track_of(row), row["dataset"]) == (track, dataset)])
        found.append((track, dataset, own))
    if not found:
        return ""
    datasets = Counter(dataset for _, dataset, _ in found)
    known = [[one for one in own if one.has_biflows] for _, _, own in found]
    for detail in DETAILS:
        data = [_data(own, detail) for own in known]
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
        if len(text.encode()) <= room - PICTURES * len(found):
            break
    parts = [
        _section(place, f"{dataset}-traffic{f'-{track}' if datasets[dataset] > 1 else ''}", track, dataset, own, told)
        for place, ((track, dataset, own), told) in enumerate(zip(found, data, strict=True))
    ]
    return f'{"".join(parts)}<script type="application/json" id="traffic">{text}</script>'


def _data(found: Sequence[Shown], detail: Detail) -> dict[str, Any]:
    """The real sides that differ, with their classes; the systems in order, each with the place of its real side."""
    reals: list[dict[str, Any]] = []
    systems = []
    for one in found:
        packets, pl_max = biflows.layout(one.profile["scale"])
        real = {
            "classes": one.profile["classes"][: detail.classes],
            "packets": biflows.packet_names(packets),
            "states": biflows.state_names(pl_max),
            "lengths": biflows.length_names(pl_max),
            "longest": pl_max,
            "parts": _told(one.profile["real"], packet_bins(packets), detail),
        }
        if real not in reals:
            reals.append(real)
        made = _told(one.profile["synthetic"], packet_bins(packets), detail)
        systems.append([one.system, reals.index(real), made])
    return {"reals": reals, "systems": systems}


def _told(parts: dict[str, str], packets: int, detail: Detail) -> dict[str, str]:
    """The parts with whole shares in place of counts."""
    told = {}
    # Transitions row by row.
    for name, bins, rows, unit in (
        ("packets", packets, 1, detail.share),
        ("lengths", LENGTH_BINS, 1, detail.share),
        ("transitions", SIZE, SIZE, detail.step),
    ):
        counts = _counts(parts[name], rows * bins)[: 1 + detail.classes].reshape(-1, bins)
        total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
        shares = np.rint(unit * counts / total).astype(np.int64)
        told[name] = " ".join(map(packed, shares.reshape(-1, rows * bins).tolist()))
    if "examples" in parts:
        told["examples"] = parts["examples"] if detail == DETAILS[0] else parts["examples"].partition(" ")[0]
    return told


@lru_cache(1024)
def _counts(part: str, number: int) -> npt.NDArray[np.float64]:
    """The counts of each group, float64 (groups, number)."""
    return np.array([unpacked(text, number) for text in part.split(" ")], np.float64)


def _section(place: int, key: str, track: str, dataset: str, found: Sequence[Shown], told: dict[str, Any]) -> str:
    """Choices, pictures of all classes of the first system, and their numbers as a table."""
    first = next((one for one in found if one.has_biflows), None)
    shown, choice, numbers = [], "", ""
    if first is not None:
        name, real, parts = told["systems"][0]
        about = told["reals"][real]
        both = biflows.looks({**first.profile, "real": about["parts"], "synthetic": parts}, 0)
        what = f"{dataset}, all classes, {name} beside real traffic"
        drawn = biflows.drawn(both, first.profile["scale"], what)
        shown = [Picture("", title, svg) for title, svg in drawn.values()]
        options = "".join(f"<option>{escape(name)}</option>" for name, *_ in told["systems"])
        classes = "".join(f"<option>{escape(name)}</option>" for name in about["classes"])
        choice = (
            f'<div class="choice" role="group" aria-label="Traffic that is shown">'
            f'<label>System <select name="system">{options}</select></label> <label>Class <select name="class">'
            f'<option value="">all classes</option>{classes}</select></label></div>'
            f'<p class="shown" aria-live="polite">{escape(what)}</p>'
        )
        choice += f"<p>{_EXAMPLES}</p>"
        numbers = _shares(both, [*about["packets"], *about["lengths"]])
    every = [(one.system, one.profile) for one in found if one.is_trace]
    lines = traces.drawable(every)[:MOST_TRACES]
    shown += [Picture("", title, svg) for _, title, svg in traces.drawn(lines)]
    if lines:
        heads = ["at", traces.REAL, *(name for name, _ in lines)]
        numbers += _table(heads, [row for curve in traces.curves(lines) for row in curve.rows()])
    if len(lines) < len(every):
        choice += (
            f"<p>{len(lines)} of {len(every)} systems are drawn; <code>ntgbench plot traffic -s</code> draws any.</p>"
        )
    data = f'data-track="{escape(track)}" data-dataset="{escape(dataset)}" data-name="traffic" data-place="{place}"'
    return (
        f'<section id="{escape(key)}" class="traffic" {data}><h2>{escape(dataset)}: traffic</h2>'
        f"<p>{_READING}</p>{choice}{figures(shown)}{numbers}</section>\n"
    )


_READING = (
    "What the synthetic traffic of the first seed looks like beside the real traffic that it is measured against. "
    "These pictures rank nothing; the boards do."
)

_EXAMPLES = "Examples are synthetic biflows that no real one equals."


def _shares(both: tuple[biflows.Look, biflows.Look], names: Sequence[str]) -> str:
    sides = [[*biflows.shares(look.packets), *biflows.shares(look.lengths)] for look in both]
    rows = [(name, list(map(biflows.percent, own))) for name, *own in zip(names, *sides, strict=True)]
    return _table(["share of biflows or packets", *biflows.SIDES], rows)


def _table(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The numbers of pictures for those who cannot see them."""
    lines = [
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{number}</td>" for number in numbers)}</tr>'
        for name, numbers in rows
    ]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    return (
        f"<details><summary>The same as numbers</summary><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></details>"
    )
