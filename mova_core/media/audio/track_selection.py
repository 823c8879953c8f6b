"""Select the audio of a file: the first track that is audible, and how its channels are mixed (`downmix.py`).

A channel is audible if one of its decoded frames (some 20 to 90 ms) reaches an RMS level of -50 dBFS, below which stage
assess counts silence. Where nothing is audible, the first track is selected.

A file with one mono track leaves no choice, so nothing is decoded here. Of any other file all audio is decoded up to
and including its first audible track (0.1 s of CPU time a minute), because channels that are in phase at first may not
stay so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.audio.frame import format_dtypes
from av.audio.stream import AudioStream
from av.packet import Packet
from numpy.typing import NDArray

from mova_core.errors import MediaError
from mova_core.media.audio.downmix import MixChooser, standard_weights
from mova_core.media.container.demux import decode_strictly, read_errors


@dataclass(frozen=True, slots=True)
class AudioSelection:
    """The audio track of a file that is used, and the mix of its channels.

    Args:
        track: its number among the file's audio tracks, from 0.
        mixes: layout and weights of its channels, for each layout that it has; any other is mixed by the standard.
    """

    track: int = 0
    mixes: tuple[tuple[str, tuple[float, ...]], ...] = ()

    def weights(self, layout: av.AudioLayout) -> tuple[float, ...]:
        """What each channel of a frame is multiplied by in the mono mix."""
        for name, weights in self.mixes:
            if name == layout.name and len(weights) == layout.nb_channels:
                return weights
        return standard_weights([channel.name for channel in layout.channels])


class AudioTrackSelector:
    """Takes the packets of all audio tracks as the file has them.

    Args:
        tracks: the file's, not yet decoded.
    """

    def __init__(self, tracks: Sequence[AudioStream]) -> None:
        self._tracks = {track.index: _TrackLevels(track) for track in tracks}
        if len(tracks) == 1 and all(levels.is_mono for levels in self._tracks.values()):
            self._tracks = {}

    def add(self, packet: "Packet[Any]") -> None:
        """One packet, of any stream."""
        levels = self._tracks.get(packet.stream.index)
        if levels is not None and not self._before(levels):
            levels.add(packet)

    def selection(self) -> AudioSelection:
        """The choice, once all packets have come."""
        for track, levels in enumerate(self._tracks.values()):
            if levels.is_audible:
                return AudioSelection(track, levels.mixes())
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
    """Listens to one track; what is damaged is left to the strict pass."""

    def __init__(self, track: AudioStream) -> None:
        self._choosers: dict[str, MixChooser] = {}
        self._is_decoded = track.codec_context is not None
        self.is_mono = not self._is_decoded or track.codec_context.layout.nb_channels == 1
        if self._is_decoded:
            decode_strictly(track)

    @property
    def is_audible(self) -> bool:
        return any(chooser.is_audible for chooser in self._choosers.values())

    def add(self, packet: "Packet[Any]") -> None:
        if not self._is_decoded:
            return
        try:
            with read_errors("decode_error", "it cannot be listened to"):
                frames: list[Any] = packet.decode()
        except MediaError:
            return
        for frame in frames:
            self._chooser(frame.layout).add(channel_samples(frame), frame.sample_rate)

    def mixes(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        return tuple((layout, chooser.weights()) for layout, chooser in self._choosers.items())

    def _chooser(self, layout: av.AudioLayout) -> MixChooser:
        if layout.name not in self._choosers:
            self._choosers[layout.name] = MixChooser([channel.name for channel in layout.channels])
        return self._choosers[layout.name]


def channel_samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    """A frame's channels, float32 [C, S], full scale -1..1."""
    dtype, count, planar = np.dtype(format_dtypes[frame.format.name]), frame.samples, frame.format.is_planar
    # Read where they lie: PyAV's own arrays are stacked from copies.
    planes = [np.frombuffer(memoryview(plane), dtype, count if planar else -1) for plane in frame.planes]
    lines = planes if planar else planes[0][: count * frame.layout.nb_channels].reshape(count, -1).T
    channels = np.empty((len(lines), count), np.float32)
    for channel, line in zip(channels, lines, strict=True):
        if dtype == np.uint8:
            channel[:] = (line.astype(np.float32) - np.float32(128)) / np.float32(128)
        elif dtype.kind == "i":
            channel[:] = line / -float(np.iinfo(dtype).min)
        else:
            channel[:] = line
    return channels
