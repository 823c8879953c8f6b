"""Shards as a promotion has them: random bytes, which nothing can compress or find twice."""

import os
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, in_turn, row
from mova_core.storage.manifest import Files, file_entries

SHARDS = 8
TARGET = 0.8  # of the usual tools' throughput
REPEATS = 3
SIZE_VARIABLE = "MOVA_BENCHMARK_MIB"  # of all shards together
SIZE_MIB = 2048


def size_mib() -> int:
    """How much is to be put into a store."""
    return int(os.environ.get(SIZE_VARIABLE, SIZE_MIB))


def make_shards(folder: Path, mib: int) -> Files:
    """Write the shards of that many MiB in all; what a manifest lists of them."""
    folder.mkdir(parents=True)
    for number in range(SHARDS):
        with (folder / f"shard-{number:05d}.safetensors").open("wb") as file:
            for _ in range(max(1, mib // SHARDS)):
                file.write(os.urandom(1 << 20))
    return file_entries(folder)


def throughput(name: str, subject: Callable[[], object], baseline: Callable[[], object], against: str) -> Row:
    """Throughput of `subject` as a share of that of `baseline`, run in turn after one warm-up of each."""
    subject()
    baseline()
    pairs = in_turn(subject, baseline, REPEATS)
    return row(name, [other / mine for mine, other in pairs], against=against, better="higher", target=TARGET)
