"""The model as a diffusers pipeline: prompts (and frames or audio that are given) to clips.

It is built on `ClipGenerator`, which commands and services use without diffusers' pipelines: those take seconds to
import. What it inherits works on its components: `.to`, `enable_model_cpu_offload`, `enable_group_offload`,
`components`, `device`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from PIL import Image

from mova_core.errors import UsageError
from mova_core.media.image import to_rgb
from mova_core.model.execution_device import execution_device
from mova_core.model.model_folder import Components, load_components, modules_of, save_components
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params.generate import Modality
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.collapse.reseed import generate_guarded
from mova_core.sampling.inputs import ClipInputs, Frame, Frames, Waveform
from mova_core.sampling.lora_methods import LoraMethods
from mova_core.sampling.output import Output
from mova_core.sampling.retake import Interval
from mova_core.sampling.sampler import Watcher
from mova_core.sampling.settings import GenerateSettings, check_guided

# Names of the same settings in diffusers' pipelines.
DIFFUSERS_NAMES = {"num_inference_steps": "steps", "guidance_scale": "text_guidance_scale", "num_frames": "frames"}

OnStepEnd = Callable[["MovaPipeline", int, torch.Tensor, dict[str, Any]], dict[str, Any] | None]


class MovaPipeline(LoraMethods, DiffusionPipeline):
    """A model ready to generate.

    Args:
        model: of a model folder, or made in memory.
    """

    # Only one of these is on the device at a time; the other components come when first used and stay for the clip.
    model_cpu_offload_seq = "text_encoder->video_dit->video_dit_2"

    def __init__(self, model: Components) -> None:
        super().__init__()
        self.model = model
        self.register_modules(**modules_of(model))

    @classmethod
    def _get_signature_keys(cls, obj: Any) -> tuple[set[str], set[str]]:
        """diffusers takes a pipeline's components for the arguments of its `__init__`; ours come in one value."""
        names = {name for name in obj.config if not name.startswith("_")} if isinstance(obj, cls) else set()
        return names, set()

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        device: str | torch.device = "cpu",
        torch_dtype: torch.dtype | None = None,
    ) -> "MovaPipeline":
        """The model of a folder, released or ours.

        Args:
            folder: where it lies.
            device: of its weights; nano codecs and text stay on the processor.
            torch_dtype: of the towers and the Bridge; None: that of their files.

        Raises:
            UsageError, StaleError: see `load_components`.
        """
        return cls(load_components(Path(folder), device, torch_dtype))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model as a folder that `from_pretrained` reads; UsageError where the place is taken."""
        save_components(self.model, Path(folder))

    @property
    def defaults(self) -> GenerateSettings:
        """How it generates unless a call says otherwise."""
        return self.clip_generator.defaults

    @property
    def clip_generator(self) -> ClipGenerator:
        """The same model without diffusers' pipeline around it."""
        return ClipGenerator(self.model, execution_device(self.model.towers.video_dit))

    def __call__(
        self,
        prompt: str | Sequence[str],
        image: Any = None,
        *,
        last_image: Any = None,
        video: Frames | Sequence[Frames] | None = None,
        audio: Waveform | Sequence[Waveform] | None = None,
        only: Modality | None = None,
        extend: int = 0,
        retake: Interval | None = None,
        negative_prompt: str = "",
        seed: int | Sequence[int] = 0,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        noise: LatentPair | None = None,
        callback_on_step_end: OnStepEnd | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        on_step: Callable[[int], object] = lambda done: None,
        **changes: Any,
    ) -> Output:
        """Generate a clip per prompt.

        Args:
            prompt: one or several texts.
            image: first frame, a Pillow image or uint8 [H, W, 3] RGB: one for all, or one (or None) per prompt; the
                first one's shape decides between landscape and portrait for all.
            last_image: last frame, in the same forms. It guides the clip's end, while a first frame is kept as it is.
            video: given, one for each prompt: as many frames as the clip, cropped and scaled to its canvas. The audio
                is made for it (task `audio_from_video`), or with `extend` and `retake` it is changed.
            audio: given, one for each prompt: as many samples as the clip, at its rate. The video is made for it
                (`video_from_audio`), or it is changed with its video.
            only: `video` or `audio`: the one modality that is made (`video_alone`, `audio_alone`).
            extend: so many pieces more: the clip that is made, or the given video and audio of any length, goes on.
            retake: from and to which second of the given video and audio all is made anew; the rest is kept.
            negative_prompt: text of the unconditional forwards.
            seed: sample i is seeded with seed + i; or one seed per prompt.
            generator: draws the noise instead of the seeds: one for all samples in order, or one per prompt.
            noise: instead of drawing it.
            callback_on_step_end: as in diffusers' pipelines: called with the pipeline, the step's index, its timesteps
                [2] (video, audio) and {"latents": LatentPair}; the latents of what it returns are gone on with.
            cancelled: asked before each step.
            on_step: told after each step how many are done.
            changes: fields of `GenerateSettings` (steps, solver, text_guidance_scale, bridge_guidance_scale,
                guidance_rescale, video_shift, audio_shift, frames, height, width, target_lufs, …) in place of the
                folder's defaults; also under diffusers' names num_inference_steps, guidance_scale and num_frames.
                `retries` counts only where it is given here: unless asked otherwise, a seed is that seed's clip.

        Raises:
            UsageError: an impossible setting, an empty or over-long prompt, images or seeds that do not match.
            GenerationCancelled: `cancelled` said so.
        """
        engine = self.clip_generator
        changes = _our_names(changes)
        settings = engine.defaults.changed(**changes)
        asked = [name for name, value in changes.items() if value is not None]
        if changes.get("retries") and not (noise is None and generator is None):
            raise UsageError("retries draws noise from other seeds: leave out noise and generator, or retries")
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        seeds = [seed + index for index in range(len(prompts))] if isinstance(seed, int) else list(seed)
        each = {
            "prompt": prompts,
            "seed": _per_prompt("seed", seeds, prompts),
            "image": _images("image", image, prompts),
            "last_image": _images("last_image", last_image, prompts),
            "video": _given("video", video, prompts),
            "audio": _given("audio", audio, prompts),
        }
        rows = zip(*each.values(), strict=True)
        clips = [
            ClipInputs(**dict(zip(each, row, strict=True)), only=only, extend=extend, retake=retake) for row in rows
        ]
        for clip in clips:
            check_guided(asked, clip.task)
        if generator is not None and noise is None:
            engine.check(clips, negative_prompt, settings)
            drawn_by = [generator] * len(prompts) if isinstance(generator, torch.Generator) else generator
            canvas = engine.canvas(clips, settings)
            noise = engine.drawn(_per_prompt("generator", drawn_by, prompts), settings, canvas)
        watcher = Watcher(cancelled, on_step, partial(self._step_end, callback_on_step_end))
        try:
            if changes.get("retries"):
                return generate_guarded(engine, clips, settings, negative_prompt=negative_prompt, watcher=watcher)
            return engine.generate(clips, settings, negative_prompt=negative_prompt, noise=noise, watcher=watcher)
        finally:  # a cancelled run leaves no component on the device either
            self.maybe_free_model_hooks()

    def _step_end(
        self, callback: OnStepEnd | None, step: int, timesteps: torch.Tensor, latents: LatentPair
    ) -> LatentPair:
        changed = None if callback is None else callback(self, step, timesteps, {"latents": latents})
        return latents if changed is None else changed.get("latents", latents)


def _our_names(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings under their own names, where some came under diffusers' names."""
    for name, ours in DIFFUSERS_NAMES.items():
        if name in changes and ours in changes:
            raise UsageError(f"{name} and {ours} are one setting and both were given: leave one of the two out")
    return {DIFFUSERS_NAMES.get(name, name): value for name, value in changes.items()}


def _given(name: str, given: Any, prompts: Sequence[str]) -> list[Any]:
    """One for each prompt, or None for each."""
    if given is None:
        return [None] * len(prompts)
    return _per_prompt(name, given if isinstance(given, list | tuple) else [given], prompts)


def _images(name: str, given: Any, prompts: Sequence[str]) -> list[Frame | None]:
    """One for each prompt, as arrays; a single one is for all."""
    listed = _per_prompt(name, given if isinstance(given, list | tuple) else [given] * len(prompts), prompts)
    return [to_rgb(image) if isinstance(image, Image.Image) else image for image in listed]


def _per_prompt(name: str, values: Sequence[Any], prompts: Sequence[str]) -> list[Any]:
    if len(values) != len(prompts):
        raise UsageError(f"got {len(values)} of {name} for {len(prompts)} prompts, expected one for each")
    return list(values)
