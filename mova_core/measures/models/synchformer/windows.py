"""What Synchformer takes in and how its answers become DeSync: segments, mel spectrograms, grid of offsets.

Video at 25 fps and audio at 16 kHz are cut into segments of 16 frames (0.64 s), each half over the one before; 14 of
them (4.8 s) make the input of one answer. A longer clip is judged by its first and its last 14 segments, and DeSync is
the mean of the two absolute offsets.
Settings: v-iashin/Synchformer `configs/sync.yaml` (segments, grid, mel spectrogram, normalisation) and
hkchengrex/av-benchmark `extract_video.py`, `extract.py`, `evaluate.py` (resizing, first and last segments).

Shape suffixes: S segments, T frames of a segment, M mel bands, K offsets of the grid.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.models.inputs import center_crop, normalized, short_side

if TYPE_CHECKING:
    from torch import Tensor

FPS, RATE_HZ, SIDE_PX = 25.0, 16_000, 224
SEGMENT_FRAMES, STEP_FRAMES = 16, 8
SEGMENTS = 14  # of one answer
SAMPLES_PER_FRAME = round(RATE_HZ / FPS)
LEAST_S = (SEGMENT_FRAMES + (SEGMENTS - 1) * STEP_FRAMES) / FPS
LARGEST_OFFSET_S, OFFSETS = 2.0, 21

FFT, WINDOW, HOP, MEL_BANDS = 1024, 400, 160, 128
MEL_FRAMES = 66  # of a segment: 65 and one of zeros
FLOOR = 1e-6
MEL_MEAN, MEL_STD = -4.2677393, 4.5689974  # of AudioSet's log mel spectrograms (AST)
RGB_MEAN = RGB_STD = (0.5, 0.5, 0.5)


def judged_segments(frames: int, samples: int) -> list[int]:
    """Numbers of the first and of the last 14 segments, each once, rising; [] where there are fewer.

    Args:
        frames: of the video at 25 fps.
        samples: of the audio at 16 kHz.
    """
    count = (min(frames, samples // SAMPLES_PER_FRAME) - SEGMENT_FRAMES) // STEP_FRAMES + 1
    return sorted({*range(SEGMENTS), *range(count - SEGMENTS, count)}) if count >= SEGMENTS else []


def video_segments(frames: NDArray[np.uint8], shown: Sequence[int], segments: Sequence[int]) -> Iterator["Tensor"]:
    """Segments of a video, float32 [T, 3, 224, 224] in -1..1: shorter side resized, middle cropped.

    Args:
        frames: RGB [F, H, W, 3].
        shown: number of the frame that is shown at each time, at 25 fps.
        segments: numbers of those that are wanted, rising.
    """
    places = sorted({STEP_FRAMES * each + frame for each in segments for frame in range(SEGMENT_FRAMES)})
    square = center_crop(short_side(frames[[shown[place] for place in places]], SIDE_PX), SIDE_PX)
    for each in segments:
        start = bisect_left(places, STEP_FRAMES * each)
        yield normalized(square[start : start + SEGMENT_FRAMES], RGB_MEAN, RGB_STD)


def audio_segments(audio: NDArray[np.float32], segments: Sequence[int]) -> "Tensor":
    """Normalised log mel spectrograms of segments of audio, float32 [S, M, 66].

    Args:
        audio: mono at 16 kHz [samples].
        segments: numbers of those that are wanted.
    """
    import torch
    from torchaudio.transforms import MelSpectrogram  # comes with pyannote.audio

    length, step = SEGMENT_FRAMES * SAMPLES_PER_FRAME, STEP_FRAMES * SAMPLES_PER_FRAME
    samples = torch.from_numpy(audio).unfold(0, length, step)[list(segments)]
    spectrogram = MelSpectrogram(sample_rate=RATE_HZ, n_fft=FFT, win_length=WINDOW, hop_length=HOP, n_mels=MEL_BANDS)
    mel = torch.log(spectrogram(samples) + FLOOR)
    padded = torch.nn.functional.pad(mel, (0, MEL_FRAMES - mel.shape[-1]))
    return (padded - MEL_MEAN) / (2 * MEL_STD)


def offset_grid_s() -> NDArray[np.float64]:
    """Seconds [K] that each class of the answer stands for; positive: audio is ahead of its video."""
    return np.linspace(-LARGEST_OFFSET_S, LARGEST_OFFSET_S, OFFSETS)


def desync_s(logits: "Tensor") -> float:
    """Mean absolute offset in seconds of the likeliest class of each answer, logits [answers, K]."""
    return float(np.abs(offset_grid_s()[logits.argmax(dim=-1).numpy()]).mean())
