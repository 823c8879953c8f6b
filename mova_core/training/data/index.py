"""Where the clips of a phase lie in a folder of latents, read from its index without torch.

At full size an index has millions of rows: it is read and kept as columns.
Shape suffix: N clips.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mova_core.curation.encode.latents_manifest import INDEX_FILE
from mova_core.curation.tables import read_columns


@dataclass(frozen=True, slots=True, eq=False)
class Bucket:
    """Clips of one shape, those of a shard one after the other: a batch comes from one bucket.

    Args:
        shards: file names.
        shard_of_N: which of them holds a clip.
        row_of_N: its row there.
        origins: what sidecars state about origins; None: of a file that states none.
        origin_of_N: which of them each clip has.
    """

    shards: tuple[str, ...]
    shard_of_N: NDArray[np.int64]
    row_of_N: NDArray[np.int64]
    origins: tuple[str | None, ...]
    origin_of_N: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row_of_N)

    @property
    def shard_sizes(self) -> NDArray[np.int64]:
        """Clips in each shard."""
        return np.bincount(self.shard_of_N, minlength=len(self.shards))


def clip_counts(folder: Path, phase: str) -> Counter[str]:
    """Clips that a phase takes of a folder of latents, by split."""
    index = read_columns(folder / INDEX_FILE, "latents")
    return Counter(index["split"].filter(_taken(index, phase)).to_pylist())


def clip_ids(folder: Path, phase: str, split: str) -> list[str]:
    """Ids of the clips that a phase takes of a split."""
    ids: list[str] = rows_of(folder, phase, split)["clip_id"].to_pylist()
    return ids


def buckets_of(folder: Path, phase: str | None, split: str, *, by_canvas: bool) -> tuple[Bucket, ...]:
    """The clips that a phase takes of a split, in the order of the index.

    Args:
        folder: of latents at one geometry, so that all clips are of one length.
        phase: name; None for those of every phase.
        split: `train` or `validation`.
        by_canvas: a bucket for each orientation; else one for all, as their audio has one shape.
    """
    index = rows_of(folder, phase, split)
    orientations = index["orientation"].unique().to_pylist() if by_canvas else [None]
    parts = (index if name is None else index.filter(pc.equal(index["orientation"], name)) for name in orientations)
    return tuple(_bucket(part) for part in parts if len(part))


def rows_of(folder: Path, phase: str | None, split: str) -> pa.Table:
    """The rows of the index that a phase, or any of them, takes of a split."""
    index = read_columns(folder / INDEX_FILE, "latents")
    index = index.filter(pc.equal(index["split"], split))
    return index if phase is None else index.filter(_taken(index, phase))


def _taken(index: pa.Table, phase: str) -> pa.Array:
    """Whether the phase takes each row."""
    taken = np.zeros(len(index), bool)
    phases = index["phases"].combine_chunks()
    taken[phases.value_parent_indices().filter(pc.equal(phases.flatten(), phase)).to_numpy()] = True
    return pa.array(taken)


def _bucket(index: pa.Table) -> Bucket:
    paths = index["path"].combine_chunks().dictionary_encode()
    shard_of_N = paths.indices.to_numpy().astype(np.int64)
    order = np.argsort(shard_of_N, kind="stable")
    rows = index["row"].to_numpy().astype(np.int64)
    origins = index["origin"].combine_chunks().dictionary_encode(null_encoding="encode")
    return Bucket(
        tuple(paths.dictionary.to_pylist()),
        shard_of_N[order],
        rows[order],
        tuple(origins.dictionary.to_pylist()),
        origins.indices.to_numpy().astype(np.int64)[order],
    )
