"""Words that somebody else wrote, such as names of classes, columns and files, for a line of output."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` on one line: newlines, control characters and lone surrogates are written as Python escapes."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
