"""What the processes of a cell hand on to one another."""

from pathlib import Path

import pytest

from ntgbench.costs.times import Times, read
from ntgbench.costs.timing import visit

TIMES = Times(
    rounds=1,
    train_biflows=60,
    fewer=30,
    longer=[visit([[1.0, 2.0], [2.0, 1.0]])],
    shorter=[visit([[0.5], [0.25, 0.25]])],
    samples=3,
    sampled=[visit([[0.1, 0.2]])],
    first=[visit([[1.0]])],
    references=[0.001],
    sample_calls={1: 0.1, 1024: 2.0},
    trainings={32: {32: 0.1, 160: 0.4}},
)


def test_times_are_read_as_they_were_written(tmp_path: Path) -> None:
    TIMES.write(tmp_path / "times.json")
    assert read(tmp_path / "times.json") == TIMES


@pytest.mark.parametrize("spoil", [lambda text: "", lambda text: text[:-20], lambda text: "[]", lambda text: "{}"])
def test_damaged_times_are_none(tmp_path: Path, spoil) -> None:
    path = tmp_path / "times.json"
    assert read(path) == Times()
    TIMES.write(path)
    path.write_text(spoil(path.read_text()))
    assert read(path) == Times()


def test_times_of_another_version_are_none(tmp_path: Path) -> None:
    path = tmp_path / "times.json"
    TIMES.write(path)
    path.write_text(path.read_text().replace(f'"version": {TIMES.version}', '"version": 1'))
    assert read(path) == Times()
