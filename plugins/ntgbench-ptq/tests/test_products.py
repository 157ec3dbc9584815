"""Products of int8 numbers are exact on every processor."""

import os
import subprocess
import sys

import torch
from ntgbench_ptq.products import exact_products

PROGRAM = """
import numpy as np, torch
from ntgbench_ptq.products import exact_products, overflows
from ntgbench_ptq.quantization import CONFIGS, quantize_
rng = np.random.default_rng(1)
for rows in (1, 2, 33):
    # Numbers that all become the largest or the smallest whole number.
    x, weight = (rng.choice([-1.0, 1.0], shape, p=[.1, .9]).astype(np.float32) for shape in ((rows, 144), (40, 144)))
    layer = torch.nn.Linear(144, 40, bias=False)
    layer.weight.data = torch.from_numpy(weight)
    quantize_(layer, CONFIGS["int8-da"]())
    with torch.inference_mode(), exact_products():
        found = layer(torch.from_numpy(x)).numpy()
    # A whole number is off by at most one 255th of the largest, on both sides.
    np.testing.assert_allclose(found, x.astype(float) @ weight.T, rtol=0, atol=144 * 2.01 / 127)
with exact_products():
    x, weight = (torch.full(shape, 127, dtype=torch.int8) for shape in ((33, 144), (144, 40)))
    assert (torch._int_mm(x, weight) == 127 * 127 * 144).all()
print("overflows" if overflows() else "exact")
"""


def test_large_numbers_on_a_processor_without_vnni() -> None:
    """oneDNN is told to do without VNNI; where there is AVX-512 its products are then wrong."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("overflows", "exact")


def test_what_is_switched_for_exact_products_is_switched_back() -> None:
    before = torch.backends.mkldnn.enabled
    with exact_products():
        pass
    assert torch.backends.mkldnn.enabled == before
