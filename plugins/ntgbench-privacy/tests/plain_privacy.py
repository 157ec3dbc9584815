"""The definitions of the privacy metrics, translated into plain Python: slow, and independent of ours."""

from collections import Counter, defaultdict

import numpy as np

APART, TOLERANCE = 100, 1.0


def key(row):
    return tuple(int(value) for value in row)


def single_rows(train, test):
    """Rows that occur once in both sets together, sorted, with whether each is a training row."""
    times = Counter(map(key, [*train, *test]))
    members = {key(row) for row in train}
    return [(row, row in members) for row in sorted(row for row, count in times.items() if count == 1)]


def distance(one, other):
    """Of two rows: differences of the signed lengths, and 100 for each sign that is one step away."""
    return sum(abs(a - b) + APART * abs(np.sign(a) - np.sign(b)) for a, b in zip(one, other, strict=True))


def nearest(rows, among):
    return [min(1000, *(distance(row, other) for other in among)) for row in rows]


def is_near(one, other):
    """Same packets and directions, and lengths within 2 bytes, or a step of 1% on a logarithmic scale above 200."""

    def scale(length):
        return length / 2 if length <= 200 else 100 + 100 * np.log(length / 200)

    return all(
        np.sign(a) == np.sign(b) and abs(scale(abs(a)) - scale(abs(b))) <= TOLERANCE + 1e-9
        for a, b in zip(one, other, strict=True)
    )


def symbols(row, packets):
    row = [value for value in row if value]
    return row if len(row) == packets else [*row, 0]


def log_probability(row, counted, order, pl_max):
    """ln p of a row by a chain that is counted on other rows, with Witten-Bell smoothing."""
    packets = len(row)
    follows = [defaultdict(Counter) for _ in range(order + 1)]
    for other in counted:
        sequence = ["start", *symbols(other, packets)]
        for at in range(1, len(sequence)):
            for k in range(order + 1):
                follows[k][tuple(sequence[max(at - k, 0 if k else at) : at])][sequence[at]] += 1
    total = 0.0
    sequence = ["start", *symbols(row, packets)]
    for at in range(1, len(sequence)):
        p = 1 / (2 * pl_max + 1)
        for k in range(order + 1):
            after = follows[k][tuple(sequence[max(at - k, 0 if k else at) : at])]
            if after:
                p = (after[sequence[at]] + len(after) * p) / (sum(after.values()) + len(after))
        total += np.log(p)
    return total
