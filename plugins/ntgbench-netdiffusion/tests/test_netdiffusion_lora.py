"""NetDiffusion on Stable Diffusion: a tiny one of random weights stands for the one that a user has."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("diffusers", reason="diffusers is not installed: pip install 'ntgbench[netdiffusion]'")
pytest.importorskip("peft", reason="peft is not installed: pip install 'ntgbench[netdiffusion]'")

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from ntgbench_netdiffusion import lora, lora_generator
from ntgbench_netdiffusion.lora_generator import StableNetDiffusion, whole
from ntgbench_netdiffusion.nprint import ABSENT, HEADERS, WIDTH
from ntgbench_netdiffusion.parameters import StableDiffusionParameters
from ntgbench_trace_records.validity import valid_packets
from safetensors import safe_open
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.files import content_digest
from ntgbench.interfaces import Context
from ntgbench.learning import resume
from ntgbench.plugins import registry
from ntgbench.testing import system_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.values import convert

TINY = {
    "weights": "sd",
    "rows": 4,
    "square": 1,
    "rank": 2,
    "steps": 3,
    "batch": 2,
    "sampling_steps": 1,
    "guidance": 1.0,
}
SMALL = "netdiffusion[" + ",".join(f"{name}={value}" for name, value in TINY.items()) + "]"
TRAIN = example_trace()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a Stable Diffusion of a few thousand random weights in its folder `sd`."""
    torch.manual_seed(1)
    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer({word: i for i, word in enumerate(words)}, [], model_max_length=77)
    text = CLIPTextConfig(
        vocab_size=len(words), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        bos_token_id=len(words) - 2, eos_token_id=len(words) - 1, pad_token_id=len(words) - 1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4, cross_attention_dim=8,
        attention_head_dim=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(4,) * 4, norm_num_groups=2, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    noise = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
    )
    pipeline = StableDiffusionPipeline(
        vae, CLIPTextModel(text), tokenizer, unet, noise, None, None, requires_safety_checker=False
    )
    folder = tmp_path_factory.mktemp("weights")
    pipeline.save_pretrained(folder / "sd")
    return folder


@pytest.fixture(autouse=True)
def many_at_a_time(monkeypatch):
    monkeypatch.setattr(lora, "PICTURES", 64)


def fitted(home, context=None, seed=1, **changes):
    system = StableNetDiffusion(StableDiffusionParameters(**TINY | changes))
    system.fit(TRAIN, Context(seed=seed, home=home, **(context or {})))
    return system


def weights(system):
    return torch.cat([weight.detach().flatten() for weight in lora.learnt(system.model.pipeline).values()])


@pytest.fixture(scope="module")
def checks(home):
    return {str(check): check for check in system_checks(SMALL, track="headers", home=home)}


@pytest.mark.parametrize("name", [str(check) for check in system_checks(SMALL, track="headers")])
def test_keeps_the_contract(checks, name):
    checks[name]()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_bits_come_back_from_colours(rows, square, seed):
    rng = np.random.default_rng(seed)
    bits = torch.from_numpy(rng.integers(-1, 2, (2, rows, WIDTH), np.int8))
    painted = lora.pictures(bits, square)
    height, width = painted.shape[2:]
    assert (height % 8, width) == (0, WIDTH * square)
    assert height - rows * square < 8
    assert torch.equal(lora.bits_of(painted, rows, square), bits)
    # Two of the three colours differ by 2 in two channels: less than 1 leaves the nearest as it is.
    noisy = painted + torch.from_numpy(rng.uniform(-0.99, 0.99, painted.shape).astype(np.float32))
    assert torch.equal(lora.bits_of(noisy, rows, square), bits)


def test_one_is_red_zero_green_and_the_rest_blue():
    painted = lora.pictures(torch.tensor([[[1, 0, -1] + [1] * (WIDTH - 3)]], dtype=torch.int8), 2)
    assert painted[0, :, 1, [1, 2, 5]].T.tolist() == [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
    assert (painted[0, :, 2:] == torch.tensor([-1.0, -1, 1])[:, None, None]).all()


def test_the_default_size_is_about_that_of_the_paper():
    p = StableDiffusionParameters()
    assert lora.sides(p.rows, p.square) == (768, 840)


def test_headers_that_training_lacks_are_not_made():
    layout = whole((True, False, True, False))
    made = layout.images(np.ones((2, 3, len(layout.drawn)), np.float32))
    for name, place in HEADERS.items():
        assert ((made[..., place] == ABSENT) == (name in ("ipv6", "udp"))).all()


@pytest.mark.parametrize(
    "changes", [{}, {"addresses": "training"}, {"ports": "random"}, {"repair": False}, {"guidance": 2.0}], ids=str
)
def test_any_request_gets_as_many_packets(home, changes, monkeypatch):
    monkeypatch.setattr(lora_generator, "FLOWS_AT_ONCE", 5)
    system = fitted(home, **changes)
    for packets, span_ns in ((1, 0), (30, 10**9)):
        made = system.sample(packets, span_ns, np.random.default_rng(2))
        registry().track("headers").check(made, (packets, span_ns), TRAIN)
        assert len(made) == packets
    assert valid_packets(made).all() or not system.parameters.repair


def test_only_lora_is_learnt_and_saved(home, tmp_path):
    before = content_digest(home / "sd")
    system = fitted(home)
    fresh = StableDiffusionPipeline.from_pretrained(
        str(home / "sd"), safety_checker=None, requires_safety_checker=False, local_files_only=True
    )
    unet = system.model.pipeline.unet.state_dict()
    for name, weight in fresh.unet.state_dict().items():
        at = name if name in unet else ".".join([*name.split(".")[:-1], "base_layer", name.split(".")[-1]])
        assert torch.equal(unet[at], weight)
    for part in ("vae", "text_encoder"):
        ours = getattr(system.model.pipeline, part).state_dict()
        assert all(torch.equal(ours[name], weight) for name, weight in getattr(fresh, part).state_dict().items())
    # Adam moves every weight that has a gradient; those named B begin at 0.
    assert all(weight.any() for name, weight in lora.learnt(system.model.pipeline).items() if "lora_B" in name)
    system.save(tmp_path)
    assert content_digest(home / "sd") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert all(name.startswith("unet.") and ".lora_" in name for name in file.keys())  # noqa: SIM118
    # Diffusers reads the file as well, and then predicts the same noise.
    fresh.load_lora_weights(str(tmp_path), weight_name="model.safetensors", local_files_only=True)
    state, text = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 8)
    with torch.no_grad():
        one, other = (pipeline.unet(state, 5, text).sample for pipeline in (fresh, system.model.pipeline))
    torch.testing.assert_close(one, other)


class Stopped(Exception):
    """A kill."""


def test_a_training_that_was_killed_ends_with_the_same_weights(home, tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)

    def progress(done, total, note=""):
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        fitted(home, {"checkpoint": tmp_path, "progress": progress})
    steps = []
    again = fitted(home, {"checkpoint": tmp_path, "progress": lambda *told: steps.append(told[0])})
    assert steps == [2, 3]
    assert torch.equal(weights(again), weights(fitted(home)))
    assert not torch.equal(weights(again), weights(fitted(home, seed=2)))


def test_training_lowers_the_loss(home):
    losses = np.array(fitted(home, steps=40, learning_rate=0.02, rank=8, batch=8).losses)[:, 1]
    assert losses[-10:].mean() < 0.95 * losses[:10].mean()


@pytest.mark.parametrize("changes", [{}, {"addresses": "training"}], ids=str)
def test_a_model_comes_back(home, tmp_path, changes):
    system = fitted(home, **changes)
    system.save(tmp_path)
    other = StableNetDiffusion(system.parameters)
    other.load(tmp_path)
    made, again = (one.sample(20, 10**9, np.random.default_rng(3)) for one in (system, other))
    assert made.digest() == again.digest()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("headers", [True, False, False, False]), ("headers", [True]), ("packets", 0.5), ("pairs", 3),
        ("weights", ""), ("weights", "/nowhere"), ("start_ns", 2**62 + 1),
        ("longest", 0),
    ],
)  # fmt: skip
def test_a_damaged_model_is_refused(home, tmp_path, key, value):
    system = fitted(home)
    system.save(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["ntgbench"]["settings"][key] = value
    path.write_text(json.dumps(config))
    with pytest.raises(PluginError):
        StableNetDiffusion(system.parameters).load(tmp_path)


def test_addresses_of_a_model_are_of_its_headers(home, tmp_path):
    system = fitted(home, addresses="training")
    system.model.headers = (True, False, True, True)
    system.save(tmp_path)
    with pytest.raises(PluginError, match="of one IP version"):
        StableNetDiffusion(system.parameters).load(tmp_path)


def test_a_model_of_another_rank_is_refused(home, tmp_path):
    fitted(home).save(tmp_path)
    with pytest.raises(PluginError):
        StableNetDiffusion(StableDiffusionParameters(**TINY | {"rank": 3})).load(tmp_path)


def no_index(folder):
    (folder / "model_index.json").unlink()


def no_weights(folder):
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()


def half_weights(folder):
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:5_000])


def pickled_weights(folder):
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save({}, path.with_suffix(".bin"))
    path.unlink()


def other_target(folder):
    path = folder / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "prediction_type": "v_prediction"}))


@pytest.mark.parametrize("damage", [no_index, no_weights, half_weights, pickled_weights, other_target])
def test_another_folder_is_refused_in_one_line(home, tmp_path, damage):
    shutil.copytree(home / "sd", tmp_path / "sd")
    damage(tmp_path / "sd")
    with pytest.raises(PluginError) as refused:
        fitted(tmp_path)
    assert "\n" not in str(refused.value)
    assert {"sd", "sd:"} & set(str(refused.value).split())
    assert str(tmp_path) not in str(refused.value)


def test_no_folder_is_refused():
    with pytest.raises(PluginError, match=r"write netdiffusion\[weights=…\]"):
        fitted(Path(), weights="")


@pytest.mark.parametrize(
    "wrong", [{"rank": 0}, {"square": 0}, {"guidance": 0.5}, {"rows": 1_025}, {"precision": "half"}]
)
def test_parameters_of_lora_have_bounds(wrong):
    with pytest.raises(NtgbenchError):
        convert(wrong, StableDiffusionParameters, "parameters")


def test_bfloat16_trains_and_draws(home):
    system = fitted(home, precision="bfloat16")
    assert not torch.equal(weights(system), weights(fitted(home)))
    assert len(system.sample(5, 10, np.random.default_rng(1))) == 5
