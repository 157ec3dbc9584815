"""A step of LLaMA as an ONNX graph. What it computes is what `ntgbench_llama.model` says."""

from __future__ import annotations

from ntgbench_llama.model import Layer, Llama

from ntgbench_onnx.graph import TOKENS, Graph


def step(model: Llama, graph: Graph) -> str:
    """Add a step to `graph` and return its logits. Its state: keys and values of each layer, (rows, heads, past, D)."""
    heads, hidden = model.heads, model.embedding.embedding_dim
    dimensions = hidden // heads
    rotation = model.rotation[:, 0].numpy()
    turns = graph.constant(rotation.real), graph.constant(rotation.imag)
    by_head = graph.constant([0, 3 * heads, 1, dimensions])
    joined, turned_and_not = graph.constant([0, hidden]), graph.constant([2 * heads, heads])
    past = [
        tuple(graph.state(f"{name}_{i}", heads, "past", dimensions) for name in ("keys", "values"))
        for i, _ in enumerate(model.layers)
    ]
    # Each row is at the position that the length of its past is.
    position = graph.node("Shape", past[0][0], start=2, end=3)
    one_a_row = graph.node("Concat", graph.node("Shape", TOKENS), graph.constant([1]), axis=0)
    positions = graph.node("Expand", position, one_a_row)
    x = graph.embedded(TOKENS, model.embedding)
    for layer, (keys, values) in zip(model.layers, past, strict=True):
        assert isinstance(layer, Layer)
        qkv = graph.linear(graph.norm(x, layer.attention_norm), layer.qkv)
        components, value = graph.split("Split", 2, graph.node("Reshape", qkv, by_head), turned_and_not, axis=1)
        turned = graph.node("RotaryEmbedding", components, *turns, positions, interleaved=1)
        query, key = graph.split("Split", 2, turned, axis=1, num_outputs=2)
        attended, *now = graph.split("Attention", 3, query, key, value, "", keys, values)
        for state, new in zip((keys, values), now, strict=True):
            graph.leave(state, new)
        x = graph.node("Add", x, graph.linear(graph.node("Reshape", attended, joined), layer.output))
        gate_up = graph.linear(graph.norm(x, layer.feed_forward_norm), layer.gate_up)
        gate, up = graph.split("Split", 2, gate_up, axis=1, num_outputs=2)
        x = graph.node("Add", x, graph.linear(graph.node("Mul", graph.silu(gate), up), layer.down))
    return graph.linear(graph.norm(x, model.norm), model.head)
