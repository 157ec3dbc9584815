"""Biflows made rows of tokens and read back, beside a plain loop over packets. Images are in bench_netdiffus.py."""

from __future__ import annotations

import numpy as np

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows
from ntgbench.mapping.tokens import EOS, FIRST_CLASS, PAD, TokenMapping

BIFLOWS = made_up_biflows(10_000, classes=20, seed=1)
MAPPING = TokenMapping(len(BIFLOWS.classes), BIFLOWS.packets, BIFLOWS.pl_max)


def plain_encode() -> list[list[int]]:
    rows = []
    for label, biflow in zip(BIFLOWS.label.tolist(), BIFLOWS.signed_pl.tolist(), strict=True):
        sizes = [value if value > 0 else MAPPING.pl_max - value for value in biflow if value]
        row = [FIRST_CLASS + label, *(MAPPING.first_value - 1 + size for size in sizes), EOS]
        rows.append(row + [PAD] * (MAPPING.packets + 2 - len(row)))
    return rows


def plain_decode(rows: list[list[int]]) -> list[list[int]]:
    biflows = []
    for row in rows:
        biflow = []
        for token in row[1:-1]:
            size = token - MAPPING.first_value + 1
            biflow.append(0 if size <= 0 else size if size <= MAPPING.pl_max else MAPPING.pl_max - size)
        biflows.append(biflow)
    return biflows


def bench_encode(benchmark) -> None:
    """10,000 biflows made tokens, against a plain loop."""
    assert plain_encode() == MAPPING.encode(BIFLOWS.signed_pl, BIFLOWS.label).tolist()
    in_turn(benchmark, lambda: MAPPING.encode(BIFLOWS.signed_pl, BIFLOWS.label), plain_encode, rounds=10)


def bench_decode(benchmark) -> None:
    """10,000 rows read back and checked, against a plain loop that checks nothing."""
    rows = MAPPING.encode(BIFLOWS.signed_pl, BIFLOWS.label)
    listed = rows.tolist()
    assert np.array_equal(plain_decode(listed), MAPPING.decode(rows)[0])
    in_turn(benchmark, lambda: MAPPING.decode(rows), lambda: plain_decode(listed), rounds=10)
