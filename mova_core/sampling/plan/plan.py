"""The plan of one clip on one card, in one memory mode.

Time is FLOPs / (peak x MFU). Weights come from the processor's memory at the speed of the card's link to it: with
`offload` each component once a clip, and nothing computes meanwhile; with `group_offload` those of a pass in every
pass, while it computes, so that the longer of the two counts.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mova_core.flow_matching import BOUNDARY_RATIO, PairSchedule
from mova_core.flow_matching.experts import expert_at
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params import Params
from mova_core.params.model import Precision
from mova_core.params.runtime import MEMORY_MODES, Memory
from mova_core.plan.hardware import USABLE, Accelerator
from mova_core.sampling.guidance import GuidanceBranch
from mova_core.sampling.guidance_settings import guidance_of
from mova_core.sampling.plan.flops import pass_flops, text_flops
from mova_core.sampling.plan.memory import memory_by_part
from mova_core.sampling.plan.vae_flops import decode_flops, encode_flops
from mova_core.sampling.plan.workload import AUDIO, BRIDGE, HIGH_NOISE, ClipWorkload
from mova_core.sampling.reuse.step_cache import StepCache
from mova_core.sampling.settings import GenerateSettings

EXPERTS = 2


class Passes(NamedTuple):
    """Forward passes of the towers for a clip, with the Bridge and without, and how many texts they read.

    One without the Bridge that runs a single tower, because one modality alone needs it, counts as one of both.
    """

    with_bridge: int
    without_bridge: int
    texts: int

    @classmethod
    def of(cls, settings: GenerateSettings) -> "Passes":
        """Those of a clip that is generated from a text."""
        guidance, cache = guidance_of(settings), StepCache(settings.cache, settings.cached_steps)
        levels = PairSchedule(settings.steps, settings.video_shift, settings.audio_shift).sigmas
        if settings.solver == "heun":  # each step's end too
            levels = torch.cat([levels, levels[1:], torch.zeros(1, 2)])
        run: list[GuidanceBranch] = []

        def evaluate(sigma_2: Tensor) -> LatentPair:
            branches = guidance.branches(dict(zip(LatentPair._fields, sigma_2.tolist(), strict=True)))
            run.extend(needed := cache.branches(branches))
            cache.complete(branches, {branch: {} for branch in needed})
            return LatentPair(sigma_2[0], sigma_2[1])

        for sigma_2 in levels:
            cache.velocity(sigma_2, expert_at(sigma_2[0], BOUNDARY_RATIO), partial(evaluate, sigma_2))
        bridged = sum(branch.bridge for branch in run)
        return cls(bridged, len(run) - bridged, len({branch.text for branch in run}))


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip on a card.

    Args:
        work: what it computes and holds.
        passes: of the towers.
        mode: which weights lie on the card.
        accelerator: the card.
        precision: of the towers.
        mfu: share of the peak that the FLOPs reach.
    """

    work: ClipWorkload
    passes: Passes
    mode: Memory
    accelerator: Accelerator
    precision: Precision
    mfu: float

    @property
    def memory(self) -> dict[str, float]:
        return memory_by_part(self.work, self.mode)

    @property
    def memory_total(self) -> float:
        return sum(self.memory.values())

    @property
    def fits(self) -> bool:
        return self.memory_total <= USABLE * self.accelerator.memory

    @property
    def flops(self) -> dict[str, int]:
        """Of a clip, by part."""
        passes, geometry, released = self.passes, self.work.geometry, "video_vae" in self.work.weights
        return {
            "denoising": passes.with_bridge * pass_flops(self.work, bridge=True)
            + passes.without_bridge * pass_flops(self.work, bridge=False),
            "text keys and values": EXPERTS * passes.texts * text_flops(self.work),
            "video codec": encode_flops(geometry) + decode_flops(geometry) if released else 0,
        }

    @property
    def seconds(self) -> dict[str, float]:
        """Of a clip, by part."""
        rate = self.accelerator.peak(self.precision) * self.mfu
        seconds = {name: flops / rate for name, flops in self.flops.items()}
        sizes = {name: weights.size for name, weights in self.work.weights.items()}
        if self.mode == "offload":
            seconds["moving weights"] = sum(sizes.values()) / self.accelerator.host
        if self.mode == "group_offload":
            moved = (sizes[HIGH_NOISE] + sizes[AUDIO]) / self.accelerator.host
            bridge = sizes[BRIDGE] / self.accelerator.host
            seconds["denoising"] = self.passes.with_bridge * max(
                pass_flops(self.work, bridge=True) / rate, moved + bridge
            ) + self.passes.without_bridge * max(pass_flops(self.work, bridge=False) / rate, moved)
        return seconds

    @property
    def seconds_total(self) -> float:
        return sum(self.seconds.values())

    def summary(self) -> dict[str, Any]:
        """Every number, in bytes, seconds and FLOPs."""
        work = self.work
        return {
            "preset": work.name,
            "accelerator": self.accelerator.name,
            "memory": self.mode,
            "precision": self.precision,
            "tokens": asdict(work.tokens),
            "passes": self.passes._asdict(),
            "parameters": {name: weights.numbers for name, weights in work.weights.items()},
            "flops": self.flops,
            "memory_bytes": {**self.memory, "total": self.memory_total, "of": self.accelerator.memory},
            "fits": self.fits,
            "seconds": {**self.seconds, "total": self.seconds_total},
            "mfu": self.mfu,
        }


def plans_of(
    work: ClipWorkload,
    params: Params,
    accelerators: Sequence[Accelerator],
    precision: Precision,
    mfu: float,
    steps: int | None = None,
) -> list[ClipPlan]:
    """A clip in every memory mode on each card, by section `generate`; `steps` in place of its own."""
    values = params.generate.model_dump(include=set(GenerateSettings.model_fields))
    settings = GenerateSettings.model_validate({**values, "geometry": params.clip_geometry.name}).changed(steps=steps)
    passes = Passes.of(settings)
    return [ClipPlan(work, passes, mode, card, precision, mfu) for mode in MEMORY_MODES for card in accelerators]
