"""Tables whose lengths are signed, as ours are."""

import pytest
from made_tables import APPS, LENGTHS, UPSTREAM, check, signs, write

from ntgbench.datasets.reading import read_flows
from ntgbench.datasets.tables import read_table
from ntgbench.errors import DatasetError

SIGNED = [
    [value if way else -value for value, way in zip(*row, strict=True)] for row in zip(LENGTHS, UPSTREAM, strict=True)
]


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
@pytest.mark.parametrize("column", ["pkts_len", "signed_pl"])
def test_signed_lengths_without_directions_are_taken_as_they_are(tmp_path, name, column):
    cells = SIGNED if name == "t.parquet" else [str(row) for row in SIGNED]
    flows, notes = read_table(write(tmp_path / name, {"app": APPS, column: cells}))
    check(flows)
    assert notes == ()


def test_signed_lengths_that_all_go_upstream_must_be_called_so(tmp_path):
    path = write(tmp_path / "t.parquet", {"app": ["a"], "pkts_len": [[1, 2]]})
    assert read_table(path, {"direction": "pkts_len"})[0].signed_pl.tolist() == [1, 2]


def test_signed_lengths_beside_directions_must_agree_with_them(tmp_path):
    path = write(tmp_path / "t.parquet", {"app": APPS, "pkts_len": SIGNED, "pkts_dir": signs()})
    check(read_table(path)[0])
    write(path, {"app": APPS, "pkts_len": SIGNED, "pkts_dir": signs(up=-1, down=1)})
    with pytest.raises(DatasetError, match="payload lengths are not negative"):
        read_flows(path)
