"""A folder of clips of one's own, each with its caption beside it: `ball.mp4` and `ball.txt`.

What the clips are is not looked at here: a worker finds out (`stage.py`). Hidden files are passed over.
"""

from dataclasses import dataclass
from pathlib import Path

from mova_core.curation.takedowns import in_force, read_takedowns
from mova_core.errors import UsageError
from mova_core.places import TAKEDOWNS
from mova_core.storage.hashing import sha256_file

CAPTION_SUFFIX = ".txt"


@dataclass(frozen=True, slots=True)
class OwnClip:
    """One clip.

    Args:
        path: its file.
        sha256: of its bytes.
        caption: what it shows, and its audio.
    """

    path: Path
    sha256: str
    caption: str


def read_own_clips(folder: Path, takedowns: Path = TAKEDOWNS) -> tuple[OwnClip, ...]:
    """The clips of a folder by name.

    Args:
        folder: of the clips.
        takedowns: what `mova takedown` wrote of this project.

    Raises:
        UsageError: no folder, no clip in it, a clip without a caption, a caption without a clip, a clip twice, or one
            that is taken down.
        StaleError: `takedowns` cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"--clips is {folder}, expected a folder of video clips, each with its caption in a .txt file")
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    media = [path for path in files if path.suffix.lower() != CAPTION_SUFFIX]
    if not media:
        raise UsageError(f"{folder} holds no clip: expected video files, each with its caption in a .txt file")
    captions = {path.with_suffix(CAPTION_SUFFIX) for path in media}
    for path in files:
        if path not in (*media, *captions):
            raise UsageError(f"{path} is a caption of no clip in {folder}: put the clip beside it, or remove it")
    clips = tuple(OwnClip(path, sha256_file(path), _caption_of(path)) for path in media)
    reasons = in_force(read_takedowns(takedowns))
    first_of: dict[str, Path] = {}
    for clip in clips:
        if (first := first_of.setdefault(clip.sha256, clip.path)) != clip.path:
            raise UsageError(f"{first} and {clip.path.name} are the same file: remove one of them")
        if clip.sha256 in reasons:
            raise UsageError(f"{clip.path} is taken down ({reasons[clip.sha256]}): remove it from {folder}")
    return clips


def _caption_of(clip: Path) -> str:
    path = clip.with_suffix(CAPTION_SUFFIX)
    try:
        caption = " ".join(path.read_text(encoding="utf-8-sig").split())
    except FileNotFoundError:
        raise UsageError(
            f"{clip} has no caption: write what it shows, and its audio, into {path.name} beside it"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no UTF-8 text: write the caption anew") from None
    if not caption:
        raise UsageError(f"{path} is empty: write what {clip.name} shows, and its audio")
    return caption
