"""CESNET tables: lengths, directions and iat in one cell, or in columns of their own."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from made_tables import flat, write

from ntgbench.datasets.tables import read_table
from ntgbench.errors import DatasetError

CESNET_CELL = [[[0, 5, 20], [1, -1, 1], [300, 1400, 50]], [[0], [1], [99]]]


@pytest.mark.parametrize("padded_to", [None, 30])
@pytest.mark.parametrize("form", ["nested", "flat", "text"])
def test_cesnet_ppi_in_one_cell(tmp_path, form, padded_to):
    cells = [[part + [0] * ((padded_to or len(part)) - len(part)) for part in cell] for cell in CESNET_CELL]
    if form == "flat":
        cells = [flat(cell) for cell in cells]
    if form == "text":
        cells = [json.dumps(cell) for cell in cells]
    path = write(tmp_path / "t.parquet", {"APP": ["a", "b"], "PPI": cells, "PPI_LEN": [3, 1]})
    flows, notes = read_table(path)
    assert flows.signed_pl.tolist() == [300, -1400, 50, 99]
    np.testing.assert_allclose(flows.iat, [0, 0.005, 0.020, 0])
    assert notes == ()


@pytest.mark.parametrize("kind", [pa.list_, pa.large_list, pa.list_view, pa.large_list_view])
def test_cesnet_ppi_in_lists_of_any_kind_with_empty_cells(tmp_path, kind):
    cells = pa.array([CESNET_CELL[0], None, [], [[], [], []], CESNET_CELL[1]], kind(kind(pa.float32())))
    path = write(tmp_path / "t.parquet", {"app": ["a"] * 5, "ppi": cells})
    flows, notes = read_table(path)
    assert flows.signed_pl.tolist() == [300, -1400, 50, 99]
    assert flows.offsets.tolist() == [0, 3, 4]
    assert notes == ("left out 3 flows that carry no payload",)


def test_cesnet_ppi_in_columns_of_its_own(tmp_path):
    iat, directions, sizes = ([cell[part] for cell in CESNET_CELL] for part in range(3))
    path = write(tmp_path / "t.parquet", {"app": ["a", "b"], "ppi_size": sizes, "ppi_dir": directions, "ppi_ipt": iat})
    flows, _ = read_table(path)
    assert flows.signed_pl.tolist() == [300, -1400, 50, 99]
    np.testing.assert_allclose(flows.iat, [0, 0.005, 0.020, 0])


@pytest.mark.parametrize(
    "cells", [[[[0, 1], [1, -1]]], [[[0, 1], [1], [20, 30]]], [[0, 1, 1, -1]], ["[[0, 1], [1, -1]]"]]
)
def test_a_ppi_cell_has_three_lists_of_one_length(tmp_path, cells):
    path = write(tmp_path / "t.parquet", {"app": ["a"], "ppi": cells})
    with pytest.raises(DatasetError, match="'ppi', row 0: a PPI cell has three lists"):
        read_table(path)
