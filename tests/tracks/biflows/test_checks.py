"""The check of likelihoods: it finds out a system that tells others than it samples with."""

from dataclasses import replace

import numpy as np
import pytest
from ntgbench_baselines.markov import Markov
from ntgbench_baselines.parameters import MarkovParameters

from ntgbench.errors import PluginError
from ntgbench.interfaces import GeneratorSpec
from ntgbench.systems import System
from ntgbench.testing import Fit
from ntgbench.tracks.biflows.checks import biflow_checks


class Silent(Markov):
    """It tells no likelihoods."""

    log_likelihood = None


class Unnormalised(Markov):
    """Twice as likely as it should be, where that is possible."""

    def log_likelihood(self, biflows):
        return np.minimum(super().log_likelihood(biflows) + np.log(2), 0)


class Another(Markov):
    """The likelihoods of the opposite directions."""

    def log_likelihood(self, biflows):
        return super().log_likelihood(replace(biflows, signed_pl=-biflows.signed_pl))


class Endless(Markov):
    """The end after P packets is forgotten."""

    def log_likelihood(self, biflows):
        told = super().log_likelihood(biflows)
        told[:, -1] = -1
        return told


class Narrow(Markov):
    """The end is forgotten altogether."""

    def log_likelihood(self, biflows):
        return super().log_likelihood(biflows)[:, :-1]


def likelihood_check(name):
    spec = GeneratorSpec("tried", f"{__name__}:{name}", "", MarkovParameters)
    checks = biflow_checks(Fit(System(spec, MarkovParameters()), None))
    return next(check for check in checks if check.name == "likelihood")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Unnormalised", "sum to"),
        ("Another", "the probability that it tells is"),
        ("Endless", "both are 0"),
        ("Narrow", "likelihoods of shape"),
    ],
)
def test_wrong_likelihoods_are_found_out(name, reason) -> None:
    with pytest.raises((AssertionError, PluginError), match=reason):
        likelihood_check(name)()


def test_a_system_need_not_tell_any() -> None:
    likelihood_check("Silent")()
