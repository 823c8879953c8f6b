"""Fit the nano preset's video and audio codecs on a sample of the accepted training clips.

One codec serves every geometry of the preset: it sees each clip at all their sizes. The sample is drawn by seed; the
sums are float64 on one thread: the same clips give the same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mova_core.curation.encode.accepted_clips import Row, accepted_clips, canvas_of, load_clip, scaled_down
from mova_core.errors import MovaError, UsageError
from mova_core.geometry import Canvas
from mova_core.model.codecs.nano.audio import NanoAudioCodec
from mova_core.model.codecs.nano.codec import NanoCodec
from mova_core.model.codecs.nano.video import NanoVideoCodec
from mova_core.model.nano_folder import write_nano_parts
from mova_core.model.pixels import to_unit_range
from mova_core.model.single_thread import single_thread
from mova_core.params import PRESETS, Params
from mova_core.places import DataFolder
from mova_core.progress import track
from mova_core.storage.atomic_folder import atomic_folder

HELD_OUT_CLIPS = 24  # validation clips on which the fitted codec is measured


@dataclass(frozen=True, slots=True)
class SeenClip:
    """One clip in memory: frames uint8 [F, H, W, 3], audio float32 [S], and the sizes it is looked at."""

    frames: NDArray[np.uint8]
    audio: NDArray[np.float32]
    canvases: tuple[Canvas, ...]

    def videos(self) -> Iterator[Tensor]:
        """[1, 3, F, H, W] in -1..1 at each size."""
        for canvas in self.canvases:
            yield to_unit_range(torch.from_numpy(scaled_down(self.frames, canvas)))[None]

    def waveform(self) -> Tensor:
        """[1, S]."""
        return torch.from_numpy(self.audio)[None]


def fit_codec(params: Params, data: DataFolder) -> dict[str, Any]:
    """Write the codec's folder (`DataFolder.codec`), and say how well it does on clips it has not seen.

    Raises:
        UsageError: the preset brings released codecs, or a table is missing.
        MovaError: no accepted training clip, or a clip that cannot be read.
    """
    if not PRESETS[params.preset].fits_codecs:
        raise UsageError(f"preset {params.preset} takes released codecs and skips this stage: others fit their own")
    accepted = accepted_clips(data)
    training = [clip for clip in accepted if clip["split"] == "train"]
    if not training:
        raise MovaError(
            f"none of the {len(accepted)} accepted clips is in the training split: bring more footage, or lower "
            "cut.validation_share in params.yaml"
        )
    chosen = draw_sample(training, params.fit_codec.clips, params.seed)
    held_out = [clip for clip in accepted if clip["split"] == "validation"][:HELD_OUT_CLIPS]
    with single_thread():
        seen = _load(chosen, params, data, "fit_codec/read")
        codec = NanoCodec(
            NanoVideoCodec.fit(lambda: _videos(seen), params.fit_codec.channels),
            NanoAudioCodec.fit(
                lambda: (clip.waveform() for clip in seen), params.clip_geometry.audio_hop, params.fit_codec.channels
            ),
        )
        measured = measure(codec, _load(held_out, params, data, "fit_codec/measure"))
    with atomic_folder(data.codec, replace=True) as temporary:
        write_nano_parts(temporary, codec, {"clips": len(chosen), "seed": params.seed, **measured})
    return {
        "clips": len(chosen),
        "fingerprint": codec.fingerprint,
        **measured,
        "text": f"codecs fitted on {len(chosen)} clips · {_in_words(measured)}",
    }


def draw_sample(clips: Sequence[Row], count: int, seed: int) -> list[Row]:
    """`count` clips drawn by seed, or all if there are fewer; in the order given."""
    order = np.random.default_rng(seed).permutation(len(clips))
    return [clips[index] for index in sorted(order[:count])]


def measure(codec: NanoCodec, clips: Sequence[SeenClip]) -> dict[str, Any]:
    """Mean quality after a round trip, of the clips as they are (their noise counts as signal).

    Returns:
        `held_out_clips`, `psnr_db` (video at its largest size) and `snr_db` (audio); both None without clips.
    """
    psnr, snr = [], []
    for clip in clips:
        *_, video = clip.videos()
        decoded = codec.video.decode(codec.video.encode(video)).clamp(-1, 1)
        psnr.append(_db(4 / float((decoded - video).square().mean())))
        audio = clip.waveform()
        lost = codec.audio.decode(codec.audio.encode(audio), audio.shape[1]) - audio
        snr.append(_db(float(audio.square().sum() / lost.square().sum())))
    means = [round(float(np.mean(values)), 2) if values else None for values in (psnr, snr)]
    return {"held_out_clips": len(clips), "psnr_db": means[0], "snr_db": means[1]}


def _load(clips: Sequence[Row], params: Params, data: DataFolder, label: str) -> list[SeenClip]:
    seen = []
    for clip in track(clips, len(clips), label):
        frames, audio = load_clip(data.clips, clip, params.clip_geometry)
        seen.append(SeenClip(frames, audio, tuple(canvas_of(clip, geometry) for geometry in params.geometries)))
    return seen


def _videos(clips: Sequence[SeenClip]) -> Iterator[Tensor]:
    for clip in track(clips, len(clips), "fit_codec/video"):
        yield from clip.videos()


def _db(ratio: float) -> float:
    return float(10 * np.log10(ratio))


def _in_words(measured: dict[str, Any]) -> str:
    if not measured["held_out_clips"]:
        return "no validation clip to measure them on"
    return (
        f"on {measured['held_out_clips']} others: video {measured['psnr_db']:.1f} dB, audio {measured['snr_db']:.1f} dB"
    )
