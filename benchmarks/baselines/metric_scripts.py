"""`python metric_scripts.py METRIC MP4 …`: one metric over clips as its usual script measures it, by itself.

Each decodes the clips on its own, with the tool that its script or its documentation uses, whole frames and all:
AV-Align with OpenCV and librosa (TempoTokens), silence and bandwidth with librosa and loudness with pyloudnorm (the
MOVA report's evaluation), brightness and change of frames with OpenCV, speech with Silero, DNSMOS with speechmos.
"""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

FLOW = (0.5, 3, 15, 3, 5, 1.2, 0)


def av_align(paths: list[Path]) -> None:
    """Farneback's flow of whole frames, librosa's onsets, and how many meet."""
    import cv2
    import librosa

    for path in paths:
        frames, fps = _frames(path)
        audio, rate_hz = librosa.load(_wav(path))
        strength = librosa.onset.onset_strength(y=audio, sr=rate_hz)
        onsets = librosa.frames_to_time(librosa.onset.onset_detect(onset_envelope=strength, sr=rate_hz), sr=rate_hz)
        gray = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames]
        flow = []
        for before, after in pairwise(gray):
            moved = cv2.calcOpticalFlowFarneback(before, after, None, *FLOW)
            flow.append(cv2.mean(cv2.magnitude(moved[..., 0], moved[..., 1]))[0])
        peaks = [at + 1 for at in range(1, len(flow) - 1) if flow[at - 1] < flow[at] > flow[at + 1] and flow[at] >= 0.1]
        print(sum(any(abs(onset - peak / fps) < 1 / fps for peak in peaks) for onset in onsets))


def loudness(paths: list[Path]) -> None:
    """pyloudnorm."""
    import pyloudnorm
    import soundfile

    for path in paths:
        audio, rate_hz = soundfile.read(_wav(path))
        print(pyloudnorm.Meter(rate_hz).integrated_loudness(audio))


def silence(paths: list[Path]) -> None:
    """librosa's split by level."""
    import librosa

    for path in paths:
        audio, _ = librosa.load(_wav(path), sr=None)
        kept = librosa.effects.split(audio, top_db=40, frame_length=2048, hop_length=512)
        print(1 - sum(int(end - start) for start, end in kept) / len(audio))


def bandwidth(paths: list[Path]) -> None:
    """librosa's spectral bandwidth."""
    import librosa

    for path in paths:
        audio, rate_hz = librosa.load(_wav(path), sr=None)
        print(float(np.mean(librosa.feature.spectral_bandwidth(y=audio, sr=rate_hz))))


def clipping(paths: list[Path]) -> None:
    """Samples at full scale."""
    import soundfile

    for path in paths:
        audio, _ = soundfile.read(_wav(path))
        print(float(np.mean(np.abs(audio) >= 0.999)))


def flicker(paths: list[Path]) -> None:
    """Brightness of frames, with OpenCV."""
    import cv2

    for path in paths:
        frames, _ = _frames(path)
        print(float(np.abs(np.diff([cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).mean() for frame in frames], 2)).mean()))


def motion(paths: list[Path]) -> None:
    """Difference of frames that follow each other, with OpenCV."""
    import cv2

    for path in paths:
        frames, _ = _frames(path)
        gray = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames]
        print(float(np.mean([cv2.absdiff(a, b).mean() for a, b in pairwise(gray)])))


def speech(paths: list[Path]) -> None:
    """Silero, then DNSMOS where somebody speaks."""
    import librosa
    import torch
    from silero_vad import get_speech_timestamps, load_silero_vad
    from speechmos import dnsmos

    detector = load_silero_vad()
    for path in paths:
        audio, rate_hz = librosa.load(_wav(path), sr=16_000)
        if get_speech_timestamps(torch.from_numpy(audio), detector, sampling_rate=rate_hz):
            print(dnsmos.run(np.clip(audio, -1, 1), rate_hz)["p808_mos"])


SCRIPTS = {
    script.__name__: script for script in (av_align, loudness, silence, bandwidth, clipping, flicker, motion, speech)
}
FFMPEG_FILTERS = {"ebur128": ("-vn", "-af", "ebur128=peak=true"), "freezedetect": ("-an", "-vf", "freezedetect")}
# These are commands of ffmpeg's own: the range and the true peak, and the frozen share.


def _frames(path: Path) -> tuple[list[Any], float]:
    import cv2

    capture = cv2.VideoCapture(str(path))
    fps, frames = capture.get(cv2.CAP_PROP_FPS), []
    while True:
        there, frame = capture.read()
        if not there:
            return frames, fps
        frames.append(frame)


_FOLDER = TemporaryDirectory()


def _wav(path: Path) -> Path:
    """The clip's audio as ffmpeg extracts it."""
    target = Path(_FOLDER.name) / "audio.wav"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", "-i", path, "-vn", "-ac", "1", target]
    subprocess.run(command, check=True)
    return target


if __name__ == "__main__":
    SCRIPTS[sys.argv[1]]([Path(name) for name in sys.argv[2:]])
