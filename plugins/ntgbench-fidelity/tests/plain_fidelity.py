"""The fidelity metrics straight from their definitions, with dictionaries and loops: slow, and easy to trust."""

from collections import Counter
from itertools import combinations, pairwise
from math import log2

BINS = 10


def jsd(one, other):
    """Jensen-Shannon divergence, base 2, of two Counters; 0 when both are empty, 1 when one is."""
    if not one and not other:
        return 0.0
    if not one or not other:
        return 1.0
    total_one, total_other = sum(one.values()), sum(other.values())
    divergence = 0.0
    for key in one.keys() | other.keys():
        p, q = one[key] / total_one, other[key] / total_other
        m = (p + q) / 2
        if p > 0:
            divergence += p * log2(p / m) / 2
        if q > 0:
            divergence += q * log2(q / m) / 2
    return divergence


def markov(real_pairs, synthetic_pairs):
    """Divergence of what follows each symbol, weighted by how often the symbol starts a pair."""
    if not real_pairs and not synthetic_pairs:
        return 0.0
    if not real_pairs or not synthetic_pairs:
        return 1.0
    sides = []
    for pairs in (real_pairs, synthetic_pairs):
        rows = {}
        for (first, second), count in pairs.items():
            rows.setdefault(first, Counter())[second] += count
        sides.append(rows)
    divergence = 0.0
    for first in sides[0].keys() | sides[1].keys():
        rows = [side.get(first, Counter()) for side in sides]
        weight = sum(rows[0].values()) / sum(real_pairs.values()) + sum(rows[1].values()) / sum(
            synthetic_pairs.values()
        )
        divergence += weight / 2 * jsd(*rows)
    return divergence


def bin_of(length, pl_max):
    """Direction and bin of a signed payload length: (0, pl_max/10], (pl_max/10, 2 pl_max/10], …"""
    upper = 0
    while abs(length) * BINS > (upper + 1) * pl_max:
        upper += 1
    return (1 if length > 0 else -1, upper)


def packets_of(biflows, label):
    """Packets of each biflow of a class, as lists without padding."""
    rows = zip(biflows.signed_pl.tolist(), biflows.label.tolist(), strict=True)
    return [[length for length in row if length] for row, of_class in rows if of_class == label]


def grams(flows):
    """Counts of single symbols and of pairs of successive ones."""
    singles, pairs = Counter(), Counter()
    for flow in flows:
        singles.update(flow)
        pairs.update(pairwise(flow))
    return singles, pairs


def _ngrams(flows, others, suffix):
    (singles, pairs), (other_singles, other_pairs) = grams(flows), grams(others)
    return {
        f"jsd_1gram{suffix}": jsd(singles, other_singles),
        f"jsd_2gram{suffix}": jsd(pairs, other_pairs),
        f"jsd_markov{suffix}": markov(pairs, other_pairs),
    }


def _macro(real, synthetic, of_class):
    """Means over the classes that `real` has; a class without synthetic biflows counts 1."""
    present = sorted(set(real.label.tolist()))
    values = []
    for label in present:
        flows, others = packets_of(real, label), packets_of(synthetic, label)
        found = of_class(flows, others)
        values.append(found if others else dict.fromkeys(found, 1.0))
    return {name: sum(value[name] for value in values) / len(present) for name in values[0]}


def binned(real, synthetic):
    """Number of packets, and n-grams in bins."""
    bins = {length: bin_of(length, real.pl_max) for length in range(-real.pl_max, real.pl_max + 1) if length}

    def of_class(flows, others):
        lengths = [Counter(len(flow) for flow in side) for side in (flows, others)]
        in_bins = [[[bins[length] for length in flow] for flow in side] for side in (flows, others)]
        return {"jsd_numpackets": jsd(*lengths), **_ngrams(*in_bins, "")}

    return _macro(real, synthetic, of_class)


def raw(real, synthetic):
    """n-grams of lengths as they are."""
    return _macro(real, synthetic, lambda flows, others: _ngrams(flows, others, "_raw"))


def long_binned(real, synthetic):
    """Grams of three to five bins."""
    bins = {length: bin_of(length, real.pl_max) for length in range(-real.pl_max, real.pl_max + 1) if length}
    return _macro(real, synthetic, lambda *sides: _long_grams([[[bins[x] for x in f] for f in s] for s in sides], ""))


def long_raw(real, synthetic):
    """Grams of three to five lengths as they are."""
    return _macro(real, synthetic, lambda *sides: _long_grams(sides, "_raw"))


def _long_grams(sides, suffix):
    found = {}
    for n in (3, 4, 5):
        counts = [Counter(tuple(flow[i : i + n]) for flow in side for i in range(len(flow) - n + 1)) for side in sides]
        found[f"jsd_{n}gram{suffix}"] = jsd(*counts)
    return found


def by_position(real, synthetic):
    """Divergence at each position, where there may be no packet, averaged over positions."""

    def of_class(*sides):
        found = {"jsd_position": 0.0, "jsd_position_raw": 0.0}
        for i in range(real.packets):
            lengths = [[flow[i] if i < len(flow) else None for flow in side] for side in sides]
            bins = [[length and bin_of(length, real.pl_max) for length in side] for side in lengths]
            found["jsd_position"] += jsd(*map(Counter, bins)) / real.packets
            found["jsd_position_raw"] += jsd(*map(Counter, lengths)) / real.packets
        return found

    return _macro(real, synthetic, of_class)


def kmarginal(real, synthetic):
    """Mean distance of the shares of class and bins at three positions, over all triples of positions."""
    sides = [
        [(label, *(length and bin_of(length, real.pl_max) for length in row)) for label, row in _rows(side)]
        for side in (real, synthetic)
    ]
    distances = []
    for triple in combinations(range(real.packets), min(3, real.packets)):
        one, other = (Counter((row[0], *(row[1 + i] for i in triple)) for row in side) for side in sides)
        cells = one.keys() | other.keys()
        distances.append(sum(abs(one[cell] / len(real) - other[cell] / len(synthetic)) for cell in cells) / 2)
    return {"kmarginal": sum(distances) / len(distances)}


def _rows(biflows):
    return zip(biflows.label.tolist(), biflows.signed_pl.tolist(), strict=True)


def distance(one, other, pl_max):
    """Of two padded biflows: differences of lengths, and pl_max where directions differ or one has no packet."""
    return sum(abs(a - b) + pl_max * ((a > 0) - (a < 0) != (b > 0) - (b < 0)) for a, b in zip(one, other, strict=True))


def coverage(real, synthetic, k=5):
    """Coverage and density, with equal real biflows as one point that weighs as much as they are."""
    by_class = []
    for label in sorted(set(real.label.tolist())):
        own = Counter(tuple(row) for of_class, row in _rows(real) if of_class == label)
        others = [tuple(row) for of_class, row in _rows(synthetic) if of_class == label]
        covered = density = 0.0
        for centre, times in own.items():
            to_others = sorted(distance(centre, row, real.pl_max) for row in own if row != centre)
            radius = (to_others[:k] or [0])[-1]
            near = sum(distance(centre, row, real.pl_max) <= radius for row in others)
            real_near = sum(count for row, count in own.items() if distance(centre, row, real.pl_max) <= radius)
            covered += times * (near > 0)
            if others:
                density += times * (near / len(others)) / (real_near / sum(own.values()))
        by_class.append((covered / sum(own.values()), density / sum(own.values())))
    return {name: sum(pair[i] for pair in by_class) / len(by_class) for i, name in enumerate(("coverage", "density"))}


def uniqueness(real, synthetic):
    """UniqAlign, leakage and train_share over all biflows together; the first two also class by class."""
    real_rows, synthetic_rows = ([tuple(row) for row in side.signed_pl.tolist()] for side in (real, synthetic))
    real_set = set(real_rows)
    uniqalign, leakage = _overlap(real_rows, synthetic_rows)
    by_class = []
    for label in sorted(set(real.label.tolist())):
        own = [
            [row for row, other in zip(rows, side.label.tolist(), strict=True) if other == label]
            for rows, side in ((real_rows, real), (synthetic_rows, synthetic))
        ]
        by_class.append(_overlap(*own) if own[1] else (1.0, 0.0))
    return {
        "uniqalign": uniqalign,
        "leakage": leakage,
        "train_share": sum(row in real_set for row in synthetic_rows) / len(synthetic_rows),
        "uniqalign_macro": sum(pair[0] for pair in by_class) / len(by_class),
        "leakage_macro": sum(pair[1] for pair in by_class) / len(by_class),
    }


def _overlap(real_rows, synthetic_rows):
    real_set, synthetic_set = set(real_rows), set(synthetic_rows)
    uniqalign = abs(len(real_set) / len(real_rows) - len(synthetic_set) / len(synthetic_rows))
    return uniqalign, len(real_set & synthetic_set) / len(real_set | synthetic_set)
