"""Clips that a joint phase makes while it trains, to look at and listen to: `samples/` of the run's folder.

    samples/step-NNNNNN/0.mp4 …      a clip a prompt, by the averaged weights, from the same noise each time
    samples/step-NNNNNN/clips.json   what they are; written last, a folder without it is not finished
The sampler is that of `generate`. A phase that trains the audio tower alone makes none: a clip takes both towers.
"""

from functools import cached_property
from pathlib import Path
from typing import cast

import torch
from torch import nn

from mova_core.flow_matching import BOUNDARY_RATIO
from mova_core.media.provenance import Provenance, write_provenance
from mova_core.model.model_folder import new_components
from mova_core.model.pretrained.frozen_parts import FrozenParts
from mova_core.model.towers.dual_tower import DualTower, LatentPair
from mova_core.places import SAMPLE_CLIPS_FILE, SAMPLES
from mova_core.sampling.clip_file import write_clip
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.conditioning.encode_inputs import encode_inputs
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.output import Output, decode
from mova_core.storage.atomic import atomic_path
from mova_core.storage.manifest import write_manifest
from mova_core.training.monitor.watched import Watched


class SampleClips:
    """Makes the clips of one run, in every process alike: the averaged weights may lie in parts.

    Args:
        watched: the run.
        average: the averaged weights.
        device: that computes.
        run: the run's folder.
        run_id: told in each clip.
    """

    def __init__(self, watched: Watched, average: nn.Module, device: torch.device, run: Path, run_id: str) -> None:
        self._watched, self._average, self._device = watched, average, device
        self._folder, self._run_id = run / SAMPLES, run_id
        self._asked = watched.params.train.monitor.samples

    def after(self, step: int, main: bool) -> None:
        """Make clips if it is time for it; the first process writes them.

        Args:
            step: how many are done.
            main: whether this is the first process.

        Raises:
            UsageError: a prompt that is empty or too long.
        """
        if step % self._asked.every:
            return
        with torch.inference_mode():
            latents = self._latents()
            if main:
                self._write(decode(self._generator.model, latents, self._generator.defaults), step)

    @cached_property
    def _generator(self) -> ClipGenerator:
        """Codecs and text encoder are read when the first clips are due."""
        params, geometry = self._watched.params, self._watched.phase.geometry(self._watched.params)
        parts = FrozenParts.of(params, self._watched.data)
        towers = cast(DualTower, self._average)
        model = new_components(towers, parts, geometry, params.generate, BOUNDARY_RATIO)
        return ClipGenerator(model, self._device)  # weights of cpu_offload wait elsewhere than they compute

    def _latents(self) -> LatentPair:
        generator, settings = self._generator, self._generator.defaults
        clips = [ClipInputs(prompt, seed) for prompt, seed in zip(self._asked.prompts, self._seeds, strict=True)]
        generator.check(clips, "", settings)
        canvas = generator.canvas(clips, settings)
        conditioning = encode_inputs(generator.model, clips, "", settings, canvas, generator.device)
        return generator.sample(generator.noise(self._seeds, settings, canvas), conditioning, settings)

    def _write(self, output: Output, step: int) -> None:
        name, settings, clips = f"step-{step:06d}", self._generator.defaults, []
        made = zip(self._asked.prompts, self._seeds, output.videos, output.audios, strict=True)
        for index, (prompt, seed, video, audio) in enumerate(made):
            path = self._folder / name / f"{index}.mp4"
            with atomic_path(path) as temporary:
                write_clip(temporary, video, audio, output.geometry, settings.enlarge)
                write_provenance(temporary, Provenance(f"{self._run_id}/{name}"))
            clips.append({"path": path.name, "prompt": prompt, "seed": seed})
        told = {"run_id": self._run_id, "step": step, "settings": settings.model_dump(mode="json"), "clips": clips}
        write_manifest(self._folder / name / SAMPLE_CLIPS_FILE, told)

    @property
    def _seeds(self) -> list[int]:
        return [self._watched.params.seed + index for index in range(len(self._asked.prompts))]
