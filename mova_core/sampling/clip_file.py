"""A generated clip as a file, video and audio exactly as long as the clip, in any format of `output_format.py`.

AAC is coded in frames of 1024 samples; the file's edit list says where the clip's audio starts and ends within them. In
Matroska time stamps are whole milliseconds; frames and samples are as many as in the clip there too.
Nano frames are enlarged by nearest neighbour, so that a player does not blur the few pixels that the model generates.
"""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mova_core.geometry import ClipGeometry
from mova_core.media.audio.loudness import integrated_lufs, true_peak_dbtp
from mova_core.media.encode import through_codec, to_pcm24, write_media
from mova_core.sampling.output_format import OUTPUT_FORMATS, OutputFormat

PEAK_TOLERANCE_DB = 0.1  # by which the decoded audio may exceed its highest true peak


@dataclass(frozen=True, slots=True)
class Loudness:
    """Of a clip's audio as a player decodes it.

    Args:
        lufs: integrated loudness; None: silent, or too short to have one.
        true_peak_dbtp: None: silent.
    """

    lufs: float | None
    true_peak_dbtp: float | None


def write_clip(
    path: Path,
    video: NDArray[np.uint8] | None,
    audio: NDArray[np.float32] | None,
    geometry: ClipGeometry,
    enlarge: int = 1,
    output_format: OutputFormat = OUTPUT_FORMATS["h264"],
    highest_dbtp: float | None = None,
) -> Loudness | None:
    """Encode one clip; the same clip gives the same bytes.

    Args:
        path: where to, overwritten; the caller renames it into place.
        video: uint8 [F, H, W, 3]; None for audio alone.
        audio: float32 [S] in -1..1; None for video alone.
        geometry: frame and sample rate.
        enlarge: each pixel becomes a square of this many pixels a side.
        output_format: how it is coded.
        highest_dbtp: true peak, in dB of full scale, that the audio keeps to after it was coded: where coding raises
            its peaks, all of it is turned down by as much. None: it is coded as it comes.

    Returns:
        How loud the decoded audio is, if it was looked at because it has a highest true peak.
    """
    loudness = None
    if highest_dbtp is not None and audio is not None:
        audio, decoded = _within_peak(audio, geometry.audio_rate_hz, output_format, highest_dbtp)
        loudness = Loudness(integrated_lufs(decoded, geometry.audio_rate_hz), true_peak_dbtp(decoded))
    write_media(
        path,
        None if video is None else _enlarged(video, enlarge),
        geometry.fps,
        audio,
        geometry.audio_rate_hz,
        container=output_format.container,
        video_codec=output_format.video_codec,
        pixel_format=output_format.pixel_format,
        audio_codec=output_format.audio_codec,
        audio_bits=output_format.audio_bits,
        crf=output_format.crf,
        video_options=output_format.video_options,
        audio_options=output_format.audio_options,
        # An mp4's own clock ticks in samples: its usual thousandths would round the length of the audio.
        container_options={"movie_timescale": str(geometry.audio_rate_hz)} if output_format.container == "mp4" else {},
    )
    return loudness


def write_audio(path: Path, audio: NDArray[np.float32], rate_hz: int) -> None:
    """Write a clip's audio alone: WAV, 24 bits, at the model's own rate, as it is before a clip's codec.

    Args:
        path: where to, overwritten; the caller renames it into place.
        audio: float32 [S] in -1..1.
        rate_hz: samples per second.
    """
    little_endian = to_pcm24(audio).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(rate_hz)
        file.writeframes(little_endian.tobytes())


def _within_peak(
    audio: NDArray[np.float32], rate_hz: int, output_format: OutputFormat, highest_dbtp: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The audio, turned down until its decoded form keeps to the true peak, and that decoded form.

    A lossy codec moves the phases of what it keeps, so peaks grow: by up to 4 dB at the onset of a pure tone.
    """
    while True:
        decoded = through_codec(
            audio, rate_hz, output_format.audio_codec, output_format.audio_options, output_format.audio_bits
        )
        peak = true_peak_dbtp(decoded)
        if peak is None or peak <= highest_dbtp + PEAK_TOLERANCE_DB:
            return audio, decoded
        audio = audio * np.float32(10 ** ((highest_dbtp - peak) / 20))


def _enlarged(video: NDArray[np.uint8], factor: int) -> Iterator[NDArray[np.uint8]]:
    for frame in video:
        yield frame.repeat(factor, axis=0).repeat(factor, axis=1)
