"""Join decoded audio frames whose times jitter, jump or overlap into one gapless mono signal, and resample it.

Channels are mixed as the selection says (`audio_track.py`), frame by frame, for their layout may change midway. The
first sample keeps its time. A frame that starts more than 20 ms away from the end of the signal so far is moved back to
its time, by silence or by trimming; smaller differences are rounding of the container's time stamps. What has one rate
is resampled as one signal; where the rate changes, the next piece begins at the sample after the last. float32, full
scale -1..1 (lossy codecs may exceed it).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from mova_core.errors import MediaError
from mova_core.media.audio_track import channel_samples
from mova_core.media.downmix import mixed
from mova_core.media.lost import Lost
from mova_core.media.timeline import Timeline

JITTER_S = 0.020
VORBIS_JITTER_S = 0.050  # its stamps tell where blocks of changing length overlap, not where samples begin
UNSOUND_START = {"ac3": 256, "eac3": 256}  # samples: half a block that the decoder has nothing to add to
SILENCE_PIECE_S = 1.0
PIECE_SAMPLES = 8192  # of the source that wait to be resampled together: 0.17 s at 48 kHz


@dataclass(frozen=True)
class AudioChunk:
    """A piece of mono audio.

    Args:
        time_s: time of its first sample.
        samples: float32 [S] at the rate asked for.
    """

    time_s: float
    samples: NDArray[np.float32]


class AudioResampler:
    """Takes a stream's decoded frames in order, gives the line in pieces.

    Args:
        timeline: the file's.
        rate_hz: samples per second to give.
        codec: FFmpeg's name of what the audio is coded in.
    """

    def __init__(self, timeline: Timeline, rate_hz: int, codec: str) -> None:
        self._timeline = timeline
        self._jitter_s = VORBIS_JITTER_S if codec == "vorbis" else JITTER_S
        self._unsound = UNSOUND_START.get(codec, 0)
        self._rate_hz = rate_hz
        self._resampler: _RateConverter | None = None
        self._source_rate_hz = 0
        self._start_s = 0.0
        self._piece_s = 0.0  # where the present source rate began
        self._packet_lost = False
        self._waiting: list[NDArray[np.float32]] = []  # not yet resampled
        self._waiting_samples = 0
        self._received = 0  # samples of the source line so far, at the present rate
        self._given = 0  # samples given out so far

    def add(self, frame: av.AudioFrame) -> Iterator[AudioChunk | Lost]:
        """Pieces that one more frame completes, a `Lost` before the silence that stands for it.

        Raises:
            MediaError: `decode_error` for samples that are not numbers and for a gap that a packet told of by
                `note_empty_packet` should have filled, or that the container cannot have.
        """
        samples = mixed(channel_samples(frame), self._timeline.selection.weights(frame.layout))
        if self._resampler is None:
            samples = samples[self._unsound :]
        if frame.sample_rate != self._source_rate_hz:
            yield from self._change_rate(frame)
        late = self._lateness(frame)
        self._packet_lost = False
        while late > 0:
            silence = min(late, round(SILENCE_PIECE_S * self._source_rate_hz))
            yield from self._push(np.zeros(silence, np.float32))
            late -= silence
        yield from self._push(samples[-late:] if late < 0 else samples)

    def note_empty_packet(self) -> None:
        """A packet came of which the decoder made no audio; harmless unless a gap follows (priming makes none)."""
        self._packet_lost = True

    def end(self) -> Iterator[AudioChunk]:
        """What still waits, and what the resampler still holds."""
        yield from self._resampled()
        if self._resampler is not None:
            yield from self._given_out(self._resampler.flush())

    def _change_rate(self, frame: av.AudioFrame) -> Iterator[AudioChunk]:
        """The first frame, or the first of another rate."""
        if self._resampler is None:
            start_s = 0.0 if frame.pts is None else self._timeline.seconds(frame.pts, frame.time_base)
            self._start_s = self._piece_s = start_s + self._unsound / frame.sample_rate
        else:
            yield from self._resampled()
            self._piece_s = self._time_s()
            due = round((self._piece_s - self._start_s) * self._rate_hz) - self._given
            yield from self._given_out(self._resampler.flush()[:due])
        self._received = 0
        self._source_rate_hz = frame.sample_rate
        self._resampler = _RateConverter(frame.sample_rate, self._rate_hz)

    def _time_s(self) -> float:
        return self._piece_s + self._received / self._source_rate_hz

    def _lateness(self, frame: av.AudioFrame) -> int:
        """Samples between the end of the line and this frame; 0 within the jitter, negative for an overlap."""
        if frame.pts is None:
            return 0
        late_s = self._timeline.seconds(frame.pts, frame.time_base) - self._time_s()
        if abs(late_s) <= self._jitter_s:
            return 0
        if late_s > 0 and (self._packet_lost or self._timeline.gapless):
            raise MediaError("decode_error", f"damaged audio at {self._time_s():.3f} s: {late_s:.3f} s do not decode")
        return round(late_s * self._source_rate_hz)

    def _push(self, samples: NDArray[np.float32]) -> Iterator[AudioChunk]:
        """The next [S] of the line; they wait until they are worth the call that resampling takes."""
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        self._received += len(samples)
        if self._waiting_samples >= PIECE_SAMPLES:
            yield from self._resampled()

    def _resampled(self) -> Iterator[AudioChunk]:
        if self._resampler is None or not self._waiting_samples:
            return
        start_s = self._time_s() - self._waiting_samples / self._source_rate_hz
        samples = np.concatenate(self._waiting)
        self._waiting, self._waiting_samples = [], 0
        if not np.isfinite(samples).all():
            late_s = int(np.argmin(np.isfinite(samples))) / self._source_rate_hz
            raise MediaError("decode_error", f"the audio at {start_s + late_s:.3f} s holds values that are not numbers")
        yield from self._given_out(self._resampler.push(samples))

    def _given_out(self, samples: NDArray[np.float32]) -> Iterator[AudioChunk]:
        if len(samples):
            yield AudioChunk(self._start_s + self._given / self._rate_hz, samples)
            self._given += len(samples)


class _RateConverter:
    """From one rate to another, mono float32; the first sample out is the first sample in."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz = from_hz
        self._fed = 0
        self._work = None if from_hz == to_hz else av.AudioResampler(format="flt", layout="mono", rate=to_hz)

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._work is None:
            return samples
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format="flt", layout="mono")
        frame.sample_rate = self._from_hz
        frame.pts = self._fed
        self._fed += len(samples)
        return _joined(self._work.resample(frame))

    def flush(self) -> NDArray[np.float32]:
        return _joined(self._work.resample(None)) if self._work is not None and self._fed else np.zeros(0, np.float32)


def _joined(frames: list[av.AudioFrame]) -> NDArray[np.float32]:
    if len(frames) == 1:
        only: NDArray[np.float32] = frames[0].to_ndarray()[0]
        return only
    return np.concatenate([np.zeros(0, np.float32), *(frame.to_ndarray()[0] for frame in frames)])
