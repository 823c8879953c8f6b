"""Turn decoded audio frames into one gapless mono signal at one rate, on the clock that their time stamps tell.

Channels are mixed as the selection says (`track_selection.py`), frame by frame: their layout may change midway. Frames
take their place by `clock.py`: the first sample keeps its time, a clock that differs from the count of samples is
followed by stretching, and where nothing was recorded or a packet is damaged there is silence, told by a `Lost` before
it. What has one rate is resampled as one signal; where the rate changes, the next piece begins at the sample after the
last. float32, full scale -1..1 (lossy codecs may exceed it).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from mova_core.errors import MediaError
from mova_core.media.audio.clock import AudioClock, Placed
from mova_core.media.audio.downmix import mixed
from mova_core.media.audio.stretch import Stretcher
from mova_core.media.audio.track_selection import channel_samples
from mova_core.media.lost import Lost
from mova_core.media.timeline.timeline import Timeline

JITTER_S = 0.020
VORBIS_JITTER_S = 0.050  # its stamps tell where blocks of changing length overlap, not where samples begin
RECOVERY_S = 0.150
"""For so long after a loss no audio counts: blocks overlap with those before them (AAC, AC-3, Vorbis), Opus asks for
80 ms, and a frame of MP3 may need bits of the six before it."""

EMPTY_PACKET = "damaged audio: a packet gives no samples"
UNSOUND_START = {"ac3": 256, "eac3": 256}  # samples: half a block that the decoder has nothing to add to
SILENCE_PIECE_S = 1.0
PIECE_SAMPLES = 8192  # of the source that wait to be resampled together: 0.17 s at 48 kHz


@dataclass(frozen=True)
class AudioChunk:
    """A piece of mono audio.

    Args:
        time_s: time of its first sample.
        samples: float32 [S] at the rate asked for.
        stretched_s: by how much audio was made longer or shorter since the piece before, to follow the clock.
    """

    time_s: float
    samples: NDArray[np.float32]
    stretched_s: float = 0.0


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
        self._source_rate_hz = 0
        self._start_s = 0.0
        self._piece_s = 0.0  # where the present source rate began
        self._clock: AudioClock | None = None
        self._converter: _RateConverter | None = None
        self._stretcher = Stretcher()
        self._damage: str | None = None  # what happened to packets since the last frame
        self._stretched = 0  # samples gained or left out since the last piece given
        self._waiting: list[NDArray[np.float32]] = []  # not yet resampled
        self._waiting_samples = 0
        self._received = 0  # samples of the source line so far, at the present rate
        self._given = 0  # samples given out so far

    def add(self, frame: av.AudioFrame) -> Iterator[AudioChunk | Lost]:
        """Pieces that one more frame completes, a `Lost` before the silence that stands for it.

        Raises:
            MediaError: `decode_error`, damage before a frame without a time stamp: it cannot be told how much is lost.
        """
        samples = mixed(channel_samples(frame), self._timeline.selection.weights(frame.layout))
        time_s = None if frame.pts is None else self._timeline.seconds(frame.pts, frame.time_base)
        if self._converter is None:
            unsound = self._unsound_samples(time_s, frame.sample_rate)
            samples, time_s = samples[unsound:], (time_s or 0.0) + unsound / frame.sample_rate
            self._start_s = self._piece_s = time_s
        if frame.sample_rate != self._source_rate_hz:
            yield from self._change_rate(frame.sample_rate)
        if time_s is None and self._damage is not None:
            raise MediaError("decode_error", f"{self._damage}; what follows has no time stamp to tell how much is lost")
        if not (is_number := np.isfinite(samples)).all():
            self.note_damage("the audio holds values that are not numbers")
            samples = np.where(is_number, samples, np.float32(0))
        damage, self._damage = self._damage, None
        assert self._clock is not None
        for placed in self._clock.add(samples, time_s, damage):
            yield from self._place(placed)

    def _unsound_samples(self, time_s: float | None, rate_hz: int) -> int:
        """How many samples at the start of the first frame are to be left out beside those that the container hides."""
        track = self._timeline.audio
        if time_s is None or track is None or self._damage is not None:
            return self._unsound
        hidden = round((time_s - track.start_s) * rate_hz)
        return max(0, self._unsound - max(0, hidden))

    def note_damage(self, cause: str) -> None:
        """A packet came that does not decode."""
        if self._damage in (None, EMPTY_PACKET):
            self._damage = cause

    def note_empty_packet(self) -> None:
        """A packet came of which the decoder made no audio; harmless unless a gap follows (priming makes none)."""
        self._damage = self._damage or EMPTY_PACKET

    def end(self) -> Iterator[AudioChunk | Lost]:
        """What still waits, and what the resampler still holds.

        Raises:
            MediaError: `decode_error`, nothing of the stream decodes.
        """
        if self._converter is None:
            if self._damage is not None:
                raise MediaError("decode_error", self._damage)
            return
        yield from self._end_piece()
        yield from self._given_out(self._converter.flush())
        if self._damage not in (None, EMPTY_PACKET):
            start_s, track = self._time_s(), self._timeline.audio
            end_s = start_s if track is None else max(start_s, track.end_s)
            assert self._damage is not None
            yield _lost(start_s, end_s, "decode_error", self._damage)

    def _change_rate(self, rate_hz: int) -> Iterator[AudioChunk | Lost]:
        """What follows is of another rate, or the first of all."""
        if self._converter is not None:
            yield from self._end_piece()
            self._piece_s = self._time_s()
            due = round((self._piece_s - self._start_s) * self._rate_hz) - self._given
            yield from self._given_out(self._converter.flush()[:due])
        self._source_rate_hz, self._received = rate_hz, 0
        self._clock = AudioClock(self._piece_s, rate_hz, self._jitter_s)
        self._converter = _RateConverter(rate_hz, self._rate_hz)

    def _end_piece(self) -> Iterator[AudioChunk | Lost]:
        """All that waits for its place, up to the resampler."""
        assert self._clock is not None
        for placed in self._clock.flush():
            yield from self._place(placed)
        for samples in self._stretcher.flush():
            yield from self._push(samples)
        yield from self._resampled()

    def _time_s(self) -> float:
        return self._piece_s + self._received / self._source_rate_hz

    def _place(self, placed: Placed) -> Iterator[AudioChunk | Lost]:
        yield from self._lost(placed)
        if placed.gap:
            for samples in self._stretcher.flush():
                yield from self._push(samples)
            for first in range(0, placed.gap, piece := round(SILENCE_PIECE_S * self._source_rate_hz)):
                yield from self._push(np.zeros(min(piece, placed.gap - first), np.float32))
        self._stretched += abs(placed.length - len(placed.samples))
        for samples in self._stretcher.push(placed.samples, placed.length):
            yield from self._push(samples)

    def _lost(self, placed: Placed) -> Iterator[Lost]:
        """What cannot be trusted of what comes next."""
        start_s, length_s = self._time_s(), placed.length / self._source_rate_hz
        gap_s = placed.gap / self._source_rate_hz
        recovered_s = start_s + gap_s + max(RECOVERY_S, length_s)
        if placed.damage is not None and (placed.gap or placed.damage != EMPTY_PACKET):
            yield _lost(start_s, recovered_s, "decode_error", placed.damage)
        elif placed.gap and self._timeline.gapless:
            cause = f"damaged audio at {start_s:.3f} s: {gap_s:.3f} s do not decode"
            yield _lost(start_s, recovered_s, "decode_error", cause)
        elif placed.gap:
            yield _lost(start_s, recovered_s, "gap", f"nothing was recorded for {gap_s:.3f} s")
        if placed.off_s:
            cause = f"it is {abs(placed.off_s):.3f} s away from its time stamps, too far to follow them by stretching"
            yield _lost(start_s, start_s + length_s, "audio_drift", cause)

    def _push(self, samples: NDArray[np.float32]) -> Iterator[AudioChunk]:
        """The next [S] of the line; they wait until they are worth the call that resampling takes."""
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        self._received += len(samples)
        if self._waiting_samples >= PIECE_SAMPLES:
            yield from self._resampled()

    def _resampled(self) -> Iterator[AudioChunk]:
        if self._converter is None or not self._waiting_samples:
            return
        samples = np.concatenate(self._waiting)
        self._waiting, self._waiting_samples = [], 0
        yield from self._given_out(self._converter.push(samples))

    def _given_out(self, samples: NDArray[np.float32]) -> Iterator[AudioChunk]:
        if len(samples):
            stretched_s, self._stretched = self._stretched / self._source_rate_hz, 0
            yield AudioChunk(self._start_s + self._given / self._rate_hz, samples, stretched_s)
            self._given += len(samples)


def _lost(start_s: float, end_s: float, code: str, cause: str) -> Lost:
    return Lost(start_s, end_s, "audio", code, f"the audio from {start_s:.3f} to {end_s:.3f} s is lost: {cause}")


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
