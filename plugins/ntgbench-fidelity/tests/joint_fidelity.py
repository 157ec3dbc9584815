"""The metrics counted over both sides at once, without chunks: the reference that counts must equal in every bit.

It sums in the same order as the package, classes and keys ascending, which decides the last bits of a sum.
"""

import numpy as np

BINS = 10


def _divergences(real, synthetic, group, groups):
    on_real, on_synthetic = np.bincount(group, real, groups), np.bincount(group, synthetic, groups)
    p, q = real / np.maximum(on_real, 1)[group], synthetic / np.maximum(on_synthetic, 1)[group]
    m = (p + q) / 2
    logs = [side * np.log2(side / m, out=np.zeros_like(side), where=side > 0) for side in (p, q)]
    found = np.clip(np.bincount(group, (logs[0] + logs[1]) / 2, groups), 0.0, 1.0)
    found[(on_real == 0) != (on_synthetic == 0)] = 1.0
    return found


def _tally(real, synthetic):
    key, code = np.unique(np.concatenate([real, synthetic]), return_inverse=True)
    return key, *(np.bincount(side, minlength=len(key)) for side in (code[: len(real)], code[len(real) :]))


def _markov(key, real, synthetic, symbols, classes):
    starts, row = np.unique(key // symbols, return_inverse=True)
    weight, missing = np.zeros(len(starts)), np.zeros(classes, int)
    for occurrences in (real, synthetic):
        of_row = np.bincount(row, occurrences, len(starts))
        of_class = np.bincount(starts // symbols, of_row, classes)
        weight += of_row / np.maximum(of_class, 1)[starts // symbols] / 2
        missing += of_class == 0
    by_row = _divergences(real, synthetic, row, len(starts))
    found = np.clip(np.bincount(starts // symbols, weight * by_row, classes), 0.0, 1.0)
    found[missing == 1] = 1.0
    return found


def _macro(values, real, synthetic):
    return float(np.where(synthetic.class_counts() > 0, values, 1.0)[real.class_counts() > 0].mean())


def _ngrams(real, synthetic, symbol, symbols, suffix):
    classes, singles, pairs = len(real.classes), [], []
    for side in (real, synthetic):
        code, there = symbol(side.signed_pl.astype(int), side.pl_max), side.signed_pl != 0
        coded = side.label.astype(int)[:, None] * symbols + code
        singles.append(coded[there])
        pairs.append((coded[:, :-1] * symbols + code[:, 1:])[there[:, 1:]])
    one, two = _tally(*singles), _tally(*pairs)
    found = {
        "jsd_1gram": _divergences(*one[1:], one[0] // symbols, classes),
        "jsd_2gram": _divergences(*two[1:], two[0] // symbols**2, classes),
        "jsd_markov": _markov(*two, symbols, classes),
    }
    return {name + suffix: _macro(values, real, synthetic) for name, values in found.items()}


def binned(real, synthetic):
    """Number of packets, and n-grams in bins."""

    def bins(length, pl_max):
        of_direction = (np.abs(length) - 1) * BINS // pl_max
        return np.where(length > 0, BINS + of_direction, BINS - 1 - of_direction)

    key, *sides = _tally(*(side.label * side.packets + side.lengths() - 1 for side in (real, synthetic)))
    lengths = _divergences(*sides, key // real.packets, len(real.classes))
    return {"jsd_numpackets": _macro(lengths, real, synthetic), **_ngrams(real, synthetic, bins, 2 * BINS, "")}


def raw(real, synthetic):
    """n-grams of lengths as they are."""
    return _ngrams(real, synthetic, lambda length, pl_max: length + pl_max, 2 * real.pl_max + 1, "_raw")


def uniqueness(real, synthetic):
    """UniqAlign, leakage and train_share."""
    rows = np.concatenate([real.signed_pl, synthetic.signed_pl])
    label = np.concatenate([real.label, synthetic.label])

    def shares(group, groups):
        table = np.column_stack([group, rows])
        distinct, code = np.unique(table, axis=0, return_inverse=True)
        on_real, on_synthetic = (np.bincount(c, minlength=len(distinct)) for c in np.split(code.ravel(), [len(real)]))

        def total(values):
            return np.bincount(distinct[:, 0], values, groups)

        shared = (on_real > 0) & (on_synthetic > 0)
        sizes = [np.maximum(total(side), 1) for side in (on_real, on_synthetic)]
        uniqalign = np.abs(total(on_real > 0) / sizes[0] - total(on_synthetic > 0) / sizes[1])
        leakage = total(shared) / np.maximum(total((on_real > 0) | (on_synthetic > 0)), 1)
        return uniqalign, leakage, total(on_synthetic * (on_real > 0)) / sizes[1]

    uniqalign, leakage, train_share = shares(np.zeros_like(label), 1)
    uniqalign_macro, leakage_macro, _ = shares(label, len(real.classes))
    known = real.class_counts() > 0
    return {
        "uniqalign": float(uniqalign[0]),
        "leakage": float(leakage[0]),
        "train_share": float(train_share[0]),
        "uniqalign_macro": float(np.where(synthetic.class_counts() > 0, uniqalign_macro, 1.0)[known].mean()),
        "leakage_macro": float(leakage_macro[known].mean()),
    }
