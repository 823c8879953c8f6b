"""What the Bridge's own guidance costs over text guidance, and our step against the equations written out plainly.

Nano towers at 48 pixels with the default settings, random weights and texts: neither changes how long a step takes.
"""

from dataclasses import replace

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.baselines.plain_step import Pair, PlainModel, Text, dual_step
from benchmarks.measure import Row, ratio, row
from mova_core.flow_matching import BOUNDARY_RATIO, PairSchedule
from mova_core.flow_matching.experts import expert_at
from mova_core.geometry import VIDEO_FRAMES_PER_LATENT
from mova_core.model.single_thread import single_thread
from mova_core.model.text.prompt import NANO_CONTEXT_LENGTH
from mova_core.model.towers.dual_tower import DualTower, LatentPair
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.sampling.conditioning.conditioning import Conditioning
from mova_core.sampling.guidance import Guidance
from mova_core.sampling.sampler import Sampler

NANO = Params()
GEOMETRY, SIZES = NANO.clip_geometry, NANO.latent_sizes
DEFAULTS = NANO.generate
BRIDGE_SCALE, TEXT_SCALE = DEFAULTS.bridge_guidance_scale, DEFAULTS.text_guidance_scale
TEXT_ONLY = 1.0  # the Bridge scale at which text guidance is left: two passes
CLIPS = {1: 15, 16: 5}  # clips made together, as a request is served and as a suite is evaluated; and repeats


def guidance_and_step() -> list[Row]:
    """Measure all of them, on one core: two wait for each other whenever the machine has something else to do."""
    towers = open_nano_towers()
    found = [_flops(towers)]
    with single_thread():
        for clips, repeats in CLIPS.items():
            found += [_guidance(towers, clips, repeats, bound=found[0].value), _step(towers, clips, repeats)]
    return found


def open_nano_towers() -> DualTower:
    """Fresh nano towers with a Bridge that acts: at first its output is zero."""
    towers = preset_dual_tower(NANO).eval()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in towers.dual_tower_bridge.named_parameters():
        if ".inner.o." in name:
            parameter.data.normal_(std=0.1, generator=generator)
    return towers


def made_start(clips: int) -> tuple[LatentPair, Conditioning]:
    """Noise and random conditions of so many clips."""
    generator = torch.Generator().manual_seed(2)
    canvas = GEOMETRY.canvases[0]
    video_shape = (GEOMETRY.latent_frames, canvas.latent_height, canvas.latent_width)
    audio_latents = GEOMETRY.audio_tokens * GEOMETRY.audio_latents_per_token
    draw = (
        (SIZES["video"], *video_shape),
        (SIZES["audio"], audio_latents),
        (NANO_CONTEXT_LENGTH, SIZES["text"]),
        (NANO_CONTEXT_LENGTH, SIZES["text"]),
        (VIDEO_FRAMES_PER_LATENT + SIZES["video"], *video_shape),
    )
    video, audio, prompt, negative, condition = (torch.randn(clips, *shape, generator=generator) for shape in draw)
    return LatentPair(video, audio), Conditioning(prompt, negative, condition)


def made_sampler(towers: DualTower, bridge_scale: float, text_scale: float) -> Sampler:
    """The sampler of the default settings."""
    schedule = PairSchedule(DEFAULTS.steps, DEFAULTS.video_shift, DEFAULTS.audio_shift)
    return Sampler(towers, schedule, Guidance(bridge_scale, text_scale), float(GEOMETRY.fps))


@torch.no_grad()
def plain_sample(towers: DualTower, noise: LatentPair, conditioning: Conditioning) -> Pair:
    """What `made_sampler` samples with the default scales, by the plain step."""
    model = PlainModel(towers.state_dict(), {name: part.config for name, part in towers.named_children()})
    text = Text(conditioning.context, conditioning.negative_context)
    schedule = made_sampler(towers, BRIDGE_SCALE, TEXT_SCALE).schedule
    sigmas, changes = schedule.sigmas, schedule.update_sigmas.diff(dim=0)
    latents = (noise.video, noise.audio)
    for step in range(schedule.steps):
        latents = dual_step(
            model,
            expert_at(sigmas[step, 0], BOUNDARY_RATIO),
            latents,
            conditioning.condition,
            text,
            float(GEOMETRY.fps),
            (sigmas[step, 0], sigmas[step, 1]),
            (changes[step, 0], changes[step, 1]),
            BRIDGE_SCALE,
            TEXT_SCALE,
        )
    return latents


def step_flops(towers: DualTower, bridge_scale: float) -> int:
    """Floating-point operations of one step for one clip."""
    sampler = made_sampler(towers, bridge_scale, TEXT_SCALE)
    one_step = replace(sampler, schedule=replace(sampler.schedule, steps=1))
    # The counter knows the parts of the plain kernel, not the processor's fused one: they do the same sums.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        one_step.sample(*made_start(1))
    return counter.get_total_flops()


def _guidance(towers: DualTower, clips: int, repeats: int, bound: float) -> Row:
    dual, text = (made_sampler(towers, scale, TEXT_SCALE) for scale in (BRIDGE_SCALE, TEXT_ONLY))
    start = made_start(clips)
    return ratio(
        f"sampler.dual_guidance_of_{clips}",
        lambda: dual.sample(*start),
        lambda: text.sample(*start),
        against=f"text guidance alone, 2 passes instead of 3, {_together(clips)}; by FLOPs {bound:g}",
        better="lower",
        target=1.5,
        repeats=repeats,
    )


def _step(towers: DualTower, clips: int, repeats: int) -> Row:
    sampler, start = made_sampler(towers, BRIDGE_SCALE, TEXT_SCALE), made_start(clips)
    return ratio(
        f"sampler.step_of_{clips}",
        lambda: sampler.sample(*start),
        lambda: plain_sample(towers, *start),
        against=f"the equations (plain_step.py), same attention kernel, float32, 1 thread, {_together(clips)}",
        better="lower",
        repeats=repeats,
    )


def _flops(towers: DualTower) -> Row:
    dual, text = (step_flops(towers, scale) for scale in (BRIDGE_SCALE, TEXT_ONLY))
    return row(
        "sampler.dual_guidance_flops",
        [dual / text],
        against=f"{text / 1e9:.2f} GFLOPs of a step with text guidance alone, 1 clip",
        better="lower",
    )


def _together(clips: int) -> str:
    return "1 clip" if clips == 1 else f"{clips} clips together"
