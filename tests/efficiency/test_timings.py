"""What the rounds of a system hand on from one process to the next."""

from pathlib import Path

import pytest

from ntgbench.efficiency.settings import EFFICIENCY_VERSION
from ntgbench.efficiency.timings import Timings, read, write

ROUND = Timings([0.1, 0.2], [1.0], {1: 0.1, 512: 2.0}, {8: 0.4}, [1.0], [2.0], [0.001], {"others_use": 1.5})


def test_rounds_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "times.json"
    write(path, [ROUND, Timings()])
    assert read(path) == [ROUND, Timings()]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[:-20],
        lambda text: "[]",
        lambda text: "{}",
        lambda text: text.replace("0.1", '"0.1"'),
        lambda text: text.replace(f'"version":{EFFICIENCY_VERSION}', '"version":5'),
        lambda text: text + "\udcff",
    ],
)
def test_a_damaged_file_or_one_of_another_version_has_no_rounds(tmp_path: Path, spoil) -> None:
    path = tmp_path / "times.json"
    assert read(path) == []
    write(path, [ROUND])
    path.write_text(spoil(path.read_text()), errors="surrogateescape")
    assert read(path) == []
