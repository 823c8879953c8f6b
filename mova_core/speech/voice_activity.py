"""Detect speech with Silero VAD (silero-vad 6.2.3, the model inside its package) over a stream of audio.

The model sees 32 ms chunks and carries its state from one to the next. Its "sequence" form takes a block of chunks in
one call with the same probabilities as one by one, five times as fast; memory is one block plus 4 bytes a chunk.
Audio is 16 kHz mono; times are seconds on the file's timeline, accurate to about 0.2 s.
"""

from array import array
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.speech.audio import SPEECH_RATE_HZ
from mova_core.speech.speech_intervals import CHUNK_SAMPLES, speech_intervals

MODEL_FILE = "data/silero_vad_16k_sequence.onnx"  # in the package's folder
CONTEXT_SAMPLES = 64  # of the chunk before, which the model sees again
THRESHOLD = 0.5  # Silero's own
BLOCK_CHUNKS = 256  # 8 s
STATE_SHAPE = (1, 1, 128)


def speech_in(audio: NDArray[np.float32], threshold: float = THRESHOLD) -> list[list[float]]:
    """Intervals of speech in a whole clip's audio at 16 kHz, [start, end] in seconds."""
    detector = SpeechDetector(threshold)
    detector.add(0.0, audio)
    return detector.speech()


class SpeechDetector:
    """Takes a source's gapless audio piece by piece.

    Args:
        threshold: Silero's probability from which a chunk counts as speech, 0..1.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._session = _session()
        self._hidden = np.zeros(STATE_SHAPE, np.float32)
        self._cell = np.zeros(STATE_SHAPE, np.float32)
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)
        self._waiting: list[NDArray[np.float32]] = []
        self._waiting_samples = 0
        self._received_samples = 0
        self._probabilities = array("f")
        self._start_s: float | None = None

    def add(self, time_s: float, samples: NDArray[np.float32]) -> None:
        """Take one piece, float32 [S], which follows the one before without a gap; `time_s` is its first sample."""
        if self._start_s is None:
            self._start_s = time_s
        self._received_samples += len(samples)
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        block = BLOCK_CHUNKS * CHUNK_SAMPLES
        if self._waiting_samples >= block:
            line = np.concatenate(self._waiting)
            whole = len(line) // block * block
            for start in range(0, whole, block):
                self._run_model(line[start : start + block])
            self._waiting = [line[whole:]]
            self._waiting_samples = len(line) - whole

    def speech(self) -> list[list[float]]:
        """Intervals of speech as [start, end] in seconds; ends the stream."""
        if self._waiting_samples:
            line = np.concatenate(self._waiting)
            self._run_model(np.pad(line, (0, -len(line) % CHUNK_SAMPLES)))
            self._waiting, self._waiting_samples = [], 0
        start_s = self._start_s or 0.0
        return [
            [round(start_s + sample / SPEECH_RATE_HZ, 6) for sample in interval]
            for interval in speech_intervals(self._probabilities, self._threshold, self._received_samples)
        ]

    def _run_model(self, samples: NDArray[np.float32]) -> None:
        """Whole chunks: probabilities out, state and context carried on."""
        chunks = samples.reshape(-1, CHUNK_SAMPLES)
        contexts = np.vstack([self._context, chunks[:-1, -CONTEXT_SAMPLES:]])
        probabilities, self._hidden, self._cell = self._session.run(
            ["speech_probs", "hn", "cn"],
            {"input": np.hstack([contexts, chunks]), "h": self._hidden, "c": self._cell},
        )
        self._context = chunks[-1, -CONTEXT_SAMPLES:].copy()
        self._probabilities.extend(probabilities.ravel().tolist())


@cache
def _session() -> Any:
    """The packaged ONNX model, one thread, once a process; it holds no state of a stream.

    Opened as the package does it (`SileroVADSequence`), by its file: importing the package imports torch.
    """
    import onnxruntime

    spec = find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("silero_vad is not installed: make the environment from requirements.lock")
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    file = Path(spec.origin).parent / MODEL_FILE
    return onnxruntime.InferenceSession(str(file), sess_options=options, providers=["CPUExecutionProvider"])
