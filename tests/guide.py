"""The pages of documentation, their code and their commands, which tests run."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(ROOT.glob("plugins/*/README.md"))
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
PAGES = [*GUIDES, ROOT / "SECURITY.md", *PLUGINS]


class Block(NamedTuple):
    """Fenced code: its language, what is in it, and why it is not run, which a comment before it says."""

    kind: str
    code: str
    not_run: str | None


_BLOCK = re.compile(
    r"(?:^ *<!-- not run: (?P<why>[^>]+) -->\n\s*)?^(?P<indent> *)```(?P<kind>[\w-]+)\n(?P<code>.*?)^ *```$",
    flags=re.MULTILINE | re.DOTALL,
)


def blocks(page: Path) -> list[Block]:
    """The fenced code of a page in order."""
    return [
        Block(found["kind"], textwrap.dedent(found["code"]), found["why"])
        for found in _BLOCK.finditer(page.read_text())
    ]


def code(kind: str, name: str) -> list[str]:
    """The fenced code in a language of the page `docs/name.md`, in order."""
    return [block.code for block in blocks(ROOT / "docs" / f"{name}.md") if block.kind == kind]


_WHOLE = [block.code for page in GUIDES for block in blocks(page) if block.code.startswith('"""')]

MODULES = {re.search(r'"(\w+):\w+"', whole).group(1): whole for whole in _WHOLE}
"""The complete plugins, by the module that their specs name."""
