"""rows.jsonl with damaged lines, put back from the folder of runs."""

import json
from pathlib import Path

import pytest
from made_rows import make_row

from ntgbench.errors import NtgbenchError
from ntgbench.report.publish import publish
from ntgbench.report.repair import repair
from ntgbench.results import read_rows

ROWS = [make_row(system, seed) for system in ("a", "b") for seed in range(2)]


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    for row in ROWS:
        cell = tmp_path / "runs" / "quick" / "made-1" / row["system"] / f"seed{row['seed']}-1"
        cell.mkdir(parents=True)
        (cell / "result.json").write_text(json.dumps(row, indent=1))
    publish(ROWS, tmp_path / "boards")
    return tmp_path / "boards" / "rows.jsonl"


def test_a_whole_file_stays_as_it_is(boards: Path, tmp_path: Path) -> None:
    before = boards.stat().st_mtime_ns
    assert repair(boards.parent, tmp_path / "runs") == []
    assert repair(tmp_path / "nothing", tmp_path / "runs") == []
    assert boards.stat().st_mtime_ns == before


@pytest.mark.parametrize("kept", [1, 2, 100, 400, -2])
def test_a_torn_last_line_comes_back(boards: Path, tmp_path: Path, kept: int) -> None:
    whole = boards.read_bytes()
    *lines, last = whole.splitlines(keepends=True)
    boards.write_bytes(b"".join(lines) + last[:kept])
    (told,) = repair(boards.parent, tmp_path / "runs")
    assert "line 4 was damaged" in told
    assert boards.read_bytes() == whole


def test_a_line_of_zeros_comes_back(boards: Path, tmp_path: Path) -> None:
    whole = boards.read_bytes()
    *lines, last = whole.splitlines(keepends=True)
    boards.write_bytes(b"".join(lines) + bytes(len(last)))
    assert len(repair(boards.parent, tmp_path / "runs")) == 1
    assert boards.read_bytes() == whole


def test_a_line_that_was_edited_comes_back(boards: Path, tmp_path: Path) -> None:
    whole = boards.read_text()
    boards.write_text(whole.replace('"status": "ok"', '"status": ok', 2))
    assert len(repair(boards.parent, tmp_path / "runs")) == 2
    assert boards.read_text() == whole


def test_a_row_that_no_cell_has_is_told_with_what_to_do(boards: Path, tmp_path: Path) -> None:
    boards.write_bytes(boards.read_bytes()[:-50])
    before = boards.read_bytes()
    with pytest.raises(NtgbenchError, match=rf"line 4: not a row: .*--runs.*sed -i 4d {boards}"):
        repair(boards.parent, tmp_path / "elsewhere")
    assert boards.read_bytes() == before
    with pytest.raises(NtgbenchError, match=rf"`ntgbench run`.*`sed -i 4d {boards}`"):
        publish([], boards.parent)


def test_results_that_are_damaged_themselves_are_passed_over(boards: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "runs" / "quick" / "made-1" / name / "seed0-1" / "result.json").write_text("{")
    boards.write_bytes(boards.read_bytes()[:-50])
    repair(boards.parent, tmp_path / "runs")
    assert read_rows(boards) == ROWS
