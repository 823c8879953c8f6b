"""The denoising loop: the expert and the guidance branches of each step, what is given, and stopping early.

Samples of a batch do not act on each other, so a sample comes out the same alone or among others.
Shape suffixes: B batch, C channels, T latent frames, H W latent rows and columns, K context positions.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mova_core.errors import MovaError, UsageError
from mova_core.flow_matching import PairSchedule
from mova_core.flow_matching.experts import BOUNDARY_RATIO, expert_at
from mova_core.flow_matching.schedule import TRAINING_STEPS
from mova_core.model.towers.bridge import BRIDGE_OFF, BridgeScale
from mova_core.model.towers.dual_tower import DualTower, LatentPair
from mova_core.model.towers.one_tower import OneTower
from mova_core.params.generate import CacheKind
from mova_core.sampling.branch_parallel.messages import BeginRun, NextStep
from mova_core.sampling.branch_parallel.processes import BranchParallel, Velocities
from mova_core.sampling.conditioning.conditioning import Conditioning
from mova_core.sampling.conditioning.known import NOTHING_KNOWN
from mova_core.sampling.guidance import Guidance, GuidanceBranch
from mova_core.sampling.reuse.step_cache import StepCache
from mova_core.sampling.reuse.tables_of_run import TablesOfRun
from mova_core.sampling.settings import MODALITIES
from mova_core.sampling.solver import SOLVERS, steps_of

# The branches of a step run as one batch up to this many positions of video latents (4 a token): faster for one nano
# clip on one core, nothing gained from 16 clips on.
MERGE_UP_TO_LATENTS = 2048


class GenerationCancelled(MovaError):
    """The caller stopped the generation: `cancelled` returned True."""


class NotFinite(MovaError):
    """Latents with values that are no numbers.

    Args:
        told: what else there is to say, in a few words.
    """

    def __init__(self, told: str = "") -> None:
        super().__init__(
            "the model's velocities are not finite: its weights are broken, or the scales too strong"
            + (f" ({told})" if told else "")
        )


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told of a generation while it runs, and may change it.

    Args:
        cancelled: asked before each step; True ends the run.
        on_step: told after each step how many are done.
        on_latents: gets a step's index, its timesteps [2] and the latents after it, and returns those to go on with.
    """

    cancelled: Callable[[], bool] = lambda: False
    on_step: Callable[[int], object] = lambda done: None
    on_latents: Callable[[int, Tensor, LatentPair], LatentPair] = lambda step, timesteps, latents: latents


UNWATCHED = Watcher()


@dataclass(frozen=True, slots=True)
class Sampler:
    """Noise to latents.

    Args:
        model: towers and Bridge, or one tower alone.
        schedule: noise levels of both modalities.
        guidance: scales.
        video_fps: pixel frames per second.
        boundary_ratio: the video's sigma below which the low-noise expert works.
        solver: a key of `SOLVERS`.
        watcher: told while it runs.
        parallel: processes that divide the guidance branches of a step, unless these run as one batch; None for this
            one alone. It changes no bit.
        cache: what is not computed in each evaluation of the velocity, see `step_cache`.
        cache_interval: evaluations from one that computes it to the next.

    Raises:
        UsageError: cache `null_branch` beside `parallel`.
    """

    model: DualTower | OneTower
    schedule: PairSchedule
    guidance: Guidance
    video_fps: float
    boundary_ratio: float = BOUNDARY_RATIO
    solver: str = "euler"
    watcher: Watcher = UNWATCHED
    parallel: BranchParallel | None = None
    cache: CacheKind = "none"
    cache_interval: int = 2

    def __post_init__(self) -> None:
        if self.cache == "null_branch" and self.parallel is not None:
            raise UsageError(
                "cache is null_branch and another process runs a part of the branches: leave one of the two out"
            )

    @torch.no_grad()
    def sample(self, noise: LatentPair, conditioning: Conditioning) -> LatentPair:
        """Clean latents, float32.

        Raises:
            GenerationCancelled: the watcher said so.
            NotFinite: the model's velocities are not.
            OtherProcessLost: the process that divides the branches has died.
        """

        tables, known = TablesOfRun(self.model, conditioning.contexts, self.video_fps), conditioning.known.on(noise)
        cache = StepCache(self.cache, self.cache_interval)

        def velocity_at(latents: LatentPair, sigma_2: Tensor) -> LatentPair:
            latents = known.put_into(latents, noise, sigma_2)
            sigma_2 = sigma_2 * torch.tensor([conditioning.video is None, conditioning.audio is None])
            expert = expert_at(sigma_2[0], self.boundary_ratio)
            of_step = _with_given(latents, conditioning), sigma_2 * TRAINING_STEPS, conditioning, expert
            return cache.velocity(sigma_2, expert, lambda: self.velocity(*of_step, tables, cache))

        if self.parallel is not None:
            only = self.model.modality if isinstance(self.model, OneTower) else None
            told = replace(conditioning, known=NOTHING_KNOWN).to("cpu")
            self.parallel.tell(BeginRun(only, self.schedule, self.guidance, self.video_fps, told))
        latents = noise
        for number, step in enumerate(steps_of(self.schedule)):
            if self.watcher.cancelled():
                raise GenerationCancelled(f"cancelled before step {number + 1} of {self.schedule.steps}")
            latents = SOLVERS[self.solver](latents, velocity_at, step)
            latents = self.watcher.on_latents(number, step.sigma * TRAINING_STEPS, latents)
            self.watcher.on_step(number + 1)
        if not (latents.video.isfinite().all() and latents.audio.isfinite().all()):
            raise NotFinite()
        return _with_given(known.put_back(latents), conditioning)

    def velocity(
        self,
        latents: LatentPair,
        timestep_2: Tensor,
        conditioning: Conditioning,
        expert: str,
        tables: TablesOfRun | None = None,
        cache: StepCache | None = None,
    ) -> LatentPair:
        """Guided velocity of both modalities, float32, at one timestep each; 0 of a given one, which stays as it is.

        Timesteps are on the processor, so that no step waits for another device. `tables` are those of a run of such
        steps; without them the texts are computed anew, to the same bits. `cache` is that of a run, None for none.
        """
        cache = cache or StepCache()
        sigma = conditioning.generated(timestep_2)
        needs = self.guidance.needs(sigma)
        branches = tuple(needs)
        merged = latents.video[:, 0].numel() <= MERGE_UP_TO_LATENTS
        parallel = None if merged else self.parallel  # a batch of another size would change the last bits
        if parallel is not None:
            parallel.tell(NextStep(latents.to("cpu"), timestep_2, expert))
        mine = cache.branches(branches) if parallel is None else parallel.mine(branches)
        velocities: Velocities = {}
        for group in [mine] if merged else [(branch,) for branch in mine]:
            modalities = set[str]().union(*(needs[branch] for branch in group))
            velocities |= self._run(group, modalities, latents, timestep_2, conditioning, expert, tables)
        if parallel is not None:
            velocities = parallel.exchange(branches, velocities, latents._asdict())
        velocities = cache.complete(branches, velocities)
        still = {modality: torch.zeros_like(each) for modality, each in latents._asdict().items()}
        return LatentPair(**still | self.guidance.combine(velocities, latents._asdict(), sigma))

    def _run(
        self,
        group: Sequence[GuidanceBranch],
        modalities: Collection[str],
        latents: LatentPair,
        timestep_2: Tensor,
        conditioning: Conditioning,
        expert: str,
        tables: TablesOfRun | None,
    ) -> Velocities:
        """Branches as one batch, those without the Bridge first, for the velocities of these modalities."""
        size, times = len(latents.video), len(group)
        alone = sum(not branch.bridge for branch in group)
        noisy = LatentPair(latents.video.repeat(times, 1, 1, 1, 1), latents.audio.repeat(times, 1, 1))
        model: DualTower | OneTower = self.model
        texts = conditioning.contexts(group) if tables is None else tables.of(group, expert, noisy)
        if alone == times and len(modalities) == 1 and isinstance(model, DualTower):  # the other tower has no part
            model = OneTower(model, next(modality for modality in MODALITIES if modality in modalities))
        velocity = model(
            noisy,
            torch.stack([_filled(noisy.video, timestep) for timestep in timestep_2.tolist()], dim=1),
            conditioning.condition.repeat(times, 1, 1, 1, 1),
            texts,
            expert=expert,
            video_fps=self.video_fps,
            bridge_scale=BRIDGE_OFF if alone == times else BridgeScale(first=alone * size),
        )
        pairs = zip(velocity.video.float().split(size), velocity.audio.float().split(size), strict=True)
        return {branch: LatentPair(*pair)._asdict() for branch, pair in zip(group, pairs, strict=True)}


def _filled(latents: Tensor, value: float) -> Tensor:
    """One number for each sample [B], float32, on the latents' device without a copy from the processor."""
    return torch.full((len(latents),), value, dtype=torch.float32, device=latents.device)


def _with_given(latents: LatentPair, conditioning: Conditioning) -> LatentPair:
    """The latents with a given modality in its place, clean."""
    video, audio = conditioning.video, conditioning.audio
    return LatentPair(latents.video if video is None else video, latents.audio if audio is None else audio)
