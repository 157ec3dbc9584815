"""Configuration of Sphinx. Its source is the repository itself, so that links of files are links of the site."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

project = "ntgbench"
author = "the authors of ntgbench"
html_title = "ntgbench"
html_theme = "furo"
html_show_copyright = False
html_copy_source = False

extensions = ["myst_parser", "sphinx_click", "sphinx_copybutton"]
root_doc = "docs/index"
include_patterns = ["docs/*.md", "plugins/*/README.md", "CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = [".*", "build", "dist", "runs", "tests", "benchmarks", "ntgbench", "leaderboards", "plugins/*/src"]
myst_heading_anchors = 4
default_role = "code"  # of docstrings of the command line
nitpicky = True
smartquotes = False  # of --options
copybutton_prompt_text = "$ "
pygments_style = "default"
pygments_dark_style = "monokai"
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_workers = 4

HOST = os.environ.get("GITHUB_REPOSITORY")
"""owner/name of the repository where the site is published: links to files that are no page lead there."""

_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:)([^)#\s]+)(#[^)\s]*)?\)")
_CODE = re.compile(r"(^ *```.*?^ *```$)", flags=re.MULTILINE | re.DOTALL)


def _linked(page: Path, found: re.Match[str]) -> str:
    """A link to a file of the repository as a link of the site."""
    text, target, anchor = found.group(1), found.group(2), found.group(3) or ""
    path = (page.parent / target).resolve()
    if not path.is_relative_to(ROOT) or not path.exists():
        return found.group()  # Sphinx says that it leads nowhere
    name = path.relative_to(ROOT).as_posix()
    up = os.path.relpath(ROOT, page.parent)
    if name == "README.md":
        return f"[{text}]({up}/docs/index.md)"
    if name.startswith("leaderboards/"):
        # The boards are one page of the site, which Sphinx does not make.
        return f'<a href="{up}/leaderboards/index.html">{text}</a>'
    if any(path.match(pattern) for pattern in include_patterns):
        return found.group()
    return f"[{text}](https://github.com/{HOST}/blob/main/{name}{anchor})" if HOST else text


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the reference made of the code in its places, and make links of files links of the site."""
    from generate import filled

    page = Path(app.env.doc2path(docname))
    parts = _CODE.split(filled(source[0]))
    # Every other part is code, in which nothing is a link.
    parts[::2] = [_LINK.sub(lambda found: _linked(page, found), part) for part in parts[::2]]
    source[0] = "".join(parts)


def _examples(_: Sphinx, __: Any, lines: list[str]) -> None:
    """Show the examples below a command as code; sphinx-click gives them as lines of text."""
    found = [line.removeprefix("|   ") for line in lines if line.startswith("|   ")]
    if found:
        after = lines[max(place for place, line in enumerate(lines) if line.startswith("|")) + 1 :]
        lines[:] = [".. rubric:: Examples", "", ".. code-block:: sh", "", *(f"   {line}" for line in found), "", *after]


def _finished(app: Sphinx, failure: Exception | None) -> None:
    """Add the boards, and a page at the top that leads to the documentation."""
    if failure is None and app.builder.name == "html":
        shutil.copytree(ROOT / "leaderboards", app.outdir / "leaderboards", dirs_exist_ok=True)
        (app.outdir / "index.html").write_text('<meta http-equiv="refresh" content="0; url=docs/index.html">\n')


def setup(app: Sphinx) -> None:
    """Connect the above."""
    app.connect("source-read", _read)
    app.connect("sphinx-click-process-epilog", _examples)
    app.connect("build-finished", _finished)
