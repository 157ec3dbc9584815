"""Pictures of biflows: counts of packets and lengths, what follows what, and examples, synthetic beside real.

On the web page `traffic.js` draws into them what was chosen; it computes what is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ntgbench.profiles import sequences_in, unpacked
from ntgbench.report.charts.colours import INK, RULE, paint
from ntgbench.report.charts.legend import Entry, legend
from ntgbench.report.charts.svg import WIDTH, attribute, document, label, number, safe
from ntgbench.row_schema import Profile
from ntgbench.tracks.biflows.profile import EXAMPLES, LENGTH_BINS, LONGEST_EXAMPLE, SIZE, STATES, packet_bins

LEFT, RIGHT, TOP, TALL = 44.0, 12.0, 28.0, 170.0
"""Pixels beside and above the plane of a histogram, and of its own height."""

TOPS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Shares at which the axis of a histogram may end."""

CELL, CELL_TALL = 14.0, 20.0
"""Pixels of a transition."""

FULL = 0.5
"""The difference of two shares that has the darkest shade."""

SIDES = ("real", "synthetic")

COLOURS = ("c1", "c2")
"""Of the sides; in the difference, of where each of them has more."""


@dataclass(frozen=True)
class Look:
    """One side of one class: counts of each part, and examples."""

    packets: Sequence[int]
    lengths: Sequence[int]
    transitions: Sequence[int]
    examples: Sequence[Sequence[int]] = ()


def looks(profile: Profile, group: int) -> tuple[Look, Look]:
    """Both sides of a group of a profile: 0 is all traffic, the others are its classes."""
    bins = {"packets": packet_bins(layout(profile["scale"])[0]), "lengths": LENGTH_BINS, "transitions": SIZE**2}

    def side(parts: dict[str, str]) -> Look:
        texts = {name: part.split(" ")[group] for name, part in parts.items()}
        counts = {name: unpacked(texts.get(name, ""), size) for name, size in bins.items()}
        return Look(**counts, examples=sequences_in(texts.get("examples", ""), LONGEST_EXAMPLE, EXAMPLES))

    return side(profile["real"]), side(profile["synthetic"])


def layout(scale: Mapping[str, float]) -> tuple[int, int]:
    """Packets that a biflow can hold, and the largest payload length."""
    return max(int(scale.get("packets", 1)), 1), max(int(scale.get("pl_max", 1)), 1)


def drawn(both: tuple[Look, Look], scale: Mapping[str, float], what: str) -> dict[str, tuple[str, str]]:
    """The pictures by their names: title and SVG. `what` says in a few words whose traffic it is."""
    packets, pl_max = layout(scale)
    names = packet_names(packets)
    ends = [(0.5 / len(names), names[0].split(" ")[0]), (1 - 0.5 / len(names), names[-1].split(" ")[0])]
    if len(names) == packets <= 12:
        ends = [((i + 0.5) / packets, str(i + 1)) for i in range(packets)]
    marks = [(0.0, f"-{pl_max:,}"), (0.25, f"-{pl_max // 2:,}"), (0.5, "0"), (0.75, f"{pl_max // 2:,}")]
    of = [(look.packets, look.lengths, look.transitions) for look in both]
    return {
        "packets": (
            "Packets of a biflow",
            _bars("packets", of[0][0], of[1][0], names, ends, "biflows", "packets of a biflow", f"Packets of {what}"),
        ),
        "lengths": (
            "Payload lengths, down and up",
            _bars(
                "lengths",
                of[0][1],
                of[1][1],
                length_names(pl_max),
                [*marks, (1.0, f"{pl_max:,}")],
                "packets",
                "← downstream, bytes of payload, upstream →",
                f"Payload lengths of {what}",
            ),
        ),
        "transitions": ("Which packet follows which", _transitions(of[0][2], of[1][2], pl_max, what)),
        "examples": (
            f"The first {LONGEST_EXAMPLE} packets of some biflows: upstream is up",
            _examples([look.examples for look in both], pl_max, what, both_sides=bool(both[0].examples)),
        ),
    }


def packet_names(packets: int) -> list[str]:
    """What the bins of packet counts are called."""
    bins = packet_bins(packets)
    lows = [-(-place * packets // bins) + 1 for place in range(bins + 1)]
    pairs = [(low, after - 1) for low, after in pairwise(lows)]
    return [
        f"{low} packet{'' if low == 1 else 's'}" if low == high else f"{low}..{high} packets" for low, high in pairs
    ]


def length_names(pl_max: int) -> list[str]:
    """What the bins of signed lengths are called."""
    half = LENGTH_BINS // 2
    lows = [-(-place * pl_max // half) + 1 for place in range(half + 1)]
    up = [f"{low}..{after - 1} bytes" for low, after in pairwise(lows)]
    return [*(f"{name} downstream" for name in up[::-1]), *(f"{name} upstream" for name in up)]


def state_names(pl_max: int) -> list[str]:
    """What the states of transitions are called; the last one is the end, or the beginning."""
    ends = [0, *(int(share * pl_max) for share in STATES), pl_max]
    up = [f"{low + 1}..{high}" for low, high in pairwise(ends)]
    return [*(f"↓ {name}" for name in up[::-1]), *(f"↑ {name}" for name in up), "end"]


def shares(counts: Sequence[int]) -> list[float]:
    """Of their sum."""
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def percent(share: float) -> str:
    """With one decimal."""
    return f"{100 * share:.1f}%"


def _key() -> list[Entry]:
    return [
        Entry(name, f'<rect x="3" y="-5" width="12" height="10" {paint(fill=colour)}/>')
        for name, colour in zip(SIDES, COLOURS, strict=True)
    ]


def _bars(
    part: str,
    real: Sequence[int],
    synthetic: Sequence[int],
    names: Sequence[str],
    marks: Sequence[tuple[float, str]],
    of: str,
    caption: str,
    about: str,
) -> str:
    """Two histograms side by side; `marks` are texts below the plane at shares of its width."""
    both = [shares(side) for side in (real, synthetic)]
    top = next((one for one in TOPS if one >= max(map(max, both)) - 1e-9), 1.0)
    wide, bottom = WIDTH - LEFT - RIGHT, TOP + TALL
    rules = "".join(f"M{number(LEFT)} {number(TOP + TALL * k / 2)}h{number(wide)}" for k in range(2))
    parts = [f'<path d="{rules}" {paint("none", RULE)}/>', label(4.0, 14.0, f"share of {of}")]
    parts.append('<g text-anchor="end" class="ticks">')
    parts += [label(LEFT - 5.0, bottom - TALL * k / 2 + 4.0, f"{100 * top * k / 2:g}%") for k in range(3)]
    parts += ['</g><g text-anchor="middle">']
    parts += [label(min(LEFT + at * wide, WIDTH - 3.5 * len(text)), bottom + 16.0, text) for at, text in marks]
    parts += [label(LEFT + wide / 2, bottom + 33.0, caption), "</g>"]
    slot = wide / len(names)
    for place, (name, side) in enumerate(zip(SIDES, both, strict=True)):
        data = "".join(
            f"M{number(LEFT + slot * (i + 0.08 + 0.42 * place))} {number(bottom)}"
            f"v-{number(share / top * TALL)}h{number(0.42 * slot)}V{number(bottom)}z"
            for i, share in enumerate(side)
            if share
        )
        parts.append(f'<path class="{name}" d="{data}" {paint(fill=COLOURS[place])}/>')
    parts.append(f'<path d="M{number(LEFT)} {number(bottom)}h{number(wide)}" {paint("none", INK)}/>')
    parts.append('<g class="told" fill-opacity="0">')
    for i, name in enumerate(names):
        box = f'x="{number(LEFT + i * slot)}" y="{number(TOP)}" width="{number(slot)}" height="{number(TALL)}"'
        told = f"{name}: real {percent(both[0][i])}, synthetic {percent(both[1][i])}"
        parts.append(f"<rect {box}><title>{safe(told)}</title></rect>")
    parts.append("</g>")
    below, height = legend(_key(), WIDTH, bottom + 38.0)
    return _part(part, document(WIDTH, bottom + 44.0 + height, about, [*parts, *below]))


def by_row(counts: Sequence[int]) -> list[float]:
    """Transitions as shares of their row."""
    return [share for at in range(0, len(counts), SIZE) for share in shares(counts[at : at + SIZE])]


def _transitions(real: Sequence[int], synthetic: Sequence[int], pl_max: int, what: str) -> str:
    """Three matrices: real, synthetic, and synthetic less real."""
    names = state_names(pl_max)
    rows = [*names[:-1], "begin"]
    both = [by_row(real), by_row(synthetic)]
    left, top, side = 84.0, 40.0, SIZE * CELL
    step = side + (WIDTH - left - 4.0 - 3 * side) / 2
    parts = ['<g text-anchor="end" font-size="11">']
    parts += [label(left - 5.0, top + (i + 0.5) * CELL_TALL + 4.0, name) for i, name in enumerate(rows)]
    parts.append('</g><g text-anchor="middle">')
    titles = (*SIDES, "difference")
    parts += [label(left + panel * step + side / 2, 14.0, title) for panel, title in enumerate(titles)]
    parts.append('<g font-size="9">')
    for panel in range(3):
        for j, name in enumerate(names):
            parts.append(label(left + panel * step + (j + 0.5) * CELL, top - 5.0, name if j == SIZE - 1 else name[0]))
    parts.append("</g></g>")
    less = [after - before for before, after in zip(*both, strict=True)]
    for panel, (title, values) in enumerate(zip(titles, (*both, less), strict=True)):
        at = left + panel * step
        parts.append(f'<g class="{title}" {paint(fill=COLOURS[min(panel, 1)])}>')
        for place, value in enumerate(values):
            i, j = divmod(place, SIZE)
            corner = f"{number(at + j * CELL)} {number(top + i * CELL_TALL)}"
            box = f'd="M{corner}h{number(CELL)}v{number(CELL_TALL)}h-{number(CELL)}z"'
            fewer = f" {paint(fill=COLOURS[0])}" if panel == 2 and value < 0 else ""
            opacity = min(abs(value) / (FULL if panel == 2 else 1.0), 1.0)
            sign = "+" if panel == 2 and value >= 0 else ""
            told = f"{rows[i]} → {names[j]}: {sign}{percent(value)}"
            parts.append(f'<path {box} fill-opacity="{opacity:.2f}"{fewer}><title>{safe(told)}</title></path>')
        box = f'x="{number(at)}" y="{number(top)}" width="{number(side)}" height="{number(SIZE * CELL_TALL)}"'
        parts.append(f"</g><rect {box} {paint('none', RULE)}/>")
    bottom = top + SIZE * CELL_TALL
    parts.append(label(4.0, bottom + 20.0, "A packet's direction and bytes by row, the next one's by column;"))
    parts.append(label(4.0, bottom + 37.0, "shares of a row. Difference: blue where real has more."))
    return _part("transitions", document(WIDTH, bottom + 46.0, f"Which packet follows which in {what}", parts))


def _examples(both: Sequence[Sequence[Sequence[int]]], pl_max: int, what: str, both_sides: bool) -> str:
    """A plot for each example; without real ones, only those of synthetic traffic."""
    tall, gap, wide = 84.0, 14.0, (WIDTH - 16.0) / EXAMPLES
    shown = [place for place in range(2) if place == 1 or both_sides]
    parts = []
    for row, place in enumerate(shown):
        top = 22.0 + row * (tall + gap + 18.0)
        parts.append(label(4.0, top - 8.0, SIDES[place]))
        for k in range(EXAMPLES):
            left, middle = 8.0 + k * wide, top + tall / 2
            slot = (wide - gap) / LONGEST_EXAMPLE
            lengths = both[place][k] if k < len(both[place]) else []
            data = sequence_path(lengths, pl_max, left, middle, slot, tall / 2)
            parts.append(
                f'<path d="M{number(left)} {number(middle)}h{number(wide - gap)}" {paint("none", RULE)}/>'
                f'<path class="example" data-left="{number(left)}" data-middle="{number(middle)}" '
                f'data-slot="{slot:.3f}" data-tall="{number(tall / 2)}" d="{data}" {paint(fill=COLOURS[place])}>'
                f"<title>{safe(', '.join(map(str, lengths)))}</title></path>"
            )
        none = "" if both[place] else NO_EXAMPLE
        more = f' text-anchor="middle" class="none" data-none="{NO_EXAMPLE}" data-most="{LONGEST_EXAMPLE}"'
        parts.append(label(WIDTH / 2, top + tall / 2 - 6.0, none, more))
    height = 22.0 + len(shown) * (tall + gap + 18.0) - 18.0
    return _part("examples", document(WIDTH, height, f"Examples of {what}", parts))


NO_EXAMPLE = "no example is stored"
"""In place of examples: rows hold no real traffic."""


def sequence_path(lengths: Sequence[int], pl_max: int, left: float, middle: float, slot: float, tall: float) -> str:
    """The data of a bar for each packet."""
    bars = []
    for i, length in enumerate(lengths):
        high = max(min(abs(length) / pl_max, 1.0) * tall, 1.0) * (1 if length > 0 else -1)
        start = f"M{number(left + slot * (i + 0.1))} {number(middle)}"
        bars.append(f"{start}v{number(-high)}h{number(slot * 0.8)}V{number(middle)}z")
    return "".join(bars)


def _part(name: str, svg: str) -> str:
    """The drawing with its name, by which the page's script finds it."""
    return svg.replace("<svg ", f"<svg data-part={attribute(name)} ", 1)
