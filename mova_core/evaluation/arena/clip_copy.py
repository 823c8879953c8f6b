"""A contender's clip as the arena shows it: the same coded video and audio in an mp4 that tells nothing of its origin.

Whatever the container said (title, tags, provenance) is left behind, since it can name who made the clip; frames and
samples are copied as they are coded. The file is decoded once, in a worker under limits, so that what people are shown
plays.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mova_core.errors import MediaError
from mova_core.storage.atomic import atomic_path
from mova_core.storage.hashing import sha256_file

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

THIS = "mova_core.evaluation.arena.clip_copy"
VIDEO_CODECS = ("h264", "vp9", "av1")  # what every browser plays
AUDIO_CODECS = ("aac", "mp3", "opus", "flac")
RATE_HZ = 48_000  # at which the audio is decoded to see that it does


@dataclass(frozen=True, slots=True)
class ToCopy:
    """One clip to copy.

    Args:
        source: the contender's file.
        folder: of the copies; one is named by the sha256 of its source.
    """

    source: Path
    folder: Path


def copy_clip(task: ToCopy) -> tuple[str, str]:
    """Copy one clip unless it is there.

    Returns:
        sha256 of the source and of the copy.

    Raises:
        MediaError: it cannot be decoded, or a browser would not play it (`codec`).
    """
    digest = sha256_file(task.source)
    copy = task.folder / f"{digest}.mp4"
    if not copy.is_file():
        _check_decodes(task.source)
        with atomic_path(copy) as temporary:
            _remux(task.source, temporary)
    return digest, sha256_file(copy)


def _check_decodes(path: Path) -> None:
    from mova_core.media.decode import decode_whole

    for _ in decode_whole(path, audio_rate_hz=RATE_HZ):
        pass


def _remux(source: Path, target: Path) -> None:
    import av

    from mova_core.media.container.demux import open_media, read_errors
    from mova_core.media.timeline.timeline import read_timeline

    with open_media(source) as (container, kind):
        chosen = read_timeline(container, kind)
        streams = _playable(chosen.video_stream(container), chosen.audio_stream(container))
    with (
        open_media(source) as (container, kind),  # anew: the timeline was read to the end
        av.open(str(target), "w", format="mp4", options={"movflags": "faststart", "fflags": "+bitexact"}) as output,
        read_errors("unreadable", "a clip that cannot be copied into an mp4"),
    ):
        _copy_packets(container, streams, output)


def _playable(video: "VideoStream | None", audio: "AudioStream | None") -> tuple[int, int]:
    """Numbers of the streams to copy."""
    for stream, what, codecs in ((video, "video", VIDEO_CODECS), (audio, "audio", AUDIO_CODECS)):
        if stream is None:
            raise MediaError(f"no_{what}", f"no {what} stream, expected video with audio")
        if (name := stream.codec_context.codec.canonical_name) not in codecs:
            raise MediaError(
                "codec", f"its {what} is coded as {name}, which not every browser plays: expected {' or '.join(codecs)}"
            )
    assert video is not None and audio is not None
    return video.index, audio.index


def _copy_packets(container: "InputContainer", streams: tuple[int, int], output: "OutputContainer") -> None:
    wanted = [container.streams[index] for index in streams]
    copies = {stream.index: output.add_stream_from_template(stream) for stream in wanted}
    for packet in container.demux(wanted):
        if packet.dts is None:  # what ends a stream
            continue
        packet.stream = copies[packet.stream.index]
        output.mux(packet)
