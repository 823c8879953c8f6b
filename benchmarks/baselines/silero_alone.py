"""`python silero_alone.py WAV …`: Silero as its README has it, on audio that another tool extracted."""

import sys
import wave
from pathlib import Path

import numpy as np
import torch
from silero_vad import get_speech_timestamps, load_silero_vad

RATE_HZ = 16_000


def main(paths: list[str]) -> None:
    """Find speech in 16-bit mono files of 16 kHz, one after another."""
    model = load_silero_vad()
    for path in map(Path, paths):
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        audio = torch.from_numpy(samples.astype(np.float32) / 32768)
        get_speech_timestamps(audio, model, sampling_rate=RATE_HZ)


if __name__ == "__main__":
    main(sys.argv[1:])
