"""Models on disk: that nothing else is taken for a model."""

import json

import numpy as np
import pytest
import torch
from ntgbench_e_wgan_gp.generator import EWganGp
from ntgbench_e_wgan_gp.parameters import EWganGpParameters
from safetensors.torch import load_file, save_file

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.learning.checkpoints import CONFIG_FILE, WEIGHTS_FILE
from ntgbench.tracks.headers.example import example_trace

TRAIN = example_trace()
TINY = EWganGpParameters(steps=2, hidden=4, batch=8, width=3)


@pytest.fixture(scope="module")
def system():
    fitted = EWganGp(TINY)
    fitted.fit(TRAIN, Context(seed=1))
    return fitted


@pytest.fixture
def folder(system, tmp_path):
    system.save(tmp_path)
    return tmp_path


def loaded(folder, parameters=TINY):
    read = EWganGp(parameters)
    read.load(folder)
    return read


def test_a_loaded_model_makes_the_same_trace(system, folder):
    request = 500, 2 * TRAIN.span_ns
    made, again = (one.sample(*request, np.random.default_rng(5)).digest() for one in (system, loaded(folder)))
    assert made == again


def test_files_hold_the_generator_and_the_words_alone(folder):
    kinds = {name.partition(".")[0] for name in load_file(folder / WEIGHTS_FILE)}
    assert kinds == {"generator", "ip", "port", "ttl", "pkt_len"}


@pytest.mark.parametrize(("name", "value"), [("hidden", 5), ("width", 4), ("noise", 11)])
def test_models_of_other_parameters_are_refused(folder, name, value):
    with pytest.raises(PluginError, match="must be F32 of"):
        loaded(folder, EWganGpParameters(**{**vars(TINY), name: value}))


SORT = {"ipv4": True, "protocol": 6, "tos": 0, "tcp_flags": 16, "ip_id": 0, "ip_flags": 0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start_ns": 2**62 + 1}, "start_ns must be at most"),
        ({"words": {"ip": 1}}, "words of the kinds ip, port, ttl, pkt_len"),
        ({"words": {"ip": 0, "port": 1, "ttl": 1, "pkt_len": 1}}, "words"),
        ({"words": {"ip": 2**40, "port": 1, "ttl": 1, "pkt_len": 1}}, "must be I64 of 1099511627776x2"),
        ({"sorts": []}, "sorts must have at least 1 value"),
        ({"sorts": [SORT, SORT]}, "sorts of TCP or UDP packets, each once"),
        ({"sorts": [SORT | {"protocol": 1}]}, "sorts of TCP or UDP packets"),
        ({"sorts": [SORT | {"protocol": 17}]}, "no TCP flags for UDP"),
        ({"sorts": [SORT | {"ip_flags": 8}]}, "ip_flags must be at most 7"),
        ({"sorts": [SORT]}, "must be F32 of"),
        ({"more": 1}, "more"),
    ],
)
def test_damaged_settings_are_refused(folder, changes, message):
    path = folder / CONFIG_FILE
    head = json.loads(path.read_text())
    head["ntgbench"]["settings"] |= changes
    path.write_text(json.dumps(head))
    with pytest.raises(PluginError, match=message.replace("[", r"\[")):
        loaded(folder)


def damaged(folder, name, change):
    path = folder / WEIGHTS_FILE
    tensors = load_file(path)
    save_file(tensors | {name: change(tensors[name]).contiguous()}, path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("port.values", lambda one: one.flip(0), "the words of the kind port must be its values, ascending"),
        ("port.values", lambda one: one + 20_000, "the words of the kind port"),
        ("ttl.values", lambda one: one - 58, "the words of the kind ttl"),
        ("pkt_len.values", lambda one: one + 2**31, "the words of the kind pkt_len"),
        ("port.vectors", lambda one: one * torch.nan, "not finite"),
        ("port.vectors", lambda one: one[:-1], "must be F32 of"),
        ("generator.body.0.weight", lambda one: one.double(), "must be F32 of"),
    ],
)
def test_damaged_tensors_are_refused(folder, name, change, message):
    damaged(folder, name, change)
    with pytest.raises(PluginError, match=message):
        loaded(folder)


def test_a_model_without_an_address_that_its_packets_can_have_is_refused(tmp_path):
    ipv4 = TRAIN.select(TRAIN.is_ipv4())
    fitted = EWganGp(TINY)
    fitted.fit(ipv4, Context(seed=1))
    fitted.save(tmp_path)
    damaged(tmp_path, "ip.values", torch.zeros_like)
    with pytest.raises(PluginError, match="must have an address of a sort of packets"):
        loaded(tmp_path)


def test_a_generator_that_makes_no_numbers_is_an_error(folder):
    # Weights are finite, and their products are not.
    damaged(folder, "generator.body.6.weight", lambda one: torch.full_like(one, 3e38))
    damaged(folder, "generator.body.4.bias", lambda one: torch.full_like(one, 3e38))
    with pytest.raises(PluginError, match="not finite"):
        loaded(folder).sample(10, 10**9, np.random.default_rng(1))
