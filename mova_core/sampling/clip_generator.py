"""Generates clips: the whole model in one call, and its parts for who needs them apart.

Noise comes from one generator a clip, seeded with the clip's seed, video first, then audio; so a clip does not depend
on its batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from mova_core.errors import StaleError, UsageError
from mova_core.flow_matching import BOUNDARY_RATIO, PairSchedule
from mova_core.geometry import Canvas
from mova_core.model.model_folder import Components, load_components
from mova_core.model.placement import by_kind, place
from mova_core.model.text.prompt import check_prompt
from mova_core.model.towers.dual_tower import DualTower, LatentPair
from mova_core.model.towers.one_tower import OneTower
from mova_core.params.generate import Modality
from mova_core.params.runtime import ON_ANY_DEVICE, RuntimeParams
from mova_core.sampling.branch_parallel.messages import BeginRun, NextStep
from mova_core.sampling.branch_parallel.processes import BranchParallel
from mova_core.sampling.conditioning.conditioning import Conditioning
from mova_core.sampling.conditioning.encode_inputs import encode_inputs, on_canvas
from mova_core.sampling.conditioning.extend import extended
from mova_core.sampling.guidance_settings import check_interval, guidance_of
from mova_core.sampling.inputs import ClipInputs, check_alike
from mova_core.sampling.output import Output, decode
from mova_core.sampling.reuse.tables_of_run import TablesOfRun
from mova_core.sampling.sampler import UNWATCHED, Sampler, Watcher
from mova_core.sampling.settings import GenerateSettings


class ClipGenerator:
    """A model ready to generate.

    Args:
        model: of a folder, or made in memory.
        device: that computes; None: where the towers' weights lie.
        release: called after each batch of clips, whatever happened to it; None: nothing comes and goes.
        runtime: as which it was placed.
        parallel: processes that divide the guidance branches; None: this one alone.
    """

    def __init__(
        self,
        model: Components,
        device: torch.device | None = None,
        release: Callable[[], None] | None = None,
        runtime: RuntimeParams = ON_ANY_DEVICE,
        parallel: BranchParallel | None = None,
    ) -> None:
        self.model, self._release, self._runtime, self._parallel = model, release, runtime, parallel
        self.device = next(model.towers.parameters()).device if device is None else device
        self.defaults = GenerateSettings.of(model.index)

    @classmethod
    def load(cls, folder: Path, runtime: RuntimeParams) -> "ClipGenerator":
        """The model of a folder, on the device and in the dtype that are asked for.

        Raises:
            UsageError: a device that is not there, or a dtype that it cannot compute in; and see `load_components`.
            StaleError: see `load_components`.
        """
        return cls.of(load_components(folder), runtime)

    @classmethod
    def of(cls, model: Components, runtime: RuntimeParams, parallel: BranchParallel | None = None) -> "ClipGenerator":
        """A model in memory, placed as asked; errors as of `place`."""
        return cls(model, *place(model, runtime), runtime, parallel)

    @property
    def computed_on(self) -> RuntimeParams:
        """As which it was placed, devices by their kind."""
        return by_kind(self._runtime)

    @property
    def shareable(self) -> bool:
        """Whether threads may generate at the same time: on the processor, and no weights come and go."""
        return self.device.type == "cpu" and self._release is None

    def generate(
        self,
        clips: Sequence[ClipInputs],
        settings: GenerateSettings,
        *,
        negative_prompt: str = "",
        noise: LatentPair | None = None,
        watcher: Watcher = UNWATCHED,
    ) -> Output:
        """Generate clips together.

        Args:
            clips: which are alike, see `check_alike`; the first one's frame decides between landscape and portrait for
                all.
            settings: how.
            negative_prompt: text of the unconditional forwards, but of a modality that has its own in the settings.
            noise: instead of drawing it by seed; not of clips that are extended.
            watcher: told while it runs.

        Raises:
            UsageError: an empty or over-long prompt, or inputs that do not fit the clip.
            StaleError: the geometry's audio hop is not the codec's.
            GenerationCancelled: the watcher said so.
        """
        self.check(clips, negative_prompt, settings)
        canvas = self.canvas(clips, settings)
        clips = [on_canvas(clip, canvas) for clip in clips]

        def make(pieces: Sequence[ClipInputs], settings: GenerateSettings, noise: LatentPair | None = None) -> Output:
            noise = noise or self.noise([piece.seed for piece in pieces], settings, canvas)
            conditioning = encode_inputs(self.model, pieces, negative_prompt, settings, canvas, self.device)
            latents = self.sample(noise, conditioning, settings, watcher, pieces[0].only)
            return decode(self.model, latents, settings, pieces)

        if clips[0].extend and noise is not None:
            raise UsageError("noise is given for clips that are extended: each piece draws its own, by its seed")
        try:
            return extended(clips, settings, make) if clips[0].extend else make(clips, settings, noise)
        finally:
            if self._release is not None:
                self._release()

    def canvas(self, clips: Sequence[ClipInputs], settings: GenerateSettings) -> Canvas:
        """The frame shape of clips that are generated together."""
        return settings.canvas(next((clip.shown for clip in clips if clip.shown is not None), None))

    def check(self, clips: Sequence[ClipInputs], negative_prompt: str, settings: GenerateSettings) -> None:
        """Refuse what cannot be generated before anything is computed; errors as of `generate`."""
        if not clips:
            raise UsageError("no prompt was given, expected at least one")
        geometry, text = settings.clip_geometry, self.model.text
        for prompt in [*(clip.prompt for clip in clips), *settings.negative_prompts(negative_prompt)]:
            check_prompt(prompt, text.count_tokens(prompt), text.max_tokens)
        for clip in clips:
            clip.check(geometry)
        check_alike(clips)
        check_interval(settings, self._schedule(settings), clips[0].task.generated)
        if self.model.audio_hop != geometry.audio_hop:
            raise StaleError(
                f"geometry {settings.geometry} has an audio hop of {geometry.audio_hop}, the model's codec "
                f"{self.model.audio_hop}: they do not belong together"
            )

    def noise(self, seeds: Sequence[int], settings: GenerateSettings, canvas: Canvas) -> LatentPair:
        """Standard normal latents on the processor, one generator a clip."""
        return self.drawn([torch.Generator("cpu").manual_seed(seed) for seed in seeds], settings, canvas)

    def drawn(self, generators: Sequence[torch.Generator], settings: GenerateSettings, canvas: Canvas) -> LatentPair:
        """Standard normal latents, each clip's by its generator."""
        towers, geometry = self.model.towers, settings.clip_geometry
        video_shape = (
            towers.video_dit.config["out_dim"],
            geometry.latent_frames,
            canvas.latent_height,
            canvas.latent_width,
        )
        # Whole audio tokens; what they have beyond the clip is cut off when it is decoded.
        audio_shape = (towers.audio_dit.config["out_dim"], geometry.audio_tokens * geometry.audio_latents_per_token)
        video, audio = [], []
        for generator in generators:
            video.append(torch.randn(video_shape, generator=generator, device=generator.device))
            audio.append(torch.randn(audio_shape, generator=generator, device=generator.device))
        return LatentPair(torch.stack(video), torch.stack(audio))

    def sample(
        self,
        noise: LatentPair,
        conditioning: Conditioning,
        settings: GenerateSettings,
        watcher: Watcher = UNWATCHED,
        only: Modality | None = None,
    ) -> LatentPair:
        """Clean latents; errors as of `Sampler.sample`.

        Args:
            noise: standard normal latents.
            conditioning: what the clips are generated from.
            settings: how.
            watcher: told while it runs.
            only: the one modality that is made; the other one's tower is not run, and its latents stay noise.
        """
        index, guidance = self.model.index, guidance_of(settings)
        noise = noise.to(self.device)
        if only is not None:
            guidance = replace(guidance, bridge=False)
            absent = {name: latents for name, latents in noise._asdict().items() if name != only}
            conditioning = replace(conditioning, **absent)
        sampler = Sampler(
            model=self._towers(only),
            schedule=self._schedule(settings),
            guidance=guidance,
            video_fps=float(settings.clip_geometry.fps),
            boundary_ratio=BOUNDARY_RATIO if index.boundary_ratio is None else index.boundary_ratio,
            solver=settings.solver,
            watcher=watcher,
            parallel=self._parallel,
            cache=settings.cache,
            cache_interval=settings.cached_steps,
        )
        return sampler.sample(noise, conditioning)

    @torch.no_grad()
    def follow(self, parallel: BranchParallel) -> None:
        """Run this process's part of the branches of each step that the first one takes, until there are no more.

        Raises:
            OtherProcessLost: the first process has died.
        """
        while (told := parallel.told()) is not None:
            if isinstance(told, BeginRun):
                model, conditioning = self._towers(told.only), told.conditioning.to(self.device)
                sampler = Sampler(model, told.schedule, told.guidance, told.video_fps, parallel=parallel)
                tables = TablesOfRun(model, conditioning.contexts, told.video_fps)
            elif isinstance(told, NextStep):
                sampler.velocity(told.latents.to(self.device), told.timestep_2, conditioning, told.expert, tables)

    def _towers(self, only: Modality | None) -> DualTower | OneTower:
        return self.model.towers if only is None else OneTower(self.model.towers, only)

    def _schedule(self, settings: GenerateSettings) -> PairSchedule:
        return PairSchedule(settings.steps, settings.video_shift, settings.audio_shift, self.model.index.shift)
