"""A step of Mamba as an ONNX graph. What it computes is what `ntgbench_mamba.model` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench_mamba.model import EPSILON

if TYPE_CHECKING:
    from ntgbench_onnx.graph import Graph


def onnx_step(graph: Graph, layers: int) -> str:
    """Add a step to `graph` and return its logits.

    Its state, for each layer: the last inputs of the convolution, (rows, K - 1, D), and the state space, (rows, S, D).

    In int8 only weights are: layers are so small that quantising their inputs takes longer than products of integers
    save.
    """
    one, two = graph.constant([1]), graph.constant([2])
    x = graph.embedding(graph.tokens, "embeddings")
    for i in range(layers):
        m = f"layers.{i}.mixer"
        kernel, a_log = graph.array(f"{m}.conv1d.weight")[:, 0].T, graph.array(f"{m}.A_log").T
        (width, inner), state = kernel.shape, len(a_log)
        recent, before = graph.state(f"recent_{i}", width - 1, inner), graph.state(f"state_{i}", state, inner)
        projected = graph.linear(graph.rms_norm(x, f"layers.{i}.norm", EPSILON), f"{m}.in_proj")
        signal, gate = graph.split("Split", 2, projected, axis=1, num_outputs=2)
        seen = graph.node("Concat", recent, graph.node("Unsqueeze", signal, one), axis=1)
        graph.leave(recent, graph.node("Slice", seen, one, graph.constant([width]), one))
        convolved = graph.node("ReduceSum", graph.node("Mul", seen, graph.constant(kernel)), one, keepdims=0)
        u = graph.silu(graph.node("Add", convolved, graph.weight(f"{m}.conv1d.bias")))
        parts = graph.constant([graph.array(f"{m}.dt_proj.weight").shape[1], state, state])
        low, b, c = graph.split("Split", 3, graph.linear(u, f"{m}.x_proj"), parts, axis=1)
        delta = graph.node("Softplus", graph.linear(low, f"{m}.dt_proj", int8=False))
        a = graph.constant(-np.exp(a_log))
        decay = graph.node("Exp", graph.node("Mul", graph.node("Unsqueeze", delta, one), a))
        entering = graph.node("Unsqueeze", graph.node("Mul", delta, u), one)
        entering = graph.node("Mul", graph.node("Unsqueeze", b, two), entering)
        after = graph.node("Add", graph.node("Mul", before, decay), entering)
        graph.leave(before, after)
        y = graph.node("Squeeze", graph.node("MatMul", graph.node("Unsqueeze", c, one), after), one)
        y = graph.node("Add", y, graph.node("Mul", u, graph.weight(f"{m}.D")))
        x = graph.node("Add", x, graph.linear(graph.node("Mul", y, graph.silu(gate)), f"{m}.out_proj"))
    return graph.linear(graph.rms_norm(x, "norm_f", EPSILON), "head")
