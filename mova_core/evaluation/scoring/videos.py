"""The video files of a folder, and what each was asked to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mova_core.errors import UsageError
from mova_core.measures.clip import Asked

SUFFIXES = (".mp4", ".mkv", ".webm", ".mov")


@dataclass(frozen=True, slots=True)
class Video:
    """One clip to score.

    Args:
        name: the file's, without its suffix.
        path: None where the prompts name a clip that the folder does not have.
        asked: what it was asked to be.
    """

    name: str
    path: Path | None
    asked: Asked


def videos_of(folder: Path, asked: Mapping[str, Asked] | None) -> list[Video]:
    """The clips of a folder in the order of their names.

    Args:
        folder: with the files; those of its subfolders are not looked at.
        asked: by name, what each was asked to be; None where that is not known.

    Raises:
        UsageError: no such folder, no video file in it, two files of one name, or none that the prompts name.
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
    if asked is None:
        return [Video(name, path, Asked()) for name, path in files.items()]
    if not set(files) & set(asked):
        raise UsageError(
            f"none of the {len(files)} files of {folder} has a name of the prompts, such as {next(iter(asked))}.mp4: "
            f"got {next(iter(files.values())).name}"
        )
    return [Video(name, files.get(name), facts) for name, facts in sorted(asked.items())]
