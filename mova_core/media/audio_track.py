"""Select the audio of a file: the first track that is audible, and of its channels those that are audible.

A channel is audible if one of its decoded frames (some 20 to 90 ms) reaches an RMS level of -50 dBFS, below which stage
assess counts silence. A silent channel is left out of the mono mix, because it would only make the others quieter: a
voice on the left channel alone keeps its level. So is the channel of low-frequency effects beside others. Where nothing
is audible, the first track is selected with all its channels.

A file with one mono track leaves no choice, so nothing is decoded here. Any other file is decoded from its start until
its first audible track has no silent channel left: usually a moment, at worst all of its audio.
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

AUDIBLE_RMS = 10 ** (-50 / 20)
EFFECTS = "LFE"  # FFmpeg's name of the channel; LFE2 is a second one


@dataclass(frozen=True, slots=True)
class AudioSelection:
    """The audio track and channels of a file that are used.

    Args:
        track: its number among the file's audio tracks, from 0.
        channels: numbers of the channels that are mixed; None for all.
        channel_count: how many the track has; None where it does not matter.
    """

    track: int = 0
    channels: tuple[int, ...] | None = None
    channel_count: int | None = None


class AudioTrackSelector:
    """Takes the packets of all audio tracks as the file has them.

    Args:
        tracks: the file's, not yet decoded.
    """

    def __init__(self, tracks: Sequence[AudioStream]) -> None:
        self._tracks = {track.index: _TrackLevels(track) for track in tracks}
        if len(tracks) == 1 and all(levels.channel_count == 1 for levels in self._tracks.values()):
            self._tracks = {}

    def add(self, packet: "Packet[Any]") -> None:
        """One packet, of any stream."""
        levels = self._tracks.get(packet.stream.index)
        if levels is not None and not levels.is_done and not self._before(levels):
            levels.add(packet)

    def selection(self) -> AudioSelection:
        """The choice, once all packets have come."""
        for track, levels in enumerate(self._tracks.values()):
            if levels.is_audible:
                return AudioSelection(track, levels.channels(), levels.channel_count)
        return AudioSelection()

    def _before(self, levels: "_TrackLevels") -> bool:
        """Whether a track before this one is audible, so that this one cannot be selected."""
        for other in self._tracks.values():
            if other is levels:
                return False
            if other.is_audible:
                return True
        return False


class _TrackLevels:
    """Listens to one track until all of its channels have sounded, or until it is damaged."""

    def __init__(self, track: AudioStream) -> None:
        self.is_done = track.codec_context is None  # nothing decodes it
        self.channel_count = 0 if self.is_done else track.codec_context.layout.nb_channels
        self._audible: NDArray[np.bool_] = np.zeros(self.channel_count, np.bool_)
        self._effects: NDArray[np.bool_] = np.zeros(self.channel_count, np.bool_)
        if not self.is_done:
            decode_strictly(track)

    @property
    def is_audible(self) -> bool:
        return bool(self._audible.any())

    def add(self, packet: "Packet[Any]") -> None:
        try:
            with read_errors("decode_error", "it cannot be listened to"):
                frames: list[Any] = packet.decode()
        except MediaError:  # the strict pass will come upon it, and say where
            self.is_done = True
            return
        for frame in frames:
            self._measure(frame)

    def channels(self) -> tuple[int, ...] | None:
        """Those that are mixed; None for all."""
        mixed = self._audible & ~self._effects
        if not mixed.any():
            mixed = self._audible
        return None if mixed.all() else tuple(int(channel) for channel in np.flatnonzero(mixed))

    def _measure(self, frame: av.AudioFrame) -> None:
        samples = channel_samples(frame)
        if len(samples) != self.channel_count:
            if self.is_audible:  # the strict pass decides whether that may be
                self.is_done = True
                return
            self.channel_count = len(samples)  # the header told another number than the audio has
            self._audible = np.zeros(self.channel_count, np.bool_)
        self._effects = np.array([channel.name.startswith(EFFECTS) for channel in frame.layout.channels], np.bool_)
        with np.errstate(invalid="ignore", over="ignore"):
            self._audible |= np.sqrt(np.mean(np.square(samples), axis=1)) >= AUDIBLE_RMS
        self.is_done = bool((self._audible | self._effects).all()) and self.is_audible


def channel_samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    """A frame's channels, float32 [C, S], full scale -1..1."""
    array: NDArray[Any] = frame.to_ndarray()
    channels = array if frame.format.is_planar else array.reshape(frame.samples, -1).T
    if channels.dtype == np.uint8:
        return (channels.astype(np.float32) - np.float32(128)) / np.float32(128)
    if np.issubdtype(channels.dtype, np.integer):
        return (channels / -float(np.iinfo(channels.dtype).min)).astype(np.float32)
    return channels.astype(np.float32)
