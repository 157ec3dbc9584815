"""Token generators in other formats, a third party's too: each is its base, saved and sampled in another way."""

import json
import shutil

import numpy as np
import pytest
from made_token_systems import TARGETS, TRAFFIC, derive, derived, distance, fitted, logits, plain, third_party

from ntgbench import systems
from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.systems import choose
from ntgbench.testing import Check, system_checks


@pytest.fixture(autouse=True, scope="module")
def _third_party(tmp_path_factory):
    with third_party(tmp_path_factory.mktemp("site")):
        yield


SMALLEST = {"llama": "llama[hidden=8,intermediate=8,layers=1,heads=2]", "mamba": "mamba[hidden=8,layers=1,state=2]"}


@pytest.mark.parametrize(
    "check",
    [
        check
        for base, name in (("llama", "int8-wo"), ("mamba", "int8-da"), ("llama", "onnx-int8"), ("mamba", "onnx"))
        for check in system_checks(f"{base}-{name}", SMALLEST[base])
    ],
    ids=str,
)
def test_keeps_the_contract(check: Check) -> None:
    check()


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("base", ["llama", "mamba", "mine"])
def test_logits_are_those_of_the_base(base, name) -> None:
    change = distance(logits(derived(base, name)), logits(plain(base)))
    assert change < 1e-5 if name == "onnx" else 1e-4 < change < 0.03


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("base", ["llama", "mamba", "mine"])
def test_what_is_saved_is_what_is_loaded(base, name, tmp_path) -> None:
    system = derive(base, name)
    system.save(tmp_path)
    made = [one.sample(TRAFFIC.label, seed=3) for one in (system, systems.load(tmp_path))]
    np.testing.assert_array_equal(*(biflows.signed_pl for biflows in made))


def test_the_way_to_draw_is_saved_with_a_system(tmp_path) -> None:
    system = choose("mine[epochs=1,sampling=systematic]").fit(TRAFFIC, Context(seed=1))
    system.save(tmp_path)
    made, again = (one.sample(TRAFFIC.label, seed=3).signed_pl for one in (system, systems.load(tmp_path)))
    np.testing.assert_array_equal(made, again)
    independent = choose("mine[epochs=1]").fit(TRAFFIC, Context(seed=1)).sample(TRAFFIC.label, seed=3).signed_pl
    assert (made != independent).any()


@pytest.mark.parametrize("name", TARGETS)
def test_other_formats_draw_independently_whatever_their_base_does(name, tmp_path) -> None:
    shutil.copytree(fitted("mine"), tmp_path / "mine")
    head = tmp_path / "mine" / systems.SYSTEM_FILE
    told = json.loads(head.read_text())
    told["parameters"]["sampling"] = "systematic"
    head.write_text(json.dumps(told))
    assert systems.load(tmp_path / "mine").system.parameters.sampling == "systematic"
    other = choose(f"mine-{name}").fit(TRAFFIC, Context(seed=1, base=tmp_path / "mine" / systems.MODEL_FOLDER))
    made = [one.sample(TRAFFIC.label, seed=3).signed_pl for one in (other, derive("mine", name))]
    np.testing.assert_array_equal(*made)
    other_saved = tmp_path / "other"
    other_saved.mkdir()
    other.save(other_saved)
    np.testing.assert_array_equal(systems.load(other_saved).sample(TRAFFIC.label, seed=3).signed_pl, made[0])


@pytest.mark.parametrize("name", TARGETS)
def test_what_cannot_be_the_base_is_refused(name) -> None:
    system = choose(f"llama-{name}")
    with pytest.raises(PluginError, match=f"{name} starts from a fitted model and got none: `ntgbench run` fits it"):
        system.fit(TRAFFIC, Context(seed=1))
    with pytest.raises(PluginError, match="markov is not a token generator"):
        system.fit(TRAFFIC, Context(seed=1, base=fitted("markov") / systems.MODEL_FOLDER))


@pytest.mark.parametrize("name", TARGETS)
def test_a_generator_that_does_not_declare_what_a_format_needs_is_refused(name) -> None:
    with pytest.raises(PluginError, match=r"declares no (onnx_step|hf_config)"):
        derive("plain", name)
