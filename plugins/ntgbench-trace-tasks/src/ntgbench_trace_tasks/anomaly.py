"""One-class SVMs: one learns from synthetic flows, one from real ones; both judge the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench_trace_tasks.flow_rows import f1, judged

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_trace_tasks.flow_rows import Labels
    from ntgbench_trace_tasks.representations import Numbers, Rows

PERMUTATIONS = 2
"""Orders of the training rows, beside that of the first packets, over which `@spread` is the range."""


def one_class(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:
    """F1 of a one-class SVM trained on synthetic flows, with that of real flows as truth; "normal" is positive.

    CascadeNet's evaluation with NetML's representations (README, "Anomaly detection"): RBF kernel, gamma 1 / (columns
    times variance of all numbers), nu 0.5, rows as they are, flows in the order of their first packets. At most 3,500
    flows of at least two packets from each trace, drawn by `seed`.

    Returns for each representation `f1_NAME` in 0..1, on true lengths; `@ref`, on headers alone; `@scaled`, with
    columns standardised by the real rows; `@spread`, the range of F1 over three orders of the training rows. A text
    instead when a trace has no flow of two packets.
    """
    from threadpoolctl import threadpool_limits

    orders = np.random.default_rng(seed)

    def judge(real_rows: Rows, synthetic_rows: Rows, true: bool) -> dict[str, float]:
        machines = Machines(real_rows, synthetic_rows)
        value = machines.f1()
        if not true:
            return {"": value}
        permuted = [machines.f1(orders) for _ in range(PERMUTATIONS)]
        del machines
        mean, spread = real_rows.mean(0), real_rows.std(0)
        spread[spread == 0] = 1
        scaled = Machines(*((rows - mean) / spread for rows in (real_rows, synthetic_rows))).f1()
        return {"": value, "@scaled": scaled, "@spread": max(value, *permuted) - min(value, *permuted)}

    with threadpool_limits(1):  # sums in another order may move a flow across the border
        return judged(real, synthetic, seed, ("",), judge)


class Machines:
    """Kernels between real and synthetic rows, worked out once; libsvm would do so in each fit, ten times as slowly."""

    def __init__(self, real: Rows, synthetic: Rows) -> None:
        self._real = _kernel(real, real, _gamma(real))
        gamma = _gamma(synthetic)
        self._synthetic = _kernel(synthetic, synthetic, gamma)
        self._across = _kernel(real, synthetic, gamma)

    def f1(self, orders: np.random.Generator | None = None) -> float:
        """F1 of the machine of synthetic rows; training rows are permuted if there are `orders`."""
        truth = _normal(self._real, self._real, orders)
        return f1(_normal(self._synthetic, self._across, orders), truth)


def _normal(training: Rows, judged: Rows, orders: np.random.Generator | None) -> Labels:
    """Which rows a machine trained by the kernel `training` calls normal; `judged` is their kernel with these."""
    from sklearn.svm import OneClassSVM

    order: Numbers = np.arange(len(training))
    if orders is not None:
        order = orders.permutation(order)
        training = training.take(order, 0).take(order, 1)
    machine = OneClassSVM(kernel="precomputed", nu=0.5).fit(training)
    weight = np.zeros(len(order))
    weight[order[machine.support_]] = machine.dual_coef_[0]
    normal: Labels = judged @ weight + machine.intercept_[0] > 0
    return normal


def _gamma(rows: Rows) -> float:
    """scikit-learn's gamma="scale"."""
    variance = rows.var()
    return float(1 / (rows.shape[1] * variance)) if variance else 1.0


def _kernel(left: Rows, right: Rows, gamma: float) -> Rows:
    """exp(-gamma |a - b|^2) of all pairs of rows, float64 (left rows, right rows)."""
    squares = [np.einsum("ij,ij->i", side, side)[:, None] for side in (left, right)]
    ones = [np.ones((len(side), 1)) for side in (left, right)]
    # 2 ab - aa - bb in one product: passes over the result are what takes time.
    exponent: Rows = np.hstack([left, squares[0], ones[0]]) @ np.hstack([2 * right, -ones[1], -squares[1]]).T
    exponent *= gamma
    np.exp(exponent, out=exponent)
    return exponent
