"""What all boards say in the same words: failures, notes, and how their rows were made."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ntgbench.protocol import QUALITY, bundled
from ntgbench.report.board import Board, suites_of
from ntgbench.words import counted as counted

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NOTES = 10

EMPTY = "-"
"""What stands where there is no number."""


def bullets(title: str, lines: Sequence[str]) -> list[str]:
    """A list below its title, nothing when it is empty."""
    return [f"**{title}**", "\n".join(f"- {line}" for line in lines)] if lines else []


def notes(board: Board) -> list[str]:
    """What is noted in the rows, each thing once, and not more than a reader would read."""
    every = list(dict.fromkeys(plain(note) for row in board.rows for note in row["notes"]))
    rest = len(every) - MOST_NOTES
    return [*every[:MOST_NOTES], *([f"and {rest} more in rows.jsonl"] if rest > 0 else [])]


def failures(board: Board) -> list[str]:
    """A line for each row that failed and each metric without a value."""
    lines = []
    for entry in board.entries:
        for row in entry.rows:
            if row["status"] == "failed":
                lines.append(f"{code(entry.name)}, seed {row['seed']}: {plain(row['reason'])}")
            lines += [
                f"{code(entry.name)}, seed {row['seed']}, {key}: {plain(metric.get('reason'))}"
                for key, metric in sorted(row["metrics"].items())
                if metric["value"] is None
            ]
    return lines


def plain(text: str | None) -> str:
    """Somebody's words on one line, as words and not as Markdown."""
    return escaped(" ".join((text or "no reason given").split())).replace("<", "\\<")


def code(text: str) -> str:
    """Text as code."""
    return f"`{escaped(text)}`"


def escaped(text: str) -> str:
    """Text that keeps tables and code whole."""
    return text.replace("|", "\\|").replace("`", "'")


def origin(board: Board) -> str:
    """The command that makes these rows, the machines and the libraries that they were made with."""
    protocol = board.common.protocol
    suites = suites_of(board.rows)
    words = ["ntgbench", "run", protocol if protocol in bundled() else f"{protocol}.toml"]
    words += ["-d", board.rows[0]["source"], "--seeds", str(board.seeds())]
    words += [word for system in dict.fromkeys(row["system"] for row in board.rows) for word in ("-s", system)]
    usual = bundled()[protocol].suites if protocol in bundled() else QUALITY
    words += [word for suite in suites for word in ("--suite", suite) if set(suites) != set(usual)]
    devices = {row["machine"].get("device", "cpu") for row in board.rows} - {"cpu"}
    words += [word for device in sorted(devices) for word in ("--device", device)]
    machines = sorted(
        {plain(f"{row['machine']['cpu']}, {counted(row['machine']['cores'], 'core')}") for row in board.rows}
    )
    libraries = sorted({plain(f"{name} {version}") for row in board.rows for name, version in row["versions"].items()})
    made = f"on {'; '.join(machines)}, with {', '.join(libraries)}."
    return f"Made by\n\n    {shlex.join(words)}\n\n{made}"


def seeds(board: Board) -> str:
    """How many seeds the board has, in words."""
    return counted(board.seeds(), "seed")


def table(heads: Sequence[str], body: Sequence[Sequence[str]], left: int = 1) -> str:
    """A Markdown table: column `left` aligned to the left, all others to the right."""
    from tabulate import tabulate

    align = tuple("left" if place == left else "right" for place in range(len(heads)))
    return str(tabulate(body, heads, tablefmt="pipe", colalign=align, disable_numparse=True))
