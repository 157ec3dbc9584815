"""Imports without what libraries log of parts that are not needed, which would become notes on the row."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(level: int = logging.WARNING) -> Iterator[None]:
    """Nothing is logged at `level` or below, such as torchao's warnings about GPU kernels that are not here."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)
