"""Where somebody speaks: Silero VAD (silero-vad 6.2.3, the model inside its package) over a stream of sound.

The model sees 32 ms chunks and carries its state from one to the next. Its "sequence" form takes a block of chunks in
one call with the same probabilities as one by one, five times as fast; memory is one block plus 4 bytes a chunk.
Sound is 16 kHz mono; times are seconds on the file's clock, good to about 0.2 s.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPEECH_RATE_HZ = 16_000
CHUNK_SAMPLES = 512
CONTEXT_SAMPLES = 64  # of the chunk before, which the model sees again
BLOCK_CHUNKS = 256  # 8 s
STATE_SHAPE = (1, 1, 128)


class SpeechFinder:
    """Takes a source's gapless sound piece by piece.

    Args:
        threshold: Silero's probability from which a chunk counts as speech, 0..1.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._model = _model()
        self._hidden = np.zeros(STATE_SHAPE, np.float32)
        self._cell = np.zeros(STATE_SHAPE, np.float32)
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)
        self._waiting: list[NDArray[np.float32]] = []
        self._waiting_samples = 0
        self._heard_samples = 0
        self._probabilities: list[float] = []
        self._start_s: float | None = None

    def add(self, time_s: float, samples: NDArray[np.float32]) -> None:
        """Hear one piece, float32 [S], which follows the one before without a gap; `time_s` is its first sample."""
        if self._start_s is None:
            self._start_s = time_s
        self._heard_samples += len(samples)
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        block = BLOCK_CHUNKS * CHUNK_SAMPLES
        if self._waiting_samples >= block:
            line = np.concatenate(self._waiting)
            whole = len(line) // block * block
            for start in range(0, whole, block):
                self._hear(line[start : start + block])
            self._waiting = [line[whole:]]
            self._waiting_samples = len(line) - whole

    def speech(self) -> list[list[float]]:
        """Stretches of speech as [start, end] in seconds; ends the stream."""
        from silero_vad import get_speech_timestamps_from_probs

        if self._waiting_samples:
            line = np.concatenate(self._waiting)
            self._hear(np.pad(line, (0, -len(line) % CHUNK_SAMPLES)))
            self._waiting, self._waiting_samples = [], 0
        stretches = get_speech_timestamps_from_probs(
            self._probabilities,
            threshold=self._threshold,
            sampling_rate=SPEECH_RATE_HZ,
            audio_length_samples=self._heard_samples,
        )
        start_s = self._start_s or 0.0
        return [
            [round(start_s + stretch[side] / SPEECH_RATE_HZ, 6) for side in ("start", "end")] for stretch in stretches
        ]

    def _hear(self, samples: NDArray[np.float32]) -> None:
        """Whole chunks: probabilities out, state and context carried on."""
        chunks = samples.reshape(-1, CHUNK_SAMPLES)
        contexts = np.vstack([self._context, chunks[:-1, -CONTEXT_SAMPLES:]])
        probabilities, self._hidden, self._cell = self._model.session.run(
            ["speech_probs", "hn", "cn"],
            {"input": np.hstack([contexts, chunks]), "h": self._hidden, "c": self._cell},
        )
        self._context = chunks[-1, -CONTEXT_SAMPLES:].copy()
        self._probabilities.extend(probabilities.ravel().tolist())


@cache
def _model() -> Any:
    """The packaged ONNX model, one thread, once a process; it holds no state of a stream."""
    from silero_vad import load_silero_vad

    return load_silero_vad(sequence=True)
