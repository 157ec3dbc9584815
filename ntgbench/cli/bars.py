"""Progress bars of commands that do one thing after another; what a run shows is in `progress`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ntgbench.interfaces import Progress

Doing = Callable[[str, int, int], None]
"""Told what is done now, how many parts are done, and of how many."""


@contextlib.contextmanager
def parts(quiet: bool = False, lines: bool = False) -> Iterator[Doing]:
    """A bar of parts on standard error, at a terminal; without one perhaps a line for each part."""
    from tqdm import tqdm

    told = sys.stderr
    bar_format = "{desc} |{bar}| {n_fmt} of {total_fmt}, {elapsed}"
    with tqdm(file=told, disable=quiet or None, leave=False, dynamic_ncols=True, bar_format=bar_format) as bar:

        def doing(what: str, done: int, parts: int) -> None:
            bar.total, bar.n = parts, done
            bar.set_description_str(what)
            if bar.disable and lines and not quiet:
                print(f"{done + 1} of {parts}  {what}", file=told, flush=True)

        yield doing


@contextlib.contextmanager
def stages(quiet: bool = False) -> Iterator[Progress]:
    """Progress on standard error, for people who wait longer than two seconds at a terminal."""
    from tqdm import tqdm

    bar_format = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
    off = quiet or None
    with tqdm(disable=off, delay=2, miniters=0, leave=False, dynamic_ncols=True, bar_format=bar_format) as bar:

        def progress(done: float, total: float, note: str = "") -> None:
            if total != bar.total:  # another stage; bar.reset would draw at once, even what takes no time
                bar.total, bar.n, bar.last_print_n = total, 0, 0
            bar.set_description_str(note, refresh=False)
            bar.update(done - bar.n)

        yield progress
