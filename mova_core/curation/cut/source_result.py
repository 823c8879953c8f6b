"""The result of one source: its finished clips in one tar with their rows, written by one worker, atomically.

For each clip the members CLIPID.mp4 (or CLIPID.mkv) and CLIPID.json (the layout that webdataset reads), at the end
part.json with all rows. The bytes depend only on the clips, not on when or where they were written. Parts wait in their
folder until a shard takes them in.
"""

import json
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from mova_core.storage.atomic import atomic_path, write_bytes

Row = dict[str, Any]

PART_MEMBER = "part.json"
WINDOW_COLUMNS = ("start_s", "end_s", "kind")


class CutClip(NamedTuple):
    """One finished clip.

    Args:
        row: columns of table `clips`, but for path.
        window: where in its source it lies (`WINDOW_COLUMNS`), for CLIPID.json.
        data: the clip itself.
    """

    row: Row
    window: Row
    data: bytes


@dataclass(frozen=True, slots=True)
class SourceResult:
    """The rows of one source: every window is either a clip or a reject.

    Args:
        key: fingerprint of what it was made from.
        clips: rows of table `clips`, but for path.
        rejects: rows of table `rejects`.
        worker_ended: the worker came to its end (time, memory, crash), which may not repeat itself.
    """

    key: str
    clips: tuple[Row, ...]
    rejects: tuple[Row, ...]
    worker_ended: bool = False


def write_part(path: Path, key: str, results: Iterable[CutClip | Row], worker_ended: bool = False) -> None:
    """Write what became of one source's windows, in order: clips, and rows of table `rejects`."""
    clips: list[Row] = []
    rejects: list[Row] = []
    with atomic_path(path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
        for result in results:
            if isinstance(result, CutClip):
                clips.append(result.row)
                about = {key: value for key, value in result.row.items() if key != "member"}
                add_member(tar, result.row["member"], result.data)
                add_member(tar, f"{result.row['clip_id']}.json", json_bytes({**about, **result.window}))
            else:
                rejects.append(result)
        add_member(tar, PART_MEMBER, json_bytes(asdict(SourceResult(key, tuple(clips), tuple(rejects), worker_ended))))


def read_part(path: Path) -> SourceResult:
    """The rows of a part."""
    return part_from(json.loads(read_tar(path, PART_MEMBER)))


def is_finished(path: Path) -> bool:
    """Whether a part is there and need not be tried again."""
    return path.exists() and not read_part(path).worker_ended


def unpack(path: Path, folder: Path) -> list[Row]:
    """Write each clip of a part as a file of its own; rows of table `clips`."""
    rows = []
    for row in read_part(path).clips:
        name = row["member"]
        write_bytes(folder / name, read_tar(path, name))
        rows.append({**row, "path": name, "member": None})
    return rows


def part_from(values: Mapping[str, Any]) -> SourceResult:
    """A part's rows as they came from JSON."""
    return SourceResult(**{**values, "clips": tuple(values["clips"]), "rejects": tuple(values["rejects"])})


def add_member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Append a file of no date and no owner."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, BytesIO(data))


def read_tar(path: Path, member: str) -> bytes:
    """One file of a tar; KeyError if it has none of that name."""
    offset, size = tar_members(path)[member]
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def tar_members(path: Path) -> dict[str, tuple[int, int]]:
    """Where each file's bytes lie in a tar, (offset, size), in order."""
    status = path.stat()
    return _index(path, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=16)
def _index(path: Path, *identity: int) -> dict[str, tuple[int, int]]:
    with closing(tarfile.open(path)) as tar:
        return {member.name: (member.offset_data, member.size) for member in tar}


def json_bytes(values: Mapping[str, Any]) -> bytes:
    """JSON that only depends on the values."""
    return json.dumps(values, sort_keys=True).encode() + b"\n"
