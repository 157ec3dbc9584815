"""Parts of a training set that decoders learn from in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ntgbench.mapping.tokens import Tokens
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_crossfit.counts import Numbers


def dealt(train: Biflows, folds: int, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """The fold and the session of each biflow, both int64 (N,).

    Whole sessions are dealt to the folds in random order, each to the fold that has the fewest biflows so far. Without
    known sessions, or with fewer of them than folds, each biflow is one of its own, and those of a class are dealt in
    turn.
    """
    if train.session is None or len(np.unique(train.session)) < folds:
        order = rng.permutation(len(train))
        order = order[np.argsort(train.label[order], kind="stable")]
        fold = np.empty(len(train), np.int64)
        fold[order] = (np.arange(len(train)) + rng.integers(folds)) % folds
        return fold, np.arange(len(train))
    _, session, size = np.unique(train.session, return_inverse=True, return_counts=True)
    of_session, filled = np.empty(len(size), np.int64), np.zeros(folds, np.int64)
    for one in rng.permutation(len(size)):
        of_session[one] = filled.argmin()
        filled[of_session[one]] += size[one]
    return of_session[session], session.astype(np.int64)


def distinct(rows: Tokens) -> Tokens:
    """Each row once, in the order of their values."""
    found: Tokens = np.unique(rows, axis=0)
    return found


def unlike(rows: Tokens, others: Tokens) -> Tokens:
    """Those of distinct `rows` that are not among distinct `others`: what a decoder is validated on."""
    every, first, count = np.unique(np.concatenate([rows, others]), axis=0, return_index=True, return_counts=True)
    found: Tokens = every[(count == 1) & (first < len(rows))]
    return found
