"""The code on the page CONTRIBUTING.md, which tests run."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()


def blocks(kind: str, page: str = GUIDE) -> list[str]:
    """The fenced code in a language, in order."""
    return re.findall(rf"```{kind}\n(.*?)```", page, flags=re.DOTALL)


MODULES = {re.search(r'"(\w+):\w+"', block).group(1): block for block in blocks("python") if block.startswith('"""')}
"""The complete plugins, by the module that their specs name."""
