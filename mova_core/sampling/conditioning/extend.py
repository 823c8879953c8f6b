"""A clip longer than the model makes at once: pieces, each of which begins with the end of the one before.

A piece shares its first `OVERLAP_FRAMES` frames with what is there: their latents are known, its first frame conditions
it, and they are shown once, as they are there. Of the audio over that time the first half is known too, in whole
tokens; over the rest both are audible at once, in a crossfade of constant power, for the two are not the same waveform.
Piece k of a clip draws its noise by seed + k * `SEED_STEP`; the clip that is extended, where it is made, is piece 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mova_core.geometry import ClipGeometry
from mova_core.sampling.inputs import OVERLAP_FRAMES, ClipInputs, Ending, Frames, Waveform
from mova_core.sampling.output import Output, at_target
from mova_core.sampling.settings import GenerateSettings

SEED_STEP = 1_000_000  # clips of one file of prompts have seeds next to each other

Make = Callable[[Sequence[ClipInputs], GenerateSettings], Output]


def piece_seeds(clip: ClipInputs) -> list[int]:
    """Seeds of the pieces that are made for a clip, in order; of one that is not extended, its own."""
    first = 0 if clip.video is None or not clip.extend else 1
    return [clip.seed + piece * SEED_STEP for piece in range(first, clip.extend + 1)]


def known_audio_latents(geometry: ClipGeometry) -> int:
    """Audio latents of a piece that are known: whole tokens, up to half of what overlaps."""
    token = geometry.audio_hop * geometry.audio_latents_per_token
    return geometry.samples_of(OVERLAP_FRAMES) // 2 // token * geometry.audio_latents_per_token


def extended(clips: Sequence[ClipInputs], settings: GenerateSettings, make: Make) -> Output:
    """The clips with all their pieces; their loudness is that of the whole.

    Args:
        clips: alike; frames of given ones are on the canvas.
        settings: of a piece.
        make: generates clips that are one piece each.

    Returns:
        Frames [F, H, W, 3] and samples [S] of each clip: F is that of the first piece, or of the given clip, and
        `frames - OVERLAP_FRAMES` of the settings' clip more for each further one; S is exactly as long.
    """
    geometry, as_it_comes = settings.clip_geometry, settings.model_copy(update={"target_lufs": None})
    wholes = [(clip.video, clip.audio) for clip in clips if clip.video is not None and clip.audio is not None]
    if not wholes:
        first = make([replace(clip, extend=0) for clip in clips], as_it_comes)
        wholes = list(zip(first.videos, first.audios, strict=True))
    for piece in range(1, clips[0].extend + 1):
        further = [
            ClipInputs(clip.prompt, clip.seed + piece * SEED_STEP, before=_ending(*whole, geometry))
            for clip, whole in zip(clips, wholes, strict=True)
        ]
        made = make(further, as_it_comes)
        parts = zip(wholes, made.videos, made.audios, strict=True)
        wholes = [_joined(*whole, video, audio, geometry) for whole, video, audio in parts]
    audios = [at_target(audio, settings) for _, audio in wholes]
    return Output([video for video, _ in wholes], audios, made.latents, geometry, made.tries)


def crossfade(length: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gains [length] of what ends and of what begins: their squares sum to 1 at every sample."""
    angle = (np.arange(length) + 0.5) / max(length, 1) * (np.pi / 2)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def _ending(video: Frames, audio: Waveform, geometry: ClipGeometry) -> Ending:
    start = len(video) - OVERLAP_FRAMES
    return Ending(video[start:], audio[geometry.samples_of(start) :])


def _joined(
    video: Frames, audio: Waveform, next_video: Frames, next_audio: Waveform, geometry: ClipGeometry
) -> tuple[Frames, Waveform]:
    """A clip and its next piece as one."""
    frames = np.concatenate([video, next_video[OVERLAP_FRAMES:]])
    begin = geometry.samples_of(len(video) - OVERLAP_FRAMES)
    fade = slice(known_audio_latents(geometry) * geometry.audio_hop, len(audio) - begin)
    samples = np.zeros(geometry.samples_of(len(frames)), np.float32)
    samples[: len(audio)] = audio
    samples[len(audio) :] = next_audio[fade.stop : len(samples) - begin]
    out, into = crossfade(fade.stop - fade.start)
    mixed = out * audio[begin + fade.start :] + into * next_audio[fade]
    samples[begin + fade.start : len(audio)] = np.clip(mixed, -1, 1)
    return frames, samples
