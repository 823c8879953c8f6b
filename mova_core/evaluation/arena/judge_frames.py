"""Frames of a clip as a vision-language model gets them: read in a worker under limits."""

from dataclasses import dataclass
from pathlib import Path

from mova_core.errors import MediaError, StaleError
from mova_core.storage.hashing import sha256_file

THIS = "mova_core.evaluation.arena.judge_frames"


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A clip of the arena, and what it was when it was added."""

    path: Path
    sha256: str


def frames_of(clip: ClipFile) -> list[bytes]:
    """JPEG files of about one frame a second, at least four, in the order of time.

    Raises:
        StaleError: the file is gone or was altered.
        MediaError: it cannot be decoded.
    """
    import numpy as np

    from mova_core.curation.caption.models.clip_media import ClipMedia, chosen_frames
    from mova_core.media.decode import Frame, decode_whole

    if not clip.path.is_file() or sha256_file(clip.path) != clip.sha256:
        raise StaleError(f"{clip.path}, a clip of the arena, is gone or was altered: add it again in a fresh registry")
    count, fps = _length(clip.path)
    chosen = set(chosen_frames(count, fps))
    frames = (piece for piece in decode_whole(clip.path, audio_rate_hz=None) if isinstance(piece, Frame))
    kept = [frame.rgb() for number, frame in enumerate(frames) if number in chosen]
    return list(ClipMedia(np.stack(kept), np.zeros(0, np.float32), 0).jpegs)


def _length(path: Path) -> tuple[int, float]:
    """Frames of a clip, and frames a second."""
    from mova_core.media.container.demux import open_media
    from mova_core.media.timeline.timeline import read_timeline

    with open_media(path) as (container, kind):
        track = read_timeline(container, kind).video
    if track is None:
        raise MediaError("no_video", "no video stream with frames in it")
    count = len(track.times_s)
    return count, count / (track.end_s - track.start_s)
