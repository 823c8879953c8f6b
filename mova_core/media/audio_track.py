"""Which sound of a file is heard: of its tracks the first that sounds, of its channels those that sound.

A channel sounds if one of its decoded frames (some 20 to 90 ms) reaches a level of -50 dBFS, below which assess counts
silence. A silent channel has no part in the mono mix, it would only make the others quieter: a voice on the left
channel alone keeps its level. Neither has the channel of low-frequency effects beside others. Where nothing sounds,
the first track is heard, with all its channels.

One track of one channel leaves no choice and is not listened to. Any other file is, from its start, until its first
sounding track has no silent channel left: in most films that takes a moment, at worst all of its sound is decoded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet
from numpy.typing import NDArray

from mova_core.errors import MediaError
from mova_core.media.demux import decode_strictly, read_errors

SOUNDING_RMS = 10 ** (-50 / 20)
EFFECTS = "LFE"  # FFmpeg's name of the channel; LFE2 is a second one


@dataclass(frozen=True, slots=True)
class Heard:
    """What of a file's sound is heard.

    Args:
        track: its number among the file's sound tracks, from 0.
        channels: numbers of the channels that are mixed; None for all.
        channel_count: how many the track has; None where it does not matter.
    """

    track: int = 0
    channels: tuple[int, ...] | None = None
    channel_count: int | None = None


class Listener:
    """Takes the packets of all sound tracks as the file has them.

    Args:
        tracks: the file's, not yet decoded.
    """

    def __init__(self, tracks: Sequence[AudioStream]) -> None:
        self._ears = {track.index: _Ear(track) for track in tracks}
        if len(tracks) == 1 and all(ear.channel_count == 1 for ear in self._ears.values()):
            self._ears = {}

    def hear(self, packet: "Packet[Any]") -> None:
        """One packet, of any stream."""
        ear = self._ears.get(packet.stream.index)
        if ear is not None and not ear.is_done and not self._before(ear):
            ear.hear(packet)

    def heard(self) -> Heard:
        """The choice, once all packets have come."""
        for track, ear in enumerate(self._ears.values()):
            if ear.sounds:
                return Heard(track, ear.channels(), ear.channel_count)
        return Heard()

    def _before(self, ear: "_Ear") -> bool:
        """Whether a track before this one sounds, so that it is out of the question."""
        for other in self._ears.values():
            if other is ear:
                return False
            if other.sounds:
                return True
        return False


class _Ear:
    """Listens to one track until all of its channels have sounded, or until it is damaged."""

    def __init__(self, track: AudioStream) -> None:
        self.is_done = track.codec_context is None  # nothing decodes it
        self.channel_count = 0 if self.is_done else track.codec_context.layout.nb_channels
        self._sounding: NDArray[np.bool_] = np.zeros(self.channel_count, np.bool_)
        self._effects: NDArray[np.bool_] = np.zeros(self.channel_count, np.bool_)
        if not self.is_done:
            decode_strictly(track)

    @property
    def sounds(self) -> bool:
        return bool(self._sounding.any())

    def hear(self, packet: "Packet[Any]") -> None:
        try:
            with read_errors("decode_error", "it cannot be listened to"):
                frames: list[Any] = packet.decode()
        except MediaError:  # the strict pass will come upon it, and say where
            self.is_done = True
            return
        for frame in frames:
            self._hear(frame)

    def channels(self) -> tuple[int, ...] | None:
        """Those that are mixed; None for all."""
        mixed = self._sounding & ~self._effects
        if not mixed.any():
            mixed = self._sounding
        return None if mixed.all() else tuple(int(channel) for channel in np.flatnonzero(mixed))

    def _hear(self, frame: av.AudioFrame) -> None:
        samples = channel_samples(frame)
        if len(samples) != self.channel_count:
            if self.sounds:  # the strict pass decides whether that may be
                self.is_done = True
                return
            self.channel_count = len(samples)  # the header told another number than the sound has
            self._sounding = np.zeros(self.channel_count, np.bool_)
        self._effects = np.array([channel.name.startswith(EFFECTS) for channel in frame.layout.channels], np.bool_)
        with np.errstate(invalid="ignore", over="ignore"):
            self._sounding |= np.sqrt(np.mean(np.square(samples), axis=1)) >= SOUNDING_RMS
        self.is_done = bool((self._sounding | self._effects).all()) and self.sounds


def channel_samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    """A frame's channels, float32 [C, S], full scale -1..1."""
    array: NDArray[Any] = frame.to_ndarray()
    channels = array if frame.format.is_planar else array.reshape(frame.samples, -1).T
    if channels.dtype == np.uint8:
        return (channels.astype(np.float32) - np.float32(128)) / np.float32(128)
    if np.issubdtype(channels.dtype, np.integer):
        return (channels / -float(np.iinfo(channels.dtype).min)).astype(np.float32)
    return channels.astype(np.float32)
