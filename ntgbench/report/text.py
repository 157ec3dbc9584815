"""What all boards say in the same words: names, notes, and how their rows were made."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ntgbench.plugins import registry
from ntgbench.protocol import bundled
from ntgbench.report.blocks import Block, Bullets, Cell
from ntgbench.report.board import Board, Entry, suites_in
from ntgbench.words import pluralised, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NOTES = 10

EMPTY = "-"
"""Printed in place of a missing number."""


def bullets(title: str, lines: Sequence[str], warns: bool = False) -> list[Block]:
    """A list below its title, nothing when it is empty."""
    return [Bullets(title, lines, warns)] if lines else []


def notes(board: Board) -> list[str]:
    """The notes of the rows, at most `MOST_NOTES`, each once with the systems that it is about."""
    systems: dict[str, list[str]] = {}
    for entry in board.entries:
        for note in dict.fromkeys(note for row in entry.rows for note in row["notes"]):
            systems.setdefault(note, []).append(code(entry.name))
    every = [
        plain(note) if len(names) == len(board.entries) else f"{', '.join(names)}: {plain(note)}"
        for note, names in systems.items()
    ]
    rest = len(every) - MOST_NOTES
    return [*every[:MOST_NOTES], *([f"and {rest} more in rows.jsonl"] if rest > 0 else [])]


def shown(entry: Entry) -> Cell:
    """A system's name in a table: references in italics, † where rows were merged from elsewhere, and its marks."""
    name = f"*{_in_italics(entry.name)}*" if entry.reference else code(entry.name)
    merged = any("merged_from" in row for row in entry.rows)
    marks = [*([("†", "not measured here: its rows were merged from another file.")] if merged else []), *entry.marks]
    note = " ".join(f"{sign} {meaning.replace('*', '').replace('`', '')}" for sign, meaning in marks)
    return Cell(" ".join([name, *(sign for sign, _ in marks)]), note)


def merged_rows(board: Board) -> list[str]:
    """A line for each file that rows of the board were merged from, with the systems that they are about."""
    files: dict[str, list[str]] = {}
    for entry in board.entries:
        for name in dict.fromkeys(row["merged_from"] for row in entry.rows if "merged_from" in row):
            files.setdefault(name, []).append(code(entry.name))
    return [
        f"† Not measured here: rows merged from {code(name)}, of {', '.join(files[name])}." for name in sorted(files)
    ]


def plain(text: str | None) -> str:
    """Text from outside on one line, with Markdown escaped."""
    words = printable(" ".join((text or "no reason given").split()))
    return escaped(words).replace("<", "\\<").replace("[", "\\[")


def _in_italics(text: str) -> str:
    return escaped(text).replace("<", "\\<")


def code(text: str) -> str:
    """Text as code."""
    return f"`{escaped(text)}`"


def escaped(text: str) -> str:
    """Text that keeps tables and code whole."""
    return text.replace("|", "\\|").replace("`", "'")


def origin(board: Board) -> str:
    """The command that makes these rows, the machines and the libraries that they were made with."""
    protocol = board.common.protocol
    suites = suites_in(board.rows)
    words = ["ntgbench", "run", protocol if protocol in bundled() else f"{protocol}.toml"]
    words += ["-d", board.rows[0]["source"], "--seeds", str(board.seeds())]
    words += [word for system in dict.fromkeys(row["system"] for row in board.rows) for word in ("-s", system)]
    together = [
        suite.name
        for suite in registry().suites(board.common.track).values()
        if not suite.alone and not suite.on_request
    ]
    usual = bundled()[protocol].suites if protocol in bundled() else together
    words += [word for suite in suites for word in ("--suite", suite) if set(suites) != set(usual)]
    devices = {row["machine"].get("device", "cpu") for row in board.rows} - {"cpu"}
    words += [word for device in sorted(devices) for word in ("--device", device)]
    machines = sorted(
        {plain(f"{row['machine']['cpu']}, {pluralised(row['machine']['cores'], 'core')}") for row in board.rows}
    )
    libraries = sorted({plain(f"{name} {version}") for row in board.rows for name, version in row["versions"].items()})
    made = f"on {'; '.join(machines)}, with {', '.join(libraries)}."
    return f"Made by\n\n    {shlex.join(words)}\n\n{made}"


def unit_of(board: Board) -> str:
    """What one item of the board's traffic is called; its track may not be installed."""
    track = registry().tracks().get(board.common.track)
    return "item" if track is None else track.unit


def source(board: Board) -> str:
    """The arguments that the dataset was read from, in words; nothing where they equal its name."""
    found = sorted({row["source"] for row in board.rows} - {board.dataset})
    return f" from {', '.join(map(code, found))}" if found else ""


def seeds(board: Board) -> str:
    """How many seeds the board has, in words."""
    return pluralised(board.seeds(), "seed")
