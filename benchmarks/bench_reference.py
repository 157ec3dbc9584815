"""The workload that all others are set against when runs are compared: that which stands beside measured costs."""

from ntgbench.costs.reference import workload


def bench_reference(benchmark):
    parts = workload()

    def work() -> None:
        for part in parts:
            part()

    # Half a second: a shared machine may be slow for a moment.
    benchmark.pedantic(work, rounds=300, warmup_rounds=2)
