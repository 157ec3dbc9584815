"""Flows as pictures, drawn by Stable Diffusion: its weights stay as they are, and LoRA is what is learnt.

The path of NetDiffusion (Jiang et al. 2024, arXiv 2310.08543, section 3): nPrint bits as colours, Stable Diffusion 1.5
(Rombach et al. 2022, arXiv 2112.10752) fine-tuned by LoRA (Hu et al. 2022, arXiv 2106.09685) with one caption.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ntgbench.errors import PluginError
from ntgbench.learning.device import matrix_type
from ntgbench.learning.quiet import quiet
from ntgbench.learning.resume import with_state
from ntgbench.learning.stages import Stage, fit, optimised
from ntgbench_netdiffusion.nprint import WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ntgbench.interfaces import Context
    from ntgbench_netdiffusion.nprint import Bits
    from ntgbench_netdiffusion.parameters import StableDiffusionParameters

COLOURS = ((-1.0, -1.0, 1.0), (-1.0, 1.0, -1.0), (1.0, -1.0, -1.0))
"""Red, green and blue, from -1 to 1, of -1 (no such header), 0 and 1: blue, green and red as in the paper."""

MULTIPLE = 8
"""Sides of a picture are multiples of this: a pixel of the latent space is a square of 8 by 8."""

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
"""Layers of the U-Net that get LoRA: those of its attention."""

PICTURES = 8
"""Pictures drawn at a time."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what imports and readings log of parts that are not needed, and without their bars of progress."""
    with quiet(logging.ERROR):
        from diffusers.utils import logging as of_diffusers
        from transformers.utils import logging as of_transformers

        bars = [one for one in (of_diffusers, of_transformers) if one.is_progress_bar_enabled()]
        for one in bars:
            one.disable_progress_bar()
        try:
            yield
        finally:
            for one in bars:
                one.enable_progress_bar()


def sides(rows: int, square: int) -> tuple[int, int]:
    """Height and width of a picture of so many packets; the height is rounded up, see `MULTIPLE`."""
    return -(-rows * square // MULTIPLE) * MULTIPLE, -(-WIDTH * square // MULTIPLE) * MULTIPLE


def pictures(bits: Tensor, square: int) -> Tensor:
    """Pictures, float32 (N, 3, height, width) in -1..1, of bits, int8 (N, rows, WIDTH).

    A bit is a square, and the rest is blue.
    """
    colours = torch.tensor(COLOURS, device=bits.device)
    height, width = sides(bits.shape[1], square)
    large = bits.repeat_interleave(square, 1).repeat_interleave(square, 2)
    padded = F.pad(large, (0, width - large.shape[2], 0, height - large.shape[1]), value=-1)
    return colours[padded.long() + 1].permute(0, 3, 1, 2)


def bits_of(painted: Tensor, rows: int, square: int) -> Tensor:
    """The bits, int8 (N, rows, WIDTH), of pictures as of `pictures`: the colour nearest to the mean of each square.

    The three colours are equally long, so the nearest is the one of the channel that is most.
    """
    means = F.avg_pool2d(painted[..., : rows * square, : WIDTH * square], square)
    return (1 - means.argmax(1)).to(torch.int8)


def opened(weights: Path, shown: str, p: StableDiffusionParameters, device: torch.device) -> Any:
    """The pipeline in a folder in the layout of diffusers, with new LoRA weights, which alone can be trained.

    Nothing is downloaded, and only safetensors are read. `shown` is what messages call the folder.

    Raises PluginError when the folder holds no such pipeline, or one that does not predict noise.
    """
    if not (weights / "model_index.json").is_file():
        raise PluginError(f"{shown} is no folder of Stable Diffusion in the layout of diffusers: no model_index.json")
    with _quiet():
        from diffusers import StableDiffusionPipeline
        from peft import LoraConfig

        try:
            pipeline = StableDiffusionPipeline.from_pretrained(  # type: ignore[no-untyped-call]
                str(weights), use_safetensors=True, local_files_only=True, dtype=torch.float32,
                safety_checker=None, feature_extractor=None, requires_safety_checker=False,
            )  # fmt: skip
        except (AttributeError, ImportError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            told = (str(error).replace(str(weights), shown).strip() or type(error).__name__).splitlines()[0]
            raise PluginError(f"cannot read Stable Diffusion from {shown}: {told}") from error
        pipeline.unet.add_adapter(LoraConfig(r=p.rank, lora_alpha=p.rank, target_modules=list(ATTENTION)))
    if pipeline.scheduler.config.get("prediction_type", "epsilon") != "epsilon":
        raise PluginError(f"the model in {shown} does not predict noise, as Stable Diffusion 1.5 does")
    pipeline.set_progress_bar_config(disable=True)
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        part.requires_grad_(False).eval()
    for name, weight in pipeline.unet.named_parameters():
        weight.requires_grad_(".lora_" in name)
    return pipeline.to(device)


def learnt(pipeline: Any) -> dict[str, Tensor]:
    """The weights of LoRA by the names that diffusers reads and writes them with."""
    named = pipeline.unet.named_parameters()
    return {f"unet.{name.replace('.default.', '.')}": weight for name, weight in named if weight.requires_grad}


def train(
    pipeline: Any,
    images: Callable[[Sequence[int]], Bits],
    flows: int,
    p: StableDiffusionParameters,
    context: Context,
) -> list[list[float]]:
    """Train the LoRA weights in place. Returns losses, see `Course`.

    The loss is the mean squared error of the noise in the latent space of the VAE (arXiv 2112.10752, equation 2).

    Args:
        pipeline: see `opened`.
        images: the images, int8 (N, rows, WIDTH), of N flows.
        flows: of how many flows there are images.
        p: parameters of the system.
        context: of the fit.
    """
    from diffusers import DDPMScheduler

    unet, vae, device = pipeline.unet, pipeline.vae, pipeline.device
    schedule = DDPMScheduler.from_config(pipeline.scheduler.config)  # type: ignore[no-untyped-call]
    weights = learnt(pipeline)
    optimiser = torch.optim.AdamW(list(weights.values()), p.learning_rate)
    with_state(optimiser)
    with torch.no_grad():
        caption = pipeline.encode_prompt(p.caption, device, 1, False)[0].expand(p.batch, -1, -1)

    def step(_done: int, _share: float) -> Tensor:
        chosen = torch.randint(flows, (p.batch,)).tolist()
        bits = torch.from_numpy(images(chosen)).to(device)
        with _matrices(p, device):
            with torch.no_grad():
                latents = vae.encode(pictures(bits, p.square)).latent_dist.sample().float() * vae.config.scaling_factor
            noise = torch.randn_like(latents)
            times = torch.randint(schedule.config.num_train_timesteps, (p.batch,), device=device)
            found = unet(schedule.add_noise(latents, noise, times), times, encoder_hidden_states=caption).sample
        loss = F.mse_loss(found.float(), noise)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return loss.detach()[None]

    identity = {"parameters": asdict(p), "flows": flows}
    stage = Stage("picture", p.steps, math.ceil(flows / p.batch), step)
    return fit([stage], {**weights, **optimised("adam", optimiser)}, identity, context).losses


def draw(pipeline: Any, count: int, p: StableDiffusionParameters, rng: np.random.Generator) -> Bits:
    """Images of so many flows, int8 (count, rows, WIDTH), by the scheduler of the pipeline."""
    height, width = sides(p.rows, p.square)
    drawn = np.empty((count, p.rows, WIDTH), np.int8)
    for begin in range(0, count, PICTURES):
        part = drawn[begin : begin + PICTURES]
        with _matrices(p, pipeline.device):
            painted = pipeline(
                [p.caption] * len(part), height=height, width=width, num_inference_steps=p.sampling_steps,
                guidance_scale=p.guidance, output_type="pt",
                generator=torch.Generator().manual_seed(int(rng.integers(2**63))),
            ).images  # fmt: skip
        part[:] = bits_of(2 * painted.float() - 1, p.rows, p.square).cpu().numpy()
    return drawn


def _matrices(p: StableDiffusionParameters, device: torch.device) -> torch.autocast:
    """Products are in the type that the parameters say."""
    dtype = matrix_type(p.precision, device)
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype != torch.float32)
