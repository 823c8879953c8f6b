"""The video files of a folder, and what each was asked to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mova_core.errors import UsageError
from mova_core.measures.clip import Asked
from mova_core.speech.transcript import Transcript

SUFFIXES = (".mp4", ".mkv", ".webm", ".mov")


@dataclass(frozen=True, slots=True)
class Video:
    """One clip to score.

    Args:
        name: the file's, without its suffix.
        path: None where the prompts name a clip that the folder does not have.
        asked: what it was asked to be.
        transcript: who says what in it, where that was given.
    """

    name: str
    path: Path | None
    asked: Asked
    transcript: Transcript | None = None


def videos_of(
    folder: Path, asked: Mapping[str, Asked] | None, transcripts: Mapping[str, Transcript] | None = None
) -> list[Video]:
    """The clips of a folder in the order of their names.

    Args:
        folder: with the files; those of its subfolders are not looked at.
        asked: by name, what each was asked to be; None where that is not known.
        transcripts: by name, who says what in it; a clip without one is transcribed where a model is configured.

    Raises:
        UsageError: no such folder, no video file in it, two files of one name, or none that prompts or transcripts
            name.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: name one that holds {', '.join(SUFFIXES)} files")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in files:
            raise UsageError(f"{folder} holds both {files[path.stem].name} and {path.name}: keep one of the two")
        files[path.stem] = path
    if not files:
        raise UsageError(f"{folder} holds no video file: expected {', '.join(SUFFIXES)}")
    for named, what in ((asked, "prompts"), (transcripts, "transcripts")):
        if named is not None and not set(files) & set(named):
            such = f", such as {next(iter(named))}.mp4" if named else ""
            raise UsageError(
                f"none of the {len(files)} files of {folder} has a name of the {what}{such}: got "
                f"{next(iter(files.values())).name}"
            )
    facts = dict.fromkeys(files, Asked()) if asked is None else asked
    spoken = transcripts or {}
    return [Video(name, files.get(name), each, spoken.get(name)) for name, each in sorted(facts.items())]


def asked_alike(videos: Sequence[Video], asked: Sequence[Video]) -> list[Video]:
    """The first videos, each asked to be what the second of its name was."""
    facts = {video.name: video.asked for video in asked}
    return [replace(video, asked=facts.get(video.name, video.asked)) for video in videos]
