"""Timeline of a file: when each frame is shown and when audio runs, read from packets alone.

Nothing is decoded except to select the audio track. Times are seconds since the container's start. A header may state a
wrong length or rate; packets cannot be longer than what they contain. Doubtful stamps of frames are repaired
(`frame_stamps.py`), and where nothing was recorded is found out (`gaps.py`). A file that ends in mid-packet, or cannot
be read on, is taken as far as it goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from mova_core.errors import MediaError
from mova_core.media.audio_track import AudioSelection, AudioTrackSelector
from mova_core.media.containers import Container
from mova_core.media.packets import is_counted, readable_packets
from mova_core.media.tracks import PacketTimes, Track, VideoTrack, check_clocks

GAPLESS = ("flac", "ogg")  # they number samples; a frame or page whose sum is wrong FFmpeg drops without a word
MICROSECOND = Fraction(1, 1_000_000)
NOT_A_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails


@dataclass(frozen=True)
class Timeline:
    """The clock of one file.

    Args:
        zero: its zero on the container's own time line.
        video: when its frames are shown.
        audio: packets of the selected audio track.
        selection: which audio track and channels are used.
        gapless: the container cannot leave a gap in its audio: where there is one, a damaged piece was dropped.
    """

    zero: Fraction
    video: VideoTrack | None
    audio: Track | None
    selection: AudioSelection = field(default_factory=AudioSelection)
    gapless: bool = False

    def seconds(self, ticks: int, time_base: Fraction | None) -> float:
        """A stream's time stamp on the file's timeline."""
        assert time_base is not None  # whatever has a time stamp has its unit
        zero = self.zero
        # The quotient of whole numbers is rounded once, like the fraction that it stands for.
        numerator = ticks * time_base.numerator * zero.denominator - zero.numerator * time_base.denominator
        return numerator / (time_base.denominator * zero.denominator)

    def audio_stream(self, container: InputContainer) -> AudioStream | None:
        """The selected audio stream, in a container opened anew."""
        return _nth(container.streams.audio, self.selection.track)


def first_video(container: InputContainer) -> VideoStream | None:
    """The first video stream; cover art does not count."""
    return next((s for s in container.streams.video if not s.disposition & NOT_A_VIDEO), None)


def _nth(streams: Sequence[AudioStream], number: int) -> AudioStream | None:
    return streams[number] if number < len(streams) else None


def read_timeline(container: InputContainer, kind: Container) -> Timeline:
    """Read all packets of the first video stream and of the audio; select the audio track (`audio_track.py`).

    Raises:
        MediaError: `decode_error` when no packet can be read, `no_clock` when frames carry no usable times,
            `no_keyframe` when there is nowhere to begin, `clock_jump` when times leap.
    """
    video, tracks = first_video(container), container.streams.audio
    zeros = [_zero(container, video, track) for track in tracks] or [_zero(container, video)]
    video_times, audio_times = PacketTimes(), {track.index: PacketTimes() for track in tracks}
    selector = AudioTrackSelector(tracks)
    unshown = 0
    begun = False
    wanted = [stream for stream in (video, *tracks) if stream is not None]
    for packet in readable_packets(container, wanted):
        if packet.stream is not video:
            if is_counted(packet):
                audio_times[packet.stream.index].add(packet)
                selector.add(packet)
            continue
        begun = begun or (packet.size > 0 and packet.is_keyframe)  # a recording may begin between two key frames
        if not is_counted(packet):
            continue
        if begun:
            video_times.add(packet)
        else:
            unshown += 1
    if unshown and not len(video_times):
        raise MediaError("no_keyframe", f"none of its {unshown} video packets can be decoded by itself")
    selection = selector.selection()
    audio, zero = _nth(tracks, selection.track), zeros[selection.track]
    audio_track = audio_times[audio.index].audio_track(audio.time_base, zero) if audio is not None else None
    video_track = None
    if video is not None and len(video_times):
        video_track = video_times.video_track(video.time_base, zero, kind.name != "avi")
    check_clocks({"video": video_track, "audio": audio_track})
    return Timeline(zero, video_track, audio_track, selection, kind.name in GAPLESS)


def _zero(container: InputContainer, *streams: VideoStream | AudioStream | None) -> Fraction:
    """The container's start; to the tick where a stream begins there (the container knows whole microseconds only)."""
    start = (container.start_time or 0) * MICROSECOND
    for stream in streams:
        if stream is not None and stream.start_time is not None and stream.time_base is not None:
            exact = stream.start_time * stream.time_base
            if abs(exact - start) <= MICROSECOND:
                return exact
    return start
