"""A step of LLaMA as an ONNX graph. What it computes is what `ntgbench_llama.model` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench_llama.model import EPSILON, ROPE_BASE

if TYPE_CHECKING:
    from ntgbench_onnx.graph import Graph

    from ntgbench_llama.parameters import LlamaParameters


def onnx_step(graph: Graph, p: LlamaParameters, length: int) -> str:
    """Add a step to `graph` and return its logits. Its state: keys and values of each layer, (rows, heads, past, D)."""
    dimensions = p.hidden // p.heads
    angles = np.outer(np.arange(length), ROPE_BASE ** -(np.arange(0, dimensions, 2) / dimensions))
    rotation = [graph.constant(turn(angles).astype(np.float32)) for turn in (np.cos, np.sin)]
    by_head, joined = graph.constant([0, 3 * p.heads, 1, dimensions]), graph.constant([0, p.hidden])
    turned_and_not = graph.constant([2 * p.heads, p.heads])
    x = graph.embedding(graph.tokens, "embedding")
    for i in range(p.layers):
        keys, values = (graph.state(f"{name}_{i}", p.heads, "past", dimensions) for name in ("keys", "values"))
        if i == 0:  # every row is at the position that is the length of its past
            one_a_row = graph.node("Concat", graph.node("Shape", graph.tokens), graph.constant([1]), axis=0)
            positions = graph.node("Expand", graph.node("Shape", keys, start=2, end=3), one_a_row)
        qkv = graph.integer_linear(graph.rms_norm(x, f"layers.{i}.attention_norm", EPSILON), f"layers.{i}.qkv")
        components, value = graph.split("Split", 2, graph.node("Reshape", qkv, by_head), turned_and_not, axis=1)
        turned = graph.node("RotaryEmbedding", components, *rotation, positions, interleaved=1)
        query, key = graph.split("Split", 2, turned, axis=1, num_outputs=2)
        attended, new_keys, new_values = graph.split("Attention", 3, query, key, value, "", keys, values)
        graph.leave(keys, new_keys)
        graph.leave(values, new_values)
        x = graph.node("Add", x, graph.integer_linear(graph.node("Reshape", attended, joined), f"layers.{i}.output"))
        normed = graph.rms_norm(x, f"layers.{i}.feed_forward_norm", EPSILON)
        gate_up = graph.integer_linear(normed, f"layers.{i}.gate_up")
        gate, up = graph.split("Split", 2, gate_up, axis=1, num_outputs=2)
        down = graph.integer_linear(graph.node("Mul", graph.silu(gate), up), f"layers.{i}.down")
        x = graph.node("Add", x, down)
    return graph.integer_linear(graph.rms_norm(x, "norm", EPSILON), "head")
