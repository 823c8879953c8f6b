"""What the tables of curation say about footage: which sources a version of a table holds, and which clips of each.

A table names clips by their id; which source they are of, `clips` says, in the very version that the table was made
from. Where that is another version by now, what the table holds cannot be told, and it is told that it cannot.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE
from mova_core.errors import StaleError
from mova_core.places import DATA, DataFolder
from mova_core.registry.database.tables import LATENTS
from mova_core.storage.hashing import sha256_file

TRAIN = "train"  # the split whose clips phases are trained on
OF_SOURCES = ("sources", "segments", "windows", "near_duplicates")  # tables with a column source_id
OF_CLIPS = ("verdicts", "captions")  # tables with a column clip_id alone

Row = dict[str, Any]


class Clip(NamedTuple):
    """As of table `set_clips`."""

    clip_id: str
    sha256: str | None
    window_id: str | None
    start_s: float | None
    end_s: float | None
    split: str
    phases: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetFootage:
    """The footage of one version of a dataset.

    Args:
        name, sha256: of the dataset.
        sources: id of each source that it has rows of -> its path, in a version of `sources`.
        clips: source id -> its clips, in a version of `clips` or of latents; None in other tables.
        paths: (source id, path) of all files, duplicates too.
        near_duplicates: rows of that table.
    """

    name: str
    sha256: str
    sources: Mapping[str, str | None]
    clips: Mapping[str, list[Clip]] | None = None
    paths: tuple[tuple[str, str], ...] = ()
    near_duplicates: list[Row] = field(default_factory=list)


class NotIndexed(Exception):
    """The footage of a dataset cannot be told; the sentence says why, and what to do."""


def is_indexed(name: str) -> bool:
    """Whether a dataset of this name holds rows of footage."""
    return name in (*OF_SOURCES, *OF_CLIPS, "clips") or name.startswith(LATENTS)


class FootageReader:
    """Reads the tables of a project; those that several datasets are made from once.

    Args:
        root: the project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._data = DataFolder(root / DATA)
        self._clips: tuple[str, dict[str, tuple[str, Clip]]] | None = None  # sha256; clip id -> source id and clip

    def read(self, name: str, sha256: str, path: Path, inputs: Mapping[str, str]) -> DatasetFootage:
        """The footage of one dataset.

        Args:
            name, sha256: of the dataset.
            path: its table or index.
            inputs: name -> sha256 of what it was made from.

        Raises:
            NotIndexed: it cannot be told.
            StaleError: the file was written meanwhile.
        """
        try:
            found = self._read(name, sha256, path, inputs)
        except (pa.ArrowException, KeyError, OSError) as error:
            raise NotIndexed(f"{self._shown(path)} is not a table {name} of this version ({error})") from None
        if sha256_file(path) != sha256:
            raise StaleError(f"{self._shown(path)} was written while it was read: run again once no stage runs")
        return found

    def _read(self, name: str, sha256: str, path: Path, inputs: Mapping[str, str]) -> DatasetFootage:
        if name == "sources":
            rows = _rows(path, "source_id", "path", "verdict")
            known = [row for row in rows if row["source_id"] is not None]
            of = {row["source_id"]: row["path"] for row in reversed(known)}
            of |= {row["source_id"]: row["path"] for row in known if row["verdict"] == "accepted"}
            return DatasetFootage(name, sha256, of, paths=tuple((row["source_id"], row["path"]) for row in known))
        if name == "near_duplicates":
            columns = ("source_id", "kept_source_id", "start_s", "end_s", "kept_start_s", "is_copy")
            rows = _rows(path, *columns)
            ids = {row[end]: None for row in rows for end in columns[:2]}
            return DatasetFootage(name, sha256, ids, near_duplicates=rows)
        if name in OF_SOURCES:
            return DatasetFootage(name, sha256, dict.fromkeys(_column(path, "source_id")))
        if name == "clips":
            return _with_clips(name, sha256, iter(self._all_clips(sha256).values()))
        clips = self._all_clips(inputs.get("clips"))
        if name in OF_CLIPS:
            return DatasetFootage(name, sha256, {clips[clip_id][0]: None for clip_id in _column(path, "clip_id")})
        clips = clips | _audio_windows(path.parent / AUDIO_CLIPS_FILE)
        return _with_clips(name, sha256, _accepted(path, clips))

    def _all_clips(self, sha256: str | None) -> dict[str, tuple[str, Clip]]:
        """Source and clip by clip id, of that version of `clips`."""
        if self._clips is None or self._clips[0] != sha256:
            path = self._data.table("clips")
            if not path.is_file() or sha256_file(path) != sha256:
                raise NotIndexed(
                    f"the version {(sha256 or '?')[:12]} of {self._shown(path)} that it was made from is not there: "
                    "bring both back with git and `dvc checkout`, or make it again with `dvc repro`"
                )
            self._clips = sha256, dict(self._cut_clips(path))
        return self._clips[1]

    def _cut_clips(self, path: Path) -> Iterator[tuple[str, tuple[str, Clip]]]:
        times = self._window_times(path)
        for row in _rows(path, "clip_id", "source_id", "sha256", "window_id", "split"):
            start_s, end_s = times.get(row["window_id"], (None, None))
            clip = Clip(row["clip_id"], row["sha256"], row["window_id"], start_s, end_s, row["split"])
            yield row["clip_id"], (row["source_id"], clip)

    def _window_times(self, clips: Path) -> dict[str, tuple[float, float]]:
        path = self._data.table("windows")
        made_from = json.loads((pq.read_metadata(clips).metadata or {}).get(b"inputs", b"{}"))
        if not path.is_file() or sha256_file(path) != made_from.get("windows"):
            return {}
        return {
            row["window_id"]: (row["start_s"], row["end_s"]) for row in _rows(path, "window_id", "start_s", "end_s")
        }

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _accepted(index: Path, clips: Mapping[str, tuple[str, Clip]]) -> Iterator[tuple[str, Clip]]:
    for row in _rows(index, "clip_id", "split", "phases"):
        source_id, clip = clips[row["clip_id"]]
        phases = ",".join(sorted(row["phases"] or ()))
        yield source_id, clip._replace(split=row["split"], phases=phases)


def _audio_windows(path: Path) -> dict[str, tuple[str, Clip]]:
    """Windows of audio alone by clip id."""
    if not path.is_file():
        return {}
    rows = _rows(path, "clip_id", "source_id", "start_s", "end_s", "split")
    return {
        row["clip_id"]: (
            row["source_id"],
            Clip(row["clip_id"], None, None, row["start_s"], row["end_s"], row["split"]),
        )
        for row in rows
    }


def _with_clips(name: str, sha256: str, found: Iterator[tuple[str, Clip]]) -> DatasetFootage:
    clips: dict[str, list[Clip]] = defaultdict(list)
    for source_id, clip in found:
        clips[source_id].append(clip)
    return DatasetFootage(name, sha256, dict.fromkeys(clips), clips)


def _rows(path: Path, *columns: str) -> list[Row]:
    with pq.ParquetFile(path) as file:  # `pq.read_table` would import pandas
        table = file.read(columns=list(columns))
    if missing := set(columns) - set(table.column_names):
        raise KeyError(f"no column {', '.join(sorted(missing))}")
    for name in {"clip_id", "split"} & set(columns):
        if table[name].null_count:
            raise KeyError(f"{table[name].null_count} rows without {name}")
    rows: list[Row] = table.to_pylist()
    return rows


def _column(path: Path, name: str) -> list[str]:
    return [row[name] for row in _rows(path, name)]
