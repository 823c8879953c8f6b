"""Measure what a file contains: packets give the times, the first second of each stream is decoded.

Sizes are those of the video as shown, after rotation and sample aspect; rotation and flip are what coded frames need to
be upright (`orientation.py`). A header's duration, frame rate and frame count are never used. The audio track
and channels are selected here as in every later stage (`track_selection.py`). A file with audio and no video (cover
art does not count) is of kind `audio`, whatever its container and its name.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from mova_core.errors import MediaError
from mova_core.media.audio_resample import AudioChunk
from mova_core.media.container.demux import open_media
from mova_core.media.container.formats import Container
from mova_core.media.decode import Frame, check_decoder, decode_container
from mova_core.media.lost import Lost
from mova_core.media.timeline.timeline import Timeline, read_timeline, videos
from mova_core.media.video.color_tags import PRIMARIES, RANGES, TRANSFERS
from mova_core.media.video.orientation import Orientation, orientation_of

VFR_GAP_S = 0.0025  # time stamps in whole milliseconds differ by 1 ms at a constant rate
LOWEST_FPS, HIGHEST_FPS = 1.0, 240.0  # nominal: what was recorded may differ by FPS_TOLERANCE
FPS_TOLERANCE = 0.01  # phones record 240 frames a second as 239.8 to 240.4
MOST_ASPECT = 10.0


@dataclass(frozen=True, slots=True)
class Probe:
    """The media columns of table `sources`; those of the video are None for kind `audio`."""

    kind: str
    container: str
    duration_s: float
    audio_codec: str
    audio_rate_hz: int
    audio_channels: int
    audio_track: int
    width_px: int | None = None
    height_px: int | None = None
    display_aspect: float | None = None
    rotation_deg: int | None = None
    hflip: bool | None = None
    color_transfer: str | None = None
    color_primaries: str | None = None
    color_range: str | None = None
    fps: float | None = None
    is_vfr: bool | None = None
    video_codec: str | None = None
    audio_minus_video_start_s: float | None = None


def probe(path: Path, *, head_s: float, max_pixels: int) -> Probe:
    """Find out what a file holds and whether it can be used.

    Args:
        path: the file.
        head_s: seconds decoded from the start of each stream; audio alone is decoded whole.
        max_pixels: a frame of more is refused before it is decoded.

    Raises:
        MediaError: it cannot be used; beside the codes of `open_media` and `decode`: `unknown_codec`,
            `frame_too_large`, `odd_aspect`, `no_overlap`, `single_frame`, `frame_rate_too_low`,
            `frame_rate_too_high`.
    """
    with open_media(path, max_pixels) as (container, kind):
        if not videos(container) and container.streams.audio:
            return _probe_audio(path, container, kind)
        _check_streams(container)
        try:
            timeline = read_timeline(container, kind)
        except MediaError:
            _check_whole(container, path.stat().st_size)  # tells the cause where a file was cut off
            raise
        video, audio = timeline.video_stream(container), _selected_audio(container, timeline)
        assert video is not None  # a container without video does not get this far
        check_decoder(video)
        check_size(video, max_pixels)
        fps, is_vfr = frame_rate(timeline)
        _check_overlap(timeline)
        video_codec, audio_codec = video.codec_context.codec, audio.codec_context.codec
        rate_hz, channels = audio.codec_context.sample_rate, audio.codec_context.layout.nb_channels
        sample_aspect = video.sample_aspect_ratio or Fraction(1)
    first_frame, first_chunk = _decode_heads(path, timeline, head_s, rate_hz)
    orientation = orientation_of(first_frame.image)
    width, height = shown_size(first_frame, sample_aspect, orientation)
    return Probe(
        kind="video",
        container=kind.name,
        duration_s=max(track.end_s for track in (timeline.video, timeline.audio) if track is not None),
        width_px=width,
        height_px=height,
        display_aspect=width / height,
        rotation_deg=orientation.rotation_deg,
        hflip=orientation.hflip,
        color_transfer=TRANSFERS.get(first_frame.color.transfer),
        color_primaries=PRIMARIES.get(first_frame.color.primaries),
        color_range=RANGES.get(first_frame.image.color_range),
        fps=fps,
        is_vfr=is_vfr,
        video_codec=video_codec.canonical_name,
        audio_codec=audio_codec.canonical_name,
        audio_rate_hz=rate_hz,
        audio_channels=channels,
        audio_track=timeline.selection.track,
        audio_minus_video_start_s=first_chunk.time_s - first_frame.time_s,
    )


def _probe_audio(path: Path, container: InputContainer, kind: Container) -> Probe:
    """A file of audio alone: decoded whole, and refused where nothing decodes; what is lost costs windows later."""
    _check_whole(container, path.stat().st_size)
    timeline = read_timeline(container, kind)
    audio = _selected_audio(container, timeline)
    if timeline.audio is None:
        raise MediaError("no_audio", "the audio stream holds no samples")
    rate_hz, channels = audio.codec_context.sample_rate, audio.codec_context.layout.nb_channels
    with open_media(path) as (again, _):
        pieces = decode_container(again, timeline, audio_rate_hz=rate_hz, video=False)
        chunks = sum(isinstance(piece, AudioChunk) for piece in pieces)
    if not chunks:
        raise MediaError("no_audio", "the audio stream decodes to no samples")
    return Probe(
        kind="audio",
        container=kind.name,
        duration_s=timeline.audio.end_s,
        audio_codec=audio.codec_context.codec.canonical_name,
        audio_rate_hz=rate_hz,
        audio_channels=channels,
        audio_track=timeline.selection.track,
    )


def _check_streams(container: InputContainer) -> None:
    if not videos(container):
        art = " (cover art is none)" if container.streams.video else ""
        raise MediaError("no_video", f"neither a video{art} nor an audio stream")
    if not container.streams.audio:
        raise MediaError("no_audio", "no audio stream")


def _selected_audio(container: InputContainer, timeline: Timeline) -> AudioStream:
    audio = timeline.audio_stream(container)
    assert audio is not None  # a container without audio does not get this far
    check_decoder(audio)
    return audio


def check_size(video: VideoStream, max_pixels: int) -> None:
    """Refuse frames of more pixels before one is decoded: MediaError `frame_too_large`."""
    width, height = video.codec_context.width, video.codec_context.height
    if width * height > max_pixels:
        raise MediaError(
            "frame_too_large",
            f"the frame is {width}x{height}, more than {max_pixels} pixels (params ingest.max_pixels)",
        )


def _check_whole(container: InputContainer, size: int) -> None:
    """An index that points beyond the file's end tells a file that was cut off."""
    for stream in (*container.streams.video, *container.streams.audio):
        beyond = sum(entry.pos + entry.size > size for entry in stream.index_entries)
        if beyond and container.format.name.startswith("mov"):
            raise MediaError(
                "truncated",
                f"cut off: its index lists {len(stream.index_entries)} {stream.type} packets, "
                f"{beyond} of them lie beyond the file's {size} bytes",
            )


def frame_rate(timeline: Timeline) -> tuple[float, bool]:
    """Frames per second on average, and whether their distance varies.

    Raises:
        MediaError: `no_video`, `single_frame`, `frame_rate_too_low`, `frame_rate_too_high`.
    """
    if timeline.video is None:
        raise MediaError("no_video", "the video stream holds no frame")
    if len(timeline.video.times_s) < 2:
        raise MediaError("single_frame", "the video stream holds a single frame")
    gaps = timeline.video.recorded_s
    fps = 1 / float(gaps.mean())
    if not LOWEST_FPS * (1 - FPS_TOLERANCE) <= fps <= HIGHEST_FPS * (1 + FPS_TOLERANCE):
        side = "low" if fps < LOWEST_FPS else "high"
        raise MediaError(
            f"frame_rate_too_{side}",
            f"{len(gaps) + 1} frames at {fps:.4g} a second, expected {LOWEST_FPS:g} to {HIGHEST_FPS:g}",
        )
    return fps, float(gaps.max() - gaps.min()) > VFR_GAP_S


def _check_overlap(timeline: Timeline) -> None:
    if timeline.video is None or timeline.audio is None:
        raise MediaError("no_audio", "the audio stream holds no samples")
    if max(timeline.video.start_s, timeline.audio.start_s) >= min(timeline.video.end_s, timeline.audio.end_s):
        spans = [f"{track.start_s:.3f} to {track.end_s:.3f} s" for track in (timeline.video, timeline.audio)]
        raise MediaError("no_overlap", f"video ({spans[0]}) and audio ({spans[1]}) never run at the same time")


def _decode_heads(path: Path, timeline: Timeline, head_s: float, rate_hz: int) -> tuple[Frame, AudioChunk]:
    """Decode `head_s` of each stream by itself; the first frame and the first piece of audio."""
    first: dict[type, Frame | AudioChunk] = {}
    for video in (True, False):
        with open_media(path) as (container, _):
            for piece in decode_container(container, timeline, audio_rate_hz=None if video else rate_hz, video=video):
                if isinstance(piece, Lost):
                    continue
                begun = first.setdefault(type(piece), piece)
                if piece.time_s - begun.time_s >= head_s:
                    break
    frame, chunk = first[Frame], first.get(AudioChunk)
    assert isinstance(frame, Frame)  # a stream without a frame does not get this far
    if not isinstance(chunk, AudioChunk):
        raise MediaError("no_audio", "the audio stream decodes to no samples")
    return frame, chunk


def shown_size(frame: Frame, sample_aspect: Fraction, orientation: Orientation) -> tuple[int, int]:
    """Width and height of a frame as shown, upright and with square pixels; MediaError `odd_aspect`."""
    width, height = round(frame.image.width * sample_aspect), frame.image.height
    if orientation.quarter_turns % 2:
        width, height = height, width
    if not 1 / MOST_ASPECT <= width / height <= MOST_ASPECT:
        raise MediaError("odd_aspect", f"the frame is shown at {width}x{height}, over {MOST_ASPECT:g} to 1")
    return width, height
