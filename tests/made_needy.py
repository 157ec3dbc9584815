"""A plugin that needs packages which nobody has: the text of its module, and what its distribution declares."""

from pathlib import Path

SOURCE = """
from ntgbench import AugmenterSpec, GeneratorSpec, MetricSpec, hookimpl
from ntgbench.suites import Suite

ABSENT = ("no_such_library",)

@hookimpl
def ntgbench_generators():
    return [
        GeneratorSpec("needy", "ntgbench_baselines.markov:Markov", "needs a package", needs=ABSENT),
        GeneratorSpec("on-needy", "ntgbench_baselines.markov:Markov", "starts from needy", base="needy"),
        GeneratorSpec("other-needy", "ntgbench_baselines.markov:Markov", "another", needs=("json", "nor_this.part")),
    ]

@hookimpl
def ntgbench_suites():
    return [Suite("needy-suite", "ntgbench.tracks.biflows.fidelity:measure", "its only metric needs a package")]

@hookimpl
def ntgbench_metrics():
    return [
        MetricSpec("needy_metric", "ntgbench_fidelity.counts:count", "needs one", "fidelity", "min", needs=ABSENT),
        MetricSpec("only_metric", "ntgbench_fidelity.counts:count", "needs one", "needy-suite", "min", needs=ABSENT),
    ]
"""


def install_needy(install, site: Path) -> None:
    """Install it, with an extra that brings one of the packages, spelled in another way than its module."""
    install("needy-plugin", SOURCE)
    with (site / "needy_plugin-1.0.dist-info" / "METADATA").open("a") as file:
        file.write("Provides-Extra: all\nRequires-Dist: numpy\n")
        file.write('Requires-Dist: No.Such-Library>=1.0; python_version > "3" and extra == "all"\n')
