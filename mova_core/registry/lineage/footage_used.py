"""Which clips a phase trained on, and which files of the footage they were cut from, each with its sha256.

Read from the tables of curation, as long as they are the very ones that the latents were made from.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE
from mova_core.curation.tables import read_table
from mova_core.registry.database.tables import Dataset
from mova_core.storage.hashing import sha256_file

TRAIN = "train"


@dataclass(frozen=True, slots=True)
class FileUsed:
    """One file of the footage.

    Args:
        path: relative to the footage.
        sha256: its source_id.
        clips: id and sha256 of each clip cut from it; of a window of audio alone, which is no file, that of the file.
    """

    path: str
    sha256: str
    clips: tuple[tuple[str, str], ...]


def footage_used(session: Session, latents: Dataset, phase: str | None, root: Path) -> list[FileUsed]:
    """Files behind the latents, by path.

    Args:
        session: any session of the registry.
        latents: row of the latents.
        phase: count only the clips that this phase trains on; None counts all.
        root: the project's folder.

    Returns:
        The files; empty if one of the tables is gone or is another version by now.
    """
    clips = _parent(session, latents, "clips")
    segments = _parent(session, clips, "segments")
    sources = _parent(session, segments, "sources")
    index_rows = _rows(latents, "latents", root)
    clip_rows = {row["clip_id"]: row for row in _rows(clips, "clips", root)}
    source_rows = {row["source_id"]: row for row in _rows(sources, "sources", root)}
    if not clip_rows or not source_rows:
        return []
    windows = {row["clip_id"]: row["source_id"] for row in _audio_clips(latents, root)}
    used: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in index_rows:
        if phase is None or (row["split"] == TRAIN and phase in row["phases"]):
            if (source_id := windows.get(row["clip_id"])) is not None:
                used[source_id].append((row["clip_id"], source_id))
                continue
            if (clip := clip_rows.get(row["clip_id"])) is None:
                return []  # a window of audio alone, of whose table another version is there
            used[clip["source_id"]].append((clip["clip_id"], clip["sha256"]))
    files = (FileUsed(source_rows[source]["path"], source, tuple(sorted(of))) for source, of in used.items())
    return sorted(files, key=lambda file: file.path)


def _parent(session: Session, dataset: Dataset | None, name: str) -> Dataset | None:
    sha256 = None if dataset is None else dataset.inputs.get(name)
    return None if sha256 is None else session.get(Dataset, (name, sha256))


def _audio_clips(latents: Dataset, root: Path) -> list[dict[str, Any]]:
    """The windows of audio alone among the latents; none where their table is another version by now."""
    path = (root / latents.path).parent / AUDIO_CLIPS_FILE
    entry = (latents.files or {}).get(AUDIO_CLIPS_FILE)
    if entry is None or not path.is_file() or sha256_file(path) != entry["sha256"]:
        return []
    return read_table(path, "audio_clips")


def _rows(dataset: Dataset | None, table: str, root: Path) -> list[dict[str, Any]]:
    if dataset is None:
        return []
    path = root / dataset.path
    if not path.is_file() or sha256_file(path) != dataset.sha256:
        return []
    return read_table(path, table)
