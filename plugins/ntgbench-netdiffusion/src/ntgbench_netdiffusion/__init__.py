"""NetDiffusion: flows as images of header bits, made by diffusion."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec, Occupies
from ntgbench_netdiffusion.parameters import NetDiffusionParameters, StableDiffusionParameters

TIMES = (("times", "header bits hold no times: its packets are evenly spaced"),)


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The generators."""
    return [
        GeneratorSpec(
            "netdiffusion-small",
            "ntgbench_netdiffusion.generator:NetDiffusion",
            "NetDiffusion: flows as images of header bits; a small diffusion model from scratch, headers repaired",
            parameters=NetDiffusionParameters,
            needs=("torch",),
            batch="batch",
            track="headers",
            lacks=TIMES,
        ),
        GeneratorSpec(
            "netdiffusion",
            "ntgbench_netdiffusion.lora_generator:StableNetDiffusion",
            "NetDiffusion: LoRA on your Stable Diffusion, netdiffusion[weights=…]; headers repaired",
            parameters=StableDiffusionParameters,
            # With peft come torch and transformers.
            needs=("diffusers", "peft"),
            batch="batch",
            track="headers",
            files=("weights",),
            occupies=Occupies(memory_gib=16.0),
            lacks=TIMES,
        ),
    ]
