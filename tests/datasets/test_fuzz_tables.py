"""Damaged files: each is read or refused with an error of ours. The long form is `python -m benchmarks.fuzz_tables`."""

import pytest

from benchmarks.fuzz_tables import readers, tried

NAMES = sorted(readers())


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_read_or_refused(tmp_path, name):
    found = tried(readers()[name], name, 0, 60, tmp_path)
    assert found["escaped"] == []
    assert found["refused"] > 0
