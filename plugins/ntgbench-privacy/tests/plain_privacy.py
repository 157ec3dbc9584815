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

    def grams(row):
        """Each symbol of a row, after each of its contexts from the shortest one on."""
        sequence = ["start", *symbols(row, len(row))]
        for at in range(1, len(sequence)):
            yield sequence[at], [tuple(sequence[at - k : at]) for k in range(min(order, at) + 1)]

    follows = defaultdict(Counter)
    for other in counted:
        for symbol, contexts in grams(other):
            for context in contexts:
                follows[context][symbol] += 1
    total = 0.0
    for symbol, contexts in grams(row):
        p = 1 / (2 * pl_max + 1)
        for after in map(follows.get, contexts):
            if after:
                p = (after[symbol] + len(after) * p) / (sum(after.values()) + len(after))
        total += np.log(p)
    return total
