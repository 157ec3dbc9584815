"""A step of Mamba as an ONNX graph. What it computes is what `ntgbench_mamba.model` says."""

from __future__ import annotations

from ntgbench_mamba.model import Layer, Mamba

from ntgbench_onnx.graph import TOKENS, Graph


def step(model: Mamba, graph: Graph) -> str:
    """Add a step to `graph` and return its logits.

    Its state, for each layer: what the convolution has seen, (rows, taps - 1, D), and the state space, (rows, S, D).

    In int8 only weights are: its layers are so small that to quantise what goes into a product takes longer than a
    product of integers saves.
    """
    one, two = graph.constant([1]), graph.constant([2])
    x = graph.embedded(TOKENS, model.embeddings)
    for i, layer in enumerate(model.layers):
        assert isinstance(layer, Layer)
        m = layer.mixer
        inner, taps = len(m.D), m.conv1d.kernel_size[0]
        assert m.conv1d.bias is not None
        recent, before = graph.state(f"recent_{i}", taps - 1, inner), graph.state(f"state_{i}", m.state, inner)
        projected = graph.stored_in_int8(graph.norm(x, layer.norm), m.in_proj)
        signal, gate = graph.split("Split", 2, projected, axis=1, num_outputs=2)
        seen = graph.node("Concat", recent, graph.node("Unsqueeze", signal, one), axis=1)
        graph.leave(recent, graph.node("Slice", seen, one, graph.constant([taps]), one))
        weighted = graph.node("Mul", seen, graph.constant(m.conv1d.weight.detach()[:, 0].t()))
        convolved = graph.node("ReduceSum", weighted, one, keepdims=0)
        u = graph.silu(graph.node("Add", convolved, graph.weight(m.conv1d.bias)))
        parts = graph.constant([m.rank, m.state, m.state])
        low, b, c = graph.split("Split", 3, graph.stored_in_int8(u, m.x_proj), parts, axis=1)
        size = graph.node("Softplus", graph.exact(low, m.dt_proj))
        rates = graph.constant(-m.A_log.detach().exp().t())
        decay = graph.node("Exp", graph.node("Mul", graph.node("Unsqueeze", size, one), rates))
        entering = graph.node("Unsqueeze", graph.node("Mul", size, u), one)
        entering = graph.node("Mul", graph.node("Unsqueeze", b, two), entering)
        after = graph.node("Add", graph.node("Mul", before, decay), entering)
        graph.leave(before, after)
        y = graph.node("Squeeze", graph.node("MatMul", graph.node("Unsqueeze", c, one), after), one)
        y = graph.node("Add", y, graph.node("Mul", u, graph.weight(m.D)))
        x = graph.node("Add", x, graph.stored_in_int8(graph.node("Mul", y, graph.silu(gate)), m.out_proj))
    return graph.stored_in_int8(graph.norm(x, model.norm_f), model.head)
