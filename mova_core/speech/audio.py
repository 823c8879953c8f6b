"""Audio as models of speech take it: mono at 16 kHz, float32 [S] in -1..1."""

import io
import wave

import numpy as np
from numpy.typing import NDArray

from mova_core.media.audio.resample import resample

SPEECH_RATE_HZ = 16_000


def speech_audio(audio: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """A clip's audio at that rate; what is no number is silence."""
    return resample(np.nan_to_num(audio, nan=0.0, posinf=0.0, neginf=0.0), rate_hz, SPEECH_RATE_HZ)


def wav(audio: NDArray[np.float32]) -> bytes:
    """Mono audio at 16 kHz as a WAV file of 16 bits; what exceeds full scale is clipped."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SPEECH_RATE_HZ)
        writer.writeframes((audio.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
    return file.getvalue()
