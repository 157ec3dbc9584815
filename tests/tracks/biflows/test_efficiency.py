import numpy as np
import pytest

from ntgbench.efficiency.settings import Efficiency
from ntgbench.errors import NtgbenchError
from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows.efficiency import training_set, workload

SMALL = Efficiency(classes=3, items=8, samples=4)


def test_the_largest_classes_take_turns() -> None:
    full = example_traffic()
    made = training_set(full, SMALL, 0)
    counts = dict(zip(full.classes, full.class_counts(), strict=True))
    assert sorted(counts[name] for name in made.classes) == sorted(counts.values())[-3:]
    assert made.label.tolist() == [0, 1, 2] * 8
    for label, name in enumerate(made.classes):
        own = {tuple(row) for row in full.signed_pl[full.label == full.classes.index(name)].tolist()}
        assert {tuple(row) for row in made.signed_pl[made.label == label].tolist()} <= own


def test_small_classes_are_repeated_and_missing_ones_refused() -> None:
    few = example_traffic().select([0])
    with pytest.raises(NtgbenchError, match="needs biflows of 3 classes, and 1 has any"):
        training_set(few, SMALL, 0)
    one = training_set(few, Efficiency(classes=1, items=5), 0)
    assert (one.signed_pl == few.signed_pl[0]).all()
    assert len(one) == 5


def test_requests_ask_for_all_classes_in_turn() -> None:
    work = workload(example_traffic(), SMALL, 0)
    assert np.concatenate([labels for (labels,) in work.singles]).tolist() == [0, 1, 2] * 4
    assert work.batch(5)[0].tolist() == [0, 1, 2, 0, 1]
    assert (work.units, len(work.first(7))) == (24, 7)
    assert work.packets is not None
    assert work.packets(work.first(7)) == work.first(7).lengths().mean()
