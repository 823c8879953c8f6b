"""Clips in tar shards, each with a manifest that holds the tar's size and sha256.

A shard `clips-00000.tar` holds the clips of consecutive whole sources, for each clip the members CLIPID.mp4 (or
CLIPID.mkv) and CLIPID.json (the layout that webdataset reads). Its manifest `clips-00000.json` is written after it and
holds the tar's size, its sha256, the key of what it was made from, and all rows. A reader trusts only a tar that agrees
with its manifest.
A shard is put together from its sources' parts (`source_result.py`). A shard that no longer fits the plan, because a
source came or went before it, is split into parts again, so that nothing is cut twice.
"""

import hashlib
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from mova_core.curation.cut.source_result import (
    PART_MEMBER,
    WINDOW_COLUMNS,
    CutClip,
    Row,
    SourceResult,
    add_member,
    json_bytes,
    part_from,
    read_part,
    read_tar,
    tar_members,
    write_part,
)
from mova_core.errors import StaleError
from mova_core.storage.atomic import atomic_path, clear_temporary, write_bytes
from mova_core.storage.hashing import sha256_json
from mova_core.storage.manifest import FileEntry, fault, file_entry


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """Which parts, by key, make a shard."""

    number: int
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"clips-{self.number:05d}"

    @property
    def key(self) -> str:
        return sha256_json(self.parts)


@dataclass(frozen=True, slots=True)
class Shard:
    """A manifest: what is in a sealed tar."""

    key: str
    tar: str
    bytes: int
    sha256: str
    parts: tuple[SourceResult, ...]

    @property
    def clips(self) -> list[Row]:
        """Rows of table `clips`."""
        return [{**row, "path": self.tar} for part in self.parts for row in part.clips]

    @property
    def rejects(self) -> list[Row]:
        """Rows of table `rejects`."""
        return [row for part in self.parts for row in part.rejects]


def plan_shards(windows_by_part: Iterable[tuple[str, int]], clips_per_shard: int) -> list[ShardPlan]:
    """Fill shards in order until each has at least `clips_per_shard` windows.

    A source is never split, so that its part moves as a whole: a long one makes its shard larger.

    Args:
        windows_by_part: key and number of windows of each source.
        clips_per_shard: when a shard is full.
    """
    plans: list[ShardPlan] = []
    keys: list[str] = []
    count = 0
    for key, windows in windows_by_part:
        keys.append(key)
        count += windows
        if count >= clips_per_shard:
            plans.append(ShardPlan(len(plans), tuple(keys)))
            keys, count = [], 0
    return [*plans, ShardPlan(len(plans), tuple(keys))] if keys else plans


def seal(folder: Path, plan: ShardPlan, parts: Sequence[Path]) -> Shard:
    """Put a shard together from its parts, in order, and write its manifest."""
    tar_path = folder / f"{plan.name}.tar"
    with atomic_path(tar_path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in parts:
            for name in tar_members(path):
                if name != PART_MEMBER:
                    add_member(tar, name, read_tar(path, name))
    entry = file_entry(tar_path)
    shard = Shard(plan.key, tar_path.name, entry.bytes, entry.sha256, tuple(map(read_part, parts)))
    write_bytes(folder / f"{plan.name}.json", json_bytes(asdict(shard)))
    return shard


def keep_sealed(folder: Path, plans: Sequence[ShardPlan], part_paths: Mapping[str, Path]) -> dict[str, Shard]:
    """Shards of a run before that are as planned, by name; all others are taken apart and removed.

    Args:
        folder: the clips folder.
        plans: what it shall hold.
        part_paths: where the part of each key goes when its shard is taken apart.
    """
    kept: dict[str, Shard] = {}
    others: list[Shard] = []
    keys = {plan.name: plan.key for plan in plans}
    for path in sorted(folder.glob("clips-*.json")):
        shard = _verified(path)
        if shard is None:
            continue
        if shard.key == keys.get(path.stem) and not any(part.worker_ended for part in shard.parts):
            kept[path.stem] = shard
        else:
            others.append(shard)
    wanted = {key for plan in plans if plan.name not in kept for key in plan.parts}
    for shard in others:
        _take_apart(folder, shard, {key: part_paths[key] for key in wanted})
    for path in (*folder.glob("clips-*.json"), *folder.glob("clips-*.tar")):
        if path.stem not in kept:
            path.unlink()
    clear_temporary(folder)
    return kept


def read_member(clips_folder: Path, clip: Mapping[str, Any]) -> bytes:
    """The file of one row of table `clips`.

    Raises:
        StaleError: it is missing, or not the bytes whose sha256 the row holds.
    """
    path = clips_folder / clip["path"]
    try:
        data = path.read_bytes() if clip["member"] is None else read_tar(path, clip["member"])
    except (FileNotFoundError, KeyError, tarfile.ReadError):
        raise StaleError(f"{path} has no clip {clip['clip_id']}: run `mova cut` again") from None
    if hashlib.sha256(data).hexdigest() != clip["sha256"]:
        raise StaleError(f"{path}: clip {clip['clip_id']} is not the one that was cut: run `mova cut` again")
    return data


def _take_apart(folder: Path, shard: Shard, part_paths: Mapping[str, Path]) -> None:
    """Write the parts that are wanted, and are not there, as they were before."""
    rows = iter(shard.clips)
    for part in shard.parts:
        places = [next(rows) for _ in part.clips]
        path = part_paths.get(part.key)
        if path is None or path.exists() or part.worker_ended:
            continue
        clips = (_cut_clip(folder, row, place) for row, place in zip(part.clips, places, strict=True))
        write_part(path, part.key, chain(clips, part.rejects))


def _cut_clip(folder: Path, row: Row, place: Row) -> CutClip:
    about = json.loads(read_tar(folder / place["path"], f"{row['clip_id']}.json"))
    return CutClip(row, {column: about[column] for column in WINDOW_COLUMNS}, read_member(folder, place))


def _verified(manifest: Path) -> Shard | None:
    """The manifest, if the tar beside it is there and is the one it names."""
    try:
        values = json.loads(manifest.read_text(encoding="utf-8"))
        shard = Shard(**{**values, "parts": tuple(map(part_from, values["parts"]))})
        tar = manifest.with_suffix(".tar")
        whole = tar.name == shard.tar and fault(tar, FileEntry(bytes=shard.bytes, sha256=shard.sha256)) is None
    except (ValueError, KeyError, TypeError):  # a manifest of another version
        return None
    return shard if whole else None
