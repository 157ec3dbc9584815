"""Products of int8 numbers are exact on every processor."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from ntgbench_ptq.products import exact_products, wide_type

PROGRAM = """
import numpy as np, torch
from ntgbench_ptq.products import exact_products, overflows
from ntgbench_ptq.quantization import CONFIGS, quantize_
from ntgbench_ptq.tuned import Int8Matrix
rng = np.random.default_rng(1)
for rows in (1, 2, 33):
    # Numbers that all become the largest or the smallest whole number.
    x, weight = (rng.choice([-1.0, 1.0], shape, p=[.1, .9]).astype(np.float32) for shape in ((rows, 144), (40, 144)))
    exact = x.astype(float) @ weight.T
    layer = torch.nn.Linear(144, 40, bias=False)
    layer.weight.data = torch.from_numpy(weight)
    quantize_(layer, CONFIGS["int8-da"]())
    with torch.inference_mode(), exact_products():
        eager = layer(torch.from_numpy(x)).numpy()
    tuned = x @ Int8Matrix(layer.weight.dequantize().t().numpy(), layer.weight.qdata)
    for found in (eager, tuned):
        # A whole number is off by at most one 255th of the largest, on both sides.
        np.testing.assert_allclose(found, exact, rtol=0, atol=144 * 2.01 / 127)
    np.testing.assert_allclose(tuned, eager, rtol=1e-5)
print("overflows" if overflows() else "exact")
"""


def test_large_numbers_on_a_processor_without_vnni() -> None:
    """oneDNN is told to do without; where there is AVX-512 its products are then wrong."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("overflows", "exact")


@pytest.mark.parametrize("inputs", [1, 1024, 1025, 5000])
def test_floating_point_holds_sums_of_products_exactly(inputs) -> None:
    x = torch.full((2, inputs), -128.0, dtype=wide_type(inputs))
    x[1, 0] = 127.0
    found = (x.numpy() @ x.numpy().T).astype(np.int64)
    whole = x.numpy().astype(np.int64)
    np.testing.assert_array_equal(found, whole @ whole.T)


def test_what_is_switched_for_exact_products_is_switched_back() -> None:
    before = torch.backends.mkldnn.enabled
    with exact_products():
        pass
    assert torch.backends.mkldnn.enabled == before
