"""Generates clips from prompts (and first frames): the whole model in one call.

Noise comes from one generator a sample, seeded with `seed + index`, video first, then audio; so a sample does not
depend on its batch. Text without an image is conditioned on a white first frame.
Shape suffixes: B batch, C channels, T latent frames, H W rows and columns, L audio latents.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mova_core.errors import StaleError, UsageError
from mova_core.flow_matching import BOUNDARY_RATIO, PairSchedule
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.media.audio.loudness import normalise_loudness
from mova_core.media.image import to_rgb
from mova_core.model.condition import condition_from, fit_image, known_frames, white_image
from mova_core.model.lora.adapter import Adapter
from mova_core.model.model_folder import Components, load_components, save_components
from mova_core.model.pixels import to_bytes, to_unit_range
from mova_core.model.text.prompt import check_prompt
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling.guidance import Guidance
from mova_core.sampling.sampler import Conditioning, Sampler
from mova_core.sampling.settings import GenerateSettings

Frames = NDArray[np.uint8]  # [F, H, W, 3]
Waveform = NDArray[np.float32]  # [S] in -1..1
FirstFrame = NDArray[np.uint8] | Image.Image  # [H, W, 3] RGB, or of Pillow
# Names of the same settings in diffusers' pipelines.
DIFFUSERS_NAMES = {"num_inference_steps": "steps", "guidance_scale": "text_guidance_scale", "num_frames": "frames"}


@dataclass(frozen=True, slots=True)
class Output:
    """Clips in the order of the prompts.

    Attributes:
        videos: uint8 [F, H, W, 3] each.
        audios: float32 [S] in -1..1 each, exactly as long as the video.
        latents: those that were decoded to these clips.
        geometry: their frame and sample rate.
    """

    videos: list[Frames]
    audios: list[NDArray[np.float32]]
    latents: LatentPair
    geometry: ClipGeometry

    @property
    def video(self) -> Frames:
        return self.videos[0]

    @property
    def audio(self) -> NDArray[np.float32]:
        return self.audios[0]


class MovaPipeline:
    """A model ready to generate.

    Args:
        components: of a model folder, or made in memory.
    """

    def __init__(self, components: Components) -> None:
        self.components = components
        self.defaults = GenerateSettings.of(components.index)

    @classmethod
    def from_pretrained(cls, folder: str | Path, device: str | torch.device = "cpu") -> "MovaPipeline":
        """The model of a folder, released or ours.

        Raises:
            UsageError, StaleError: see `load_components`.
        """
        return cls(load_components(Path(folder), device))

    def to(self, device: str | torch.device) -> "MovaPipeline":
        """Move towers and Bridge, and a released model's codecs and text encoder; nano's stay on the processor."""
        components = self.components
        for part in (components.towers, components.video, components.audio, components.text):
            if isinstance(module := getattr(part, "vae", getattr(part, "encoder", part)), torch.nn.Module):
                module.to(device)
        return self

    def load_lora(self, adapter: str | Path | Adapter) -> None:
        """Put a LoRA adapter beside the weights of towers and Bridge.

        Args:
            adapter: its folder, or one that was read and compared with this model.

        Raises:
            UsageError, StaleError: no adapter, a damaged one, or one of another model.
        """
        from mova_core.model.lora.layers import load_adapter  # peft, which takes seconds, only where it is used

        if not isinstance(adapter, Adapter):
            path, model = Path(adapter), self.components.index.folder
            adapter = Adapter.read(path) if model is None else Adapter.of_model(path, model)
        load_adapter(self.components.towers, adapter)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model as a folder that `from_pretrained` reads; UsageError where the place is taken."""
        save_components(self.components, Path(folder))

    def __call__(
        self,
        prompt: str | Sequence[str],
        image: FirstFrame | Sequence[FirstFrame | None] | None = None,
        *,
        last_image: FirstFrame | Sequence[FirstFrame | None] | None = None,
        video: Frames | Sequence[Frames] | None = None,
        audio: Waveform | Sequence[Waveform] | None = None,
        negative_prompt: str = "",
        seed: int | Sequence[int] = 0,
        noise: LatentPair | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        on_step: Callable[[int], object] = lambda done: None,
        **changes: Any,
    ) -> Output:
        """Generate a clip per prompt.

        Args:
            prompt: one or several texts.
            image: first frame, a Pillow image or uint8 [H, W, 3] RGB: one for all, or one (or None) per prompt; the
                first one's shape decides between landscape and portrait for all.
            last_image: last frame, in the same forms, of clips that have a first one (task `first_and_last_frame`). It
                guides the clip's end, while a first frame is kept as it is.
            video: given instead of generated, one for each prompt: as many frames as the clip, cropped and scaled to
                its canvas. The audio is made for it (task `audio_from_video`).
            audio: given instead of generated, one for each prompt: as many samples as the clip, at its rate. The video
                is made for it (`video_from_audio`).
            negative_prompt: text of the unconditional forwards.
            seed: sample i is seeded with seed + i; or one seed per prompt.
            noise: instead of drawing it by seed.
            cancelled: asked before each step.
            on_step: told after each step how many are done.
            changes: fields of `GenerateSettings` (steps, solver, text_guidance_scale, bridge_guidance_scale,
                video_shift, audio_shift, frames, height, width, target_lufs, …) in place of the folder's defaults;
                also under diffusers' names num_inference_steps, guidance_scale and num_frames.

        Raises:
            UsageError: an impossible setting, an empty or over-long prompt, images or seeds that do not match.
            GenerationCancelled: `cancelled` said so.
        """
        settings = self.defaults.changed(**_our_names(changes))
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        images, last_images = _images("image", image, prompts), _images("last_image", last_image, prompts)
        seeds = [seed + index for index in range(len(prompts))] if isinstance(seed, int) else list(seed)
        seeds = _per_prompt("seed", seeds, prompts)
        self.check(prompts, negative_prompt, settings)
        _check_given(video, audio, images, prompts)
        _check_last(last_images, images, settings.clip_geometry)
        shown = images if video is None else [_listed(video)[0][0]]
        canvas = settings.canvas(next((image for image in shown if image is not None), None))
        noise = noise or self.noise(seeds, settings.clip_geometry, canvas)
        sampler = self.sampler(settings, cancelled, on_step)
        frames = settings.clip_geometry.frames
        conditioning = self.conditioning(prompts, negative_prompt, images, frames, canvas, last_images)
        if not settings.keep_first_latent:
            conditioning = replace(conditioning, image_condition_B=None)
        conditioning = replace(
            conditioning,
            video=None if video is None else self._given_video(_listed(video), settings, canvas),
            audio=None if audio is None else self._given_audio(_listed(audio), settings),
        )
        latents = sampler.sample(self._on_device(noise), conditioning)
        return self.decode(latents, settings)

    def check(self, prompts: Sequence[str], negative_prompt: str, settings: GenerateSettings) -> None:
        """Refuse what cannot be generated before anything is computed.

        Raises:
            UsageError: no prompt, or one that is empty or too long.
            StaleError: the geometry's audio hop is not the codec's.
        """
        if not prompts:
            raise UsageError("no prompt was given, expected at least one")
        text = self.components.text
        for prompt in prompts:
            check_prompt(prompt, text.count_tokens(prompt), text.max_tokens)
        if negative_prompt:
            check_prompt(negative_prompt, text.count_tokens(negative_prompt), text.max_tokens)
        if self.components.audio_hop != settings.clip_geometry.audio_hop:
            raise StaleError(
                f"geometry {settings.geometry} has an audio hop of {settings.clip_geometry.audio_hop}, the model's "
                f"codec {self.components.audio_hop}: they do not belong together"
            )

    def sampler(
        self,
        settings: GenerateSettings,
        cancelled: Callable[[], bool] = lambda: False,
        on_step: Callable[[int], object] = lambda done: None,
    ) -> Sampler:
        """The sampler of these settings."""
        index = self.components.index
        return Sampler(
            model=self.components.towers,
            schedule=PairSchedule(settings.steps, settings.video_shift, settings.audio_shift, index.shift),
            guidance=Guidance(settings.bridge_guidance_scale, settings.text_guidance_scale, settings.bridge),
            video_fps=float(settings.clip_geometry.fps),
            boundary_ratio=BOUNDARY_RATIO if index.boundary_ratio is None else index.boundary_ratio,
            solver=settings.solver,
            cancelled=cancelled,
            on_step=on_step,
        )

    def noise(self, seeds: Sequence[int], geometry: ClipGeometry, canvas: Canvas) -> LatentPair:
        """Standard normal latents on the processor, one generator a sample."""
        towers = self.components.towers
        video_shape = (
            towers.video_dit.config["out_dim"],
            geometry.latent_frames,
            canvas.latent_height,
            canvas.latent_width,
        )
        # Whole audio tokens; what they have beyond the clip is cut off when it is decoded.
        audio_shape = (towers.audio_dit.config["out_dim"], geometry.audio_tokens * geometry.audio_latents_per_token)
        video, audio = [], []
        for seed in seeds:
            generator = torch.Generator("cpu").manual_seed(seed)
            video.append(torch.randn(video_shape, generator=generator))
            audio.append(torch.randn(audio_shape, generator=generator))
        return LatentPair(torch.stack(video), torch.stack(audio))

    @torch.no_grad()
    def conditioning(
        self,
        prompts: Sequence[str],
        negative_prompt: str,
        images: Sequence[NDArray[np.uint8] | None],
        frames: int,
        canvas: Canvas,
        last_images: Sequence[NDArray[np.uint8] | None] | None = None,
    ) -> Conditioning:
        """Encoded prompts, first frames (a white one, not known, where there is no image) and last ones if given."""
        last_images = last_images or [None] * len(prompts)
        white = white_image(canvas.height_px, canvas.width_px)
        firsts = [_pixels(white if image is None else image, canvas) for image in images]
        lasts = [None if image is None else _pixels(image, canvas) for image in last_images]
        # One at a time: a VAE's memory grows with its batch, and equal results need equal shapes.
        encoded = [
            self.components.video.encode(known_frames(first, frames, last))
            for first, last in zip(firsts, lasts, strict=True)
        ]
        given = torch.tensor([image is not None for image in images])
        last_given = torch.tensor([image is not None for image in last_images])
        text = self.components.text
        device = self._device
        context = text.encode(list(prompts))
        negative = text.encode([negative_prompt]).expand(len(prompts), -1, -1)
        return Conditioning(
            context.to(device),
            negative.to(device),
            condition_from(torch.cat(encoded).float(), last_given).to(device),
            given.to(device) if bool(given.any()) else None,
        )

    @torch.no_grad()
    def _given_video(self, videos: Sequence[Frames], settings: GenerateSettings, canvas: Canvas) -> Tensor:
        """Latents [B, C, T, h, w] of given videos."""
        frames = settings.clip_geometry.frames
        if wrong := next((len(video) for video in videos if len(video) != frames), None):
            raise UsageError(
                f"a given video has {wrong} frames, the clip has {frames}: cut it, or ask for other frames"
            )
        encoded = []
        for video in videos:
            fitted = np.stack([fit_image(frame, canvas.height_px, canvas.width_px) for frame in video])
            encoded.append(self.components.video.encode(to_unit_range(torch.from_numpy(fitted)[None])))
        return torch.cat(encoded).float().to(self._device)

    @torch.no_grad()
    def _given_audio(self, audios: Sequence[Waveform], settings: GenerateSettings) -> Tensor:
        """Latents [B, C, L] of given audios, as many as make whole tokens."""
        geometry = settings.clip_geometry
        if wrong := next((audio.shape for audio in audios if audio.shape != (geometry.audio_samples,)), None):
            raise UsageError(
                f"a given audio has shape {wrong}, expected one channel of {geometry.audio_samples} samples at "
                f"{geometry.audio_rate_hz} Hz, as long as the clip"
            )
        padding = geometry.audio_tokens * geometry.audio_latents_per_token - geometry.audio_latents
        encoded = [self.components.audio.encode(torch.from_numpy(audio)[None]) for audio in audios]
        return functional.pad(torch.cat(encoded).float(), (0, padding)).to(self._device)

    @torch.no_grad()
    def decode(self, latents: LatentPair, settings: GenerateSettings) -> Output:
        """Frames and audio of clean latents, the audio as long as the video."""
        geometry = settings.clip_geometry
        videos, audios = [], []
        for video, audio in zip(latents.video.cpu(), latents.audio.cpu(), strict=True):
            pixels = self.components.video.decode(video[None]).cpu()
            videos.append(to_bytes(pixels)[0].numpy())
            # Of a last token's latents only those that the clip reaches into are decoded.
            audio = audio[None, :, : geometry.audio_latents]
            samples = self.components.audio.decode(audio, geometry.audio_samples)[0].cpu().clamp(-1, 1).numpy()
            if settings.target_lufs is not None:
                samples = normalise_loudness(samples, geometry.audio_rate_hz, settings.target_lufs)
            audios.append(samples)
        return Output(videos, audios, latents, geometry)

    @property
    def _device(self) -> torch.device:
        """Device of the towers. diffusers' own `device` checks for offloading first; its imports take a second."""
        return next(self.components.towers.parameters()).device

    def _on_device(self, pair: LatentPair) -> LatentPair:
        return LatentPair(pair.video.to(self._device), pair.audio.to(self._device))


def _our_names(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings under their own names, where some came under diffusers' names."""
    for name, ours in DIFFUSERS_NAMES.items():
        if name in changes and ours in changes:
            raise UsageError(f"{name} and {ours} are one setting and both were given: leave one of the two out")
    return {DIFFUSERS_NAMES.get(name, name): value for name, value in changes.items()}


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _check_given(video: Any, audio: Any, images: Sequence[Any], prompts: Sequence[str]) -> None:
    """UsageError unless what is given leaves something to generate, and is one for each prompt."""
    if video is not None and audio is not None:
        raise UsageError("video and audio are both given, expected one of them: nothing is left to generate")
    if video is not None and any(image is not None for image in images):
        raise UsageError("image and video are both given: a given video has a first frame of its own, leave out image")
    for name, given in (("video", video), ("audio", audio)):
        if given is not None:
            _per_prompt(name, _listed(given), prompts)


def _images(name: str, given: Any, prompts: Sequence[str]) -> list[Any]:
    """One for each prompt, as arrays."""
    listed = _per_prompt(name, given if isinstance(given, list | tuple) else [given] * len(prompts), prompts)
    return [to_rgb(image) if isinstance(image, Image.Image) else image for image in listed]


def _check_last(last_images: Sequence[Any], images: Sequence[Any], geometry: ClipGeometry) -> None:
    """UsageError where a last frame has no first one, or is the first one."""
    for number, (first, last) in enumerate(zip(images, last_images, strict=True)):
        if last is not None and first is None:
            raise UsageError(
                f"last_image of prompt {number} has no image: expected a first frame wherever a last one is given"
            )
        if last is not None and geometry.frames == 1:
            raise UsageError("last_image is given for a clip of 1 frame, which is its first: ask for 5 frames or more")


def _pixels(image: NDArray[np.uint8], canvas: Canvas) -> Tensor:
    """An image on the canvas, [1, 3, H, W] in -1..1."""
    fitted = fit_image(image, canvas.height_px, canvas.width_px)
    return to_unit_range(torch.from_numpy(np.array(fitted))[None, None])[:, :, 0]


def _per_prompt(name: str, values: Sequence[Any], prompts: Sequence[str]) -> list[Any]:
    if len(values) != len(prompts):
        raise UsageError(f"got {len(values)} of {name} for {len(prompts)} prompts, expected one for each")
    return list(values)
