"""Timeline of a file: when each frame is shown and when audio runs, read from packets alone.

Nothing is decoded except to select the audio track. Times are seconds since the container's start. A header may state a
wrong length or rate; packets cannot be longer than what they contain. Doubtful stamps of frames are repaired
(`frame_stamps.py`), and where nothing was recorded is found out (`gaps.py`). A file that ends in mid-packet, or cannot
be read on, is taken as far as it goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from mova_core.errors import MediaError
from mova_core.media.audio.track_selection import AudioSelection, AudioTrackSelector
from mova_core.media.container.formats import Container
from mova_core.media.container.packets import FilmStart, is_counted, readable_packets
from mova_core.media.timeline.tracks import PacketTimes, Track, VideoTrack, check_clocks

GAPLESS = ("flac", "ogg")  # they number samples; a frame or page whose sum is wrong FFmpeg drops without a word
MICROSECOND = Fraction(1, 1_000_000)
S = TypeVar("S")
NOT_A_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails


@dataclass(frozen=True)
class Timeline:
    """The clock of one file.

    Args:
        zero: its zero on the container's own time line.
        video: when its frames are shown.
        audio: packets of the selected audio track.
        film: which of the file's videos is used, from 0.
        selection: which audio track and channels are used.
        gapless: the container cannot leave a gap in its audio: where there is one, a damaged piece was dropped.
    """

    zero: Fraction
    video: VideoTrack | None
    audio: Track | None
    film: int = 0
    selection: AudioSelection = field(default_factory=AudioSelection)
    gapless: bool = False

    def seconds(self, ticks: int, time_base: Fraction | None) -> float:
        """A stream's time stamp on the file's timeline."""
        assert time_base is not None  # whatever has a time stamp has its unit
        zero = self.zero
        # The quotient of whole numbers is rounded once, like the fraction that it stands for.
        numerator = ticks * time_base.numerator * zero.denominator - zero.numerator * time_base.denominator
        return numerator / (time_base.denominator * zero.denominator)

    def video_stream(self, container: InputContainer) -> VideoStream | None:
        """The film, in a container opened anew."""
        return _nth(videos(container), self.film)

    def audio_stream(self, container: InputContainer) -> AudioStream | None:
        """The selected audio stream, in a container opened anew."""
        return _nth(container.streams.audio, self.selection.track)


def videos(container: InputContainer) -> list[VideoStream]:
    """The streams of which one is the film: cover art and thumbnails are none where the container marks them."""
    return [stream for stream in container.streams.video if not stream.disposition & NOT_A_VIDEO]


def _nth(streams: Sequence[S], number: int) -> S | None:
    return streams[number] if number < len(streams) else None


def read_timeline(container: InputContainer, kind: Container) -> Timeline:
    """Read all packets of video and audio; choose the film and select the audio track (`track_selection.py`).

    Raises:
        MediaError: `decode_error` when no packet can be read, `no_clock` when frames carry no usable times,
            `no_keyframe` when there is nowhere to begin, `clock_jump` when times leap.
    """
    films, tracks = [_Film(stream) for stream in videos(container)], container.streams.audio
    film_of = {film.stream.index: film for film in films}
    audio_times = {track.index: PacketTimes() for track in tracks}
    streams: list[VideoStream | AudioStream] = [*(film.stream for film in films), *tracks]
    starts = {stream.index: _start(stream) for stream in streams}
    container_start = (container.start_time or 0) * MICROSECOND
    selector = AudioTrackSelector(tracks)
    for packet in readable_packets(container, streams):
        if film := film_of.get(packet.stream.index):
            film.add(packet)
        elif is_counted(packet):
            audio_times[packet.stream.index].add(packet)
            selector.add(packet)
    film, selection = _choose_film(films), selector.selection()
    audio = _nth(tracks, selection.track)
    used = (film.stream if film is not None else None, audio)
    zero = _zero(container_start, [starts[stream.index] for stream in used if stream is not None])
    video_track = film.track(zero, kind.name != "avi") if film is not None else None
    audio_track = audio_times[audio.index].audio_track(audio.time_base, zero) if audio is not None else None
    check_clocks({"video": video_track, "audio": audio_track})
    number = films.index(film) if film is not None else 0
    return Timeline(zero, video_track, audio_track, number, selection, kind.name in GAPLESS)


class _Film:
    """What may be the film: the packets of one video stream."""

    def __init__(self, stream: VideoStream) -> None:
        self.stream = stream
        self._times = PacketTimes()
        self._start = FilmStart()
        self._unshown = 0

    @property
    def frames(self) -> int:
        return len(self._times)

    @property
    def pixels(self) -> int:
        """Of a frame; 0 where there is no decoder."""
        context = self.stream.codec_context
        return context.width * context.height if context is not None else 0

    def add(self, packet: "Packet[Any]") -> None:
        begun = self._start.has_begun(packet)
        if is_counted(packet):
            if begun:
                self._times.add(packet)
            else:
                self._unshown += 1

    def track(self, zero: Fraction, stamped: bool) -> VideoTrack | None:
        """None where there are no packets; `stamped` where the container stores display times."""
        if self._unshown and not len(self._times):
            raise MediaError("no_keyframe", f"none of its {self._unshown} video packets can be decoded by itself")
        return self._times.video_track(self.stream.time_base, zero, stamped) if len(self._times) else None


def _choose_film(candidates: list[_Film]) -> _Film | None:
    """The first whose frames are more than half of the most: the others are covers and previews.

    Of several with exactly its number of frames, the same film in several sizes, the largest.
    """
    films = [film for film in candidates if film.pixels] or candidates
    most = max((film.frames for film in films), default=0)
    first = next((film for film in films if 2 * film.frames > most), next(iter(films), None))
    return max(
        (film for film in films if first and film.frames == first.frames), key=lambda film: film.pixels, default=None
    )


def _start(stream: VideoStream | AudioStream) -> Fraction | None:
    """Where a stream begins; asked for before anything is read, for reading changes it."""
    if stream.start_time is None or stream.time_base is None:
        return None
    return stream.start_time * stream.time_base


def _zero(container_start: Fraction, starts: Sequence[Fraction | None]) -> Fraction:
    """The container's start; to the tick where a stream begins there (the container knows whole microseconds only)."""
    at_zero = (start for start in starts if start is not None and abs(start - container_start) <= MICROSECOND)
    return next(at_zero, container_start)
