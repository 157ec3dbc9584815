"""Products of integers are exact on every processor, and no row of a batch changes another."""

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_token_systems import TRAFFIC, derived
from ntgbench_onnx.checks import never_overflows
from ntgbench_onnx.generator import Int8OnnxGenerator
from ntgbench_onnx.graph import LOGITS, ROWS, TOKENS, Graph
from ntgbench_onnx.steps import session
from onnx import numpy_helper

WIDE = st.floats(-1e6, 1e6, width=32)
Integers = npt.NDArray[np.int64]


@pytest.fixture(params=["llama", "mamba"])
def exported(request) -> Int8OnnxGenerator:
    return derived(request.param, "onnx-int8")


def products(file: bytes) -> list[tuple[onnx.NodeProto, Integers]]:
    """Each product of integers and its weight, (inputs, outputs), as the graph has it."""
    graph = onnx.load_model_from_string(file).graph
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    turned = {node.output[0]: stored[node.input[0]].T for node in graph.node if node.op_type == "Transpose"}
    return [(node, turned[node.input[1]].astype(np.int64)) for node in graph.node if node.op_type == "MatMulInteger"]


def saturating(x: Integers, weight: Integers) -> Integers:
    """The product of bytes 0..255, (rows, inputs), as x86 without VNNI computes it.

    vpmaddubsw multiplies unsigned by signed bytes and adds neighbours in 16 bits with saturation; sums of these are
    in 32 bits. https://www.intel.com/content/www/us/en/docs/intrinsics-guide (_mm256_maddubs_epi16)
    """
    odd = x.shape[1] % 2
    x, weight = np.pad(x, ((0, 0), (0, odd))), np.pad(weight, ((0, odd), (0, 0)))
    pairs = x[:, :, None] * weight
    pairs = pairs[:, 0::2] + pairs[:, 1::2]
    return np.clip(pairs, -(2**15), 2**15 - 1).sum(axis=1)


def of_layer(weight: npt.NDArray[np.float32], rows: npt.NDArray[np.float32]) -> bytes:
    """A graph of one int8 layer, whose tokens are the numbers of `rows`."""
    model = torch.nn.Module()
    model.rows = torch.nn.Embedding.from_pretrained(torch.from_numpy(rows))
    model.layer = torch.nn.Linear(weight.shape[1], len(weight), bias=False)
    model.layer.weight.data = torch.from_numpy(weight)
    graph = Graph(model, int8=True)
    x = graph.node("Gather", graph.weight("rows.weight"), graph.tokens)
    return graph.finish(graph.integer_linear(x, "layer"), len(weight), {})


def test_the_weights_exported_cannot_overflow(exported) -> None:
    found = products(exported.file)
    # Mamba's weights are multiplied in float32.
    assert len(found) == (9 if "keys_0" in exported.start.args[0].get_inputs()[1].name else 0)
    for _, weight in found:
        size = np.pad(np.abs(weight), ((0, len(weight) % 2), (0, 0)))
        assert ((size[0::2] + size[1::2]) * 255).max() < 2**15
        for worst in (weight > 0, weight < 0):
            x = worst.T.astype(np.int64) * 255
            np.testing.assert_array_equal(saturating(x, weight), x @ weight)


def test_what_a_session_multiplies_is_what_any_processor_would(exported) -> None:
    model = onnx.load_model_from_string(exported.file)
    found = products(exported.file)
    for node, _ in found:
        for name, kind in ((node.input[0], onnx.TensorProto.UINT8), (node.output[0], onnx.TensorProto.INT32)):
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
    running = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [one.name for one in running.get_outputs()]
    _, *state = running.get_inputs()
    tokens = exported.mapping.encode(TRAFFIC.signed_pl, TRAFFIC.label)[:40]
    given = {one.name: np.zeros([{ROWS: 40, "past": 0}.get(n, n) for n in one.shape], np.float32) for one in state}
    for position in range(4):
        made = dict(zip(names, running.run(None, {TOKENS: tokens[:, position], **given}), strict=True))
        given = {name: made[f"new_{name}"] for name in given}
        for node, weight in found:
            x = made[node.input[0]].astype(np.int64)
            assert x.min() >= 1
            np.testing.assert_array_equal(saturating(x, weight), x @ weight)
            np.testing.assert_array_equal(made[node.output[0]], (x - 128) @ weight)


def test_the_emulation_saturates_where_the_processor_does() -> None:
    x, weight = np.full((1, 4), 255), np.array([[127, 64], [127, 64], [-127, -64], [-127, -64]])
    np.testing.assert_array_equal(saturating(x, weight), [[-1, 0]])
    assert not never_overflows(weight.T.astype(np.int8))
    assert never_overflows(weight[:, 1:].T.astype(np.int8))
    assert not never_overflows(np.array([[65, 3, 64]], np.int8))


@settings(max_examples=30, deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 9)), elements=WIDE))
def test_any_weights_become_whole_numbers_that_cannot_overflow(weight) -> None:
    rows = np.ones((1, weight.shape[1]), np.float32)
    file = of_layer(weight, rows)
    ((_, whole),) = products(file)
    assert never_overflows(whole.T.astype(np.int8))
    (found,) = session(file, threads=1).run(None, {TOKENS: np.arange(1)})
    # Each weight is off by at most half a step, 63 of which make the largest.
    bound = np.abs(weight).max(axis=1) / 63 * 0.51 * weight.shape[1]
    assert (np.abs(found[0] - weight.astype(float) @ rows[0]) <= bound + 1e-30).all()


@settings(max_examples=30, deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(2, 7), st.just(6)), elements=WIDE), st.integers(0, 2**32 - 1))
def test_a_row_alone_gives_what_it_gives_among_others(rows, seed) -> None:
    weight = np.random.default_rng(seed).standard_normal((5, 6), np.float32)
    running = session(of_layer(weight, rows), threads=1)
    (together,) = running.run(None, {TOKENS: np.arange(len(rows))})
    for i in range(len(rows)):
        (alone,) = running.run(None, {TOKENS: np.array([i])})
        np.testing.assert_array_equal(alone[0], together[i])


def test_a_biflow_alone_has_the_logits_it_has_among_others(exported) -> None:
    rows = exported.mapping.encode(TRAFFIC.signed_pl, TRAFFIC.label)[:12]
    together, alone = exported.start(len(rows)), [exported.start(1) for _ in rows]
    for position in range(rows.shape[1] - 1):
        found = together.step(rows[:, position])
        single = torch.cat([one.step(row[position : position + 1]) for one, row in zip(alone, rows, strict=True)])
        # Sums of float32 come in another order for other numbers of rows, and that may round one number to its
        # neighbour; with one scale for all rows the difference is some 0.01 of the logits.
        assert (found - single).norm() < 1e-3 * found.norm()


def test_a_row_with_large_numbers_leaves_the_others_as_they_are() -> None:
    """onnxruntime's own quantiser has one scale for all rows, which fails this."""
    rng = np.random.default_rng(1)
    rows, weight = rng.standard_normal((3, 32), np.float32), rng.standard_normal((24, 32), np.float32)
    rows[1] *= 1000.0
    rows[2] = 0.0
    running = session(of_layer(weight, rows), threads=1)
    assert [(one.name, one.shape) for one in running.get_outputs()] == [(LOGITS, [ROWS, 24])]
    (found,) = running.run(None, {TOKENS: np.arange(3)})
    for row, exact in zip(found, rows @ weight.T, strict=True):
        np.testing.assert_allclose(row, exact, rtol=0, atol=0.02 * np.abs(exact).max())
