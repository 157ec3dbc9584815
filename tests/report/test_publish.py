from pathlib import Path

import pytest
from made_rows import make_row

from ntgbench.errors import NtgbenchError
from ntgbench.report.publish import publish, stale
from ntgbench.results import read_rows


def test_rows_and_boards_are_written_and_not_stale(tmp_path: Path) -> None:
    written = publish([make_row("a", 0)], tmp_path)
    assert {path.name for path in written} == {"README.md", "index.html", "made-utility.md"}
    assert stale(tmp_path) == []
    assert read_rows(tmp_path / "rows.jsonl") == [make_row("a", 0)]


def test_stale_names_what_is_edited_missing_or_left_over(tmp_path: Path) -> None:
    publish([make_row("a", 0)], tmp_path)
    board = tmp_path / "made-utility.md"
    (tmp_path / "gone-utility.md").write_text(board.read_text())
    board.write_text(board.read_text() + "edited")
    (tmp_path / "README.md").unlink()
    (tmp_path / "notes.md").write_text("mine")
    assert stale(tmp_path) == ["README.md", "gone-utility.md", "made-utility.md"]
    publish([], tmp_path)
    assert stale(tmp_path) == []
    # What nobody but the user wrote stays; what has no row any more goes.
    assert (tmp_path / "notes.md").read_text() == "mine"
    assert not (tmp_path / "gone-utility.md").exists()


def test_somebody_elses_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("my project")
    with pytest.raises(NtgbenchError, match="was not written by ntgbench"):
        publish([make_row("a", 0)], tmp_path)
    assert (tmp_path / "README.md").read_text() == "my project"
    assert not (tmp_path / "rows.jsonl").exists()


def test_nothing_to_publish_writes_nothing(tmp_path: Path) -> None:
    assert publish([], tmp_path) == []
    assert list(tmp_path.glob("[!.]*")) == []


def test_rows_that_differ_in_nothing_are_one(tmp_path: Path) -> None:
    for _ in range(2):
        publish([make_row("a", 1), make_row("a", 0)], tmp_path)
    assert [row["seed"] for row in read_rows(tmp_path / "rows.jsonl")] == [0, 1]
