"""Planned FLOPs over measured time: steps of the preset's model on this machine, on one core, with random latents."""

import time
from collections.abc import Callable

import torch

from mova_core.flow_matching.experts import HIGH_NOISE
from mova_core.model.single_thread import single_thread
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.training.plan.workload import workload_of
from mova_core.training.recipe import Phase

CLIPS, REPEATS = 8, 5
MATRIX = 512  # of the product that shows what this core can do; a larger one is no faster


def measure(phase: Phase, params: Params) -> dict[str, float]:
    """Time of forward and backward of a few clips of a joint phase, and of a matrix product, in float32.

    Returns:
        `clips`, `step_s`, `flops`, `flops_per_s`, `peak_flops_per_s` (of the matrix product) and `mfu`, their ratio.
    """
    workload, geometry = workload_of(phase, params), phase.geometry(params)
    sizes, canvas = params.latent_sizes, geometry.canvases[0]
    towers = preset_dual_tower(params)
    grid = geometry.latent_frames, canvas.latent_height, canvas.latent_width
    audio_latents = workload.tokens.audio * geometry.audio_latents_per_token
    noisy = LatentPair(torch.randn(CLIPS, sizes["video"], *grid), torch.randn(CLIPS, sizes["audio"], audio_latents))
    condition = torch.randn(CLIPS, towers.video_dit.config["in_dim"] - sizes["video"], *grid)
    context, timestep_B2 = torch.randn(CLIPS, workload.tokens.text, sizes["text"]), torch.full((CLIPS, 2), 500.0)

    def step() -> None:
        fps = float(geometry.fps)
        velocity = towers(noisy, timestep_B2, condition, context, expert=HIGH_NOISE, video_fps=fps)
        (velocity.video.square().mean() + velocity.audio.square().mean()).backward()

    with single_thread():
        step_s, peak = _fastest(step), core_flops_per_s()
    flops = CLIPS * (workload.step.forward + workload.step.backward)
    rates = {"flops_per_s": flops / step_s, "peak_flops_per_s": peak, "mfu": flops / step_s / peak}
    return {"clips": CLIPS, "step_s": step_s, "flops": flops, **rates}


def core_flops_per_s(dtype: torch.dtype = torch.float32) -> float:
    """FLOPs a second of a matrix product on one core; to be called inside `single_thread`."""
    matrix = torch.ones(MATRIX, MATRIX, dtype=dtype)
    return 2 * MATRIX**3 / _fastest(lambda: matrix @ matrix)


def _fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of some calls, after one that warms up."""
    seconds = []
    for _ in range(1 + REPEATS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds[1:])
