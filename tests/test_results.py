import json
from pathlib import Path

import pytest
from made_rows import make_row

from ntgbench.errors import NtgbenchError
from ntgbench.files import replacing, write_text
from ntgbench.results import ROWS_FILE, Row, identity, merge_rows, read_rows

OLD = Path(__file__).parent / "rows_of_schema_1.jsonl"


def test_rows_round_trip_sorted(tmp_path: Path) -> None:
    rows = [make_row("markov", 1), make_row("copy", 0), make_row("markov", 0)]
    merged = merge_rows(tmp_path, rows)
    assert merged == read_rows(tmp_path / ROWS_FILE)
    assert [(row["system"], row["seed"]) for row in merged] == [("copy", 0), ("markov", 0), ("markov", 1)]


def test_a_later_row_about_the_same_takes_the_earlier_ones_place(tmp_path: Path) -> None:
    merge_rows(tmp_path, [make_row("copy", 0, value=0.1), make_row("markov", 0)])
    merged = merge_rows(tmp_path, [make_row("copy", 0, value=0.2)])
    assert [row["metrics"]["utility/macro_f1"]["value"] for row in merged] == [0.2, 0.5]


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset_digest": "y"},
        {"protocol_digest": "y"},
        {"params": {"order": 2}},
        {"distribution_version": "2"},
        {"seed": 4},
    ],
)
def test_rows_about_something_else_stay(changed: dict) -> None:
    row = make_row("copy", 0)
    other: Row = {**row, **changed}
    assert identity(row) != identity(other)


def test_rows_that_were_published_still_load() -> None:
    """A row of the first schema, as `ntgbench run` wrote it."""
    assert read_rows(OLD)[0]["metrics"]["utility/macro_f1"]["version"] == 1


@pytest.mark.parametrize("line", ["{", "[]", "3", "{}", json.dumps({**make_row("a", 0), "schema": 99})])
def test_what_is_no_row_is_refused_by_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / ROWS_FILE
    path.write_text(json.dumps(make_row("copy", 0)) + "\n" + line + "\n")
    with pytest.raises(NtgbenchError, match="line 2"):
        read_rows(path)


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_text(path, "old")

    def fail_half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]
