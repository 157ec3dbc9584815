"""Damaged files: each is read or refused with an error of ours. The long form is `python -m benchmarks.fuzz_tables`."""

import pytest

from benchmarks.fuzz_tables import NAMES, readers, tried


def test_every_reader_is_tried(tmp_path):
    assert tuple(readers(tmp_path)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_read_or_refused(tmp_path, name):
    found = tried(readers(tmp_path)[name], name, 0, 40, tmp_path)
    assert found["escaped"] == []
    assert found["refused"] > 0
