import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from made_rows import quality, timed

from ntgbench.report.pictures import KINDS
from ntgbench.results import to_text

Command = Callable[..., object]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    made = [timed("a", 1.0, 1.0, 1.0), timed("b", 2.0, 2.0, 2.0), quality("a", 0.9, 0.1), quality("b", 0.8, 0.2)]
    path.write_text(to_text(made))
    return path


def test_pictures_are_written_and_named(rows: Path, tmp_path: Path, command: Command) -> None:
    done = command("plot", "tradeoff", "--rows", rows, "--out", "here")
    files = sorted((tmp_path / "here").glob("*.svg"))
    assert done.stdout.splitlines() == [f"here/made-tradeoff-1-{cost}.svg" for cost in ("time", "size")]
    assert {path.name for path in files} == {Path(line).name for line in done.stdout.splitlines()}
    for path in files:
        ElementTree.fromstring(path.read_text())
    before = {path: path.read_bytes() for path in files}
    assert command("plot", "--rows", rows, "--out", "here").returncode == 0
    assert {path: path.read_bytes() for path in files} == before


def test_a_file_of_somebody_else_is_overwritten_by_force_alone(rows: Path, tmp_path: Path, command: Command) -> None:
    mine = tmp_path / "made-tradeoff-1-time.svg"
    mine.write_text("<svg/>")
    done = command("plot", "--rows", rows, "--out", ".")
    assert done.returncode == 1
    assert "made-tradeoff-1-time.svg was not drawn by this command" in done.stderr
    assert mine.read_text() == "<svg/>"
    assert not (tmp_path / "made-tradeoff-1-size.svg").exists()
    assert command("plot", "--rows", rows, "--out", ".", "--force").returncode == 0
    assert mine.read_text() != "<svg/>"


def test_what_rows_lack_is_named_with_the_command_that_makes_it(rows: Path, tmp_path: Path, command: Command) -> None:
    done = command("plot", "mixing", "--rows", rows)
    assert done.returncode == 1
    assert "no numbers for the picture mixing" in done.stderr
    assert "`ntgbench run --suite mixing`" in done.stderr
    assert not (tmp_path / "pictures").exists()
    assert "`ntgbench run` makes it" in command("plot", "--rows", "nowhere.jsonl").stderr


def test_filters_choose_rows_and_unknown_names_are_refused(rows: Path, command: Command) -> None:
    assert "did you mean made?" in command("plot", "--rows", rows, "-d", "mode").stderr
    assert "has no row of the system 'c'" in command("plot", "--rows", rows, "-s", "c").stderr
    assert command("plot", "--rows", rows, "--suite", "tradeoff").returncode == 0
    assert command("plot", "--rows", rows, "--suite", "utility").returncode == 1


def test_help_lists_every_kind_and_unknown_ones_are_refused(rows: Path, command: Command) -> None:
    text = command("plot", "--help").stdout
    assert all(name in text and kind.summary in text for name, kind in KINDS.items())
    assert command("plot", "nothing", "--rows", rows).returncode == 2
