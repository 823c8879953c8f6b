"""A disk without room and a bucket that goes: one sentence, nothing half-written, and a rerun goes on."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mova_core.curation.cut.stage import cut
from mova_core.curation.encode.folder_constants import CONSTANTS_FILE
from mova_core.curation.encode.stage import encode
from mova_core.curation.engine.base import Engine
from mova_core.curation.ingest import stage as ingest_stage
from mova_core.curation.ingest.lock import lock_footage
from mova_core.curation.ingest.stage import ingest
from mova_core.curation.segment.stage import segment
from mova_core.curation.tables import read_table
from mova_core.errors import DiskFull, UsageError
from mova_core.geometry import GEOMETRIES
from mova_core.params import Params, params_from
from mova_core.places import DataFolder
from mova_core.storage.manifest import MANIFEST_FILE
from mova_core.storage.object_store.s3 import Bucket

TWO = Engine("local", 2)
BUCKET = "footage-that-goes"


@dataclass(frozen=True)
class Disk:
    """A file system of its own."""

    folder: Path

    def resize(self, kib: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={kib}k", self.folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """An empty disk of 16 KiB in `tmp_path/disk`."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield Disk(folder)
    subprocess.run(["umount", folder], check=True)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sizes_kib(folder: Path) -> list[int]:
    return sorted(path.stat().st_size // 1024 + 1 for path in folder.rglob("*") if path.is_file())


def test_encode_without_room_keeps_what_is_finished_and_goes_on(curated_once, codec_once, disk, monkeypatch):
    params, geometry = params_from({"encode": {"clips_per_shard": 4}}), GEOMETRIES["nano-32"]
    monkeypatch.chdir(disk.folder.parent)
    shutil.copytree(codec_once, "models/codec")
    shutil.copytree(curated_once / "data", "undisturbed")
    encode(params, geometry, DataFolder(Path("undisturbed")), TWO)
    expected = DataFolder(Path("undisturbed")).latents(geometry.name)

    disk.resize(sum(sizes_kib(expected)) // 2 + 64)
    shutil.copytree(curated_once / "data", "data")
    data = DataFolder(Path("data"))
    data.latents(geometry.name).parent.mkdir()
    data.latents(geometry.name).symlink_to(disk.folder)
    with pytest.raises(DiskFull, match=f"{disk.folder} has no room for .* MiB free.*run again"):
        encode(params, geometry, data, TWO)
    left = files(disk.folder)
    assert left and MANIFEST_FILE not in left and left.items() <= files(expected).items()

    disk.resize(8192)
    assert encode(params, geometry, data, TWO)["kept_shards"] >= len(left.keys() - {CONSTANTS_FILE})
    assert files(disk.folder) == files(expected)


@pytest.mark.parametrize("full", ["clips", "parts"])
def test_cut_without_room_rejects_no_window(small_footage, segment_small, disk, tmp_path, full):
    params = params_from({"cut": {"clips_per_shard": 4}})
    segment_small(small_footage, tmp_path / "undisturbed", TWO)
    expected, data = (DataFolder(tmp_path / name / "data") for name in ("undisturbed", "small"))
    shutil.copytree(expected.root, data.root)
    cut(params, small_footage, expected, TWO, tmp_path / "undisturbed/parts")

    parts = disk.folder
    if full == "clips":
        parts = tmp_path / "small/parts"
        data.clips.symlink_to(disk.folder)
        disk.resize(sizes_kib(expected.clips)[-1] + 16)  # for one shard, not for two
    with pytest.raises(DiskFull, match="has no room"):
        cut(params, small_footage, data, TWO, parts)
    assert not data.table("clips").exists() and not data.rejects("cut").exists()

    disk.resize(8192)
    cut(params, small_footage, data, TWO, parts)
    assert files(data.clips.resolve()) == files(expected.clips)
    assert data.table("clips").read_bytes() == expected.table("clips").read_bytes()


def test_segment_without_room_for_its_parts_is_told(small_footage, segment_small, write_sources, disk, tmp_path):
    expected = segment_small(small_footage, tmp_path / "undisturbed", TWO)
    disk.resize(16)
    data = write_sources(small_footage, tmp_path / "small")
    with pytest.raises(DiskFull, match="has no room"):
        segment(Params(), small_footage, data, TWO, disk.folder)
    assert not data.table("segments").exists() and not data.table("windows").exists()
    disk.resize(8192)
    segment(Params(), small_footage, data, TWO, disk.folder)
    assert (data.table("windows").read_bytes()) == expected["windows.parquet"]


def test_a_bucket_that_goes_during_ingest_stops_it_and_a_rerun_fetches_the_rest(
    objects, small_footage, tmp_path, monkeypatch
):
    def put() -> None:
        for path in small_footage.iterdir():
            objects.put(BUCKET, path.name, path.read_bytes())

    def remove() -> None:
        for path in small_footage.iterdir():
            objects.client.remove_object(BUCKET, path.name)
        objects.client.remove_bucket(BUCKET)

    def gone_after_the_first(items, total, label):
        for done, item in enumerate(items):
            if done == 1:
                remove()
            yield item

    def fetching(self, name):
        fetched.append(name)
        return fetch(self, name)

    put()
    lock, data = tmp_path / "sources.lock", DataFolder(tmp_path / "data")
    lock_footage(f"s3://{BUCKET}", lock)
    expected = DataFolder(tmp_path / "expected")
    ingest(Params(), lock, expected, TWO, tmp_path / "expected-parts")
    shutil.rmtree(tmp_path / "cache")

    fetch, fetched = Bucket._fetch, []
    monkeypatch.setattr(Bucket, "_fetch", fetching)
    with monkeypatch.context() as patch:
        patch.setattr(ingest_stage, "track", gone_after_the_first)
        with pytest.raises(UsageError, match=f"there is no bucket {BUCKET} at 127.0.0.1"):
            ingest(Params(), lock, data, TWO, tmp_path / "parts")
    assert not data.root.exists()

    put()
    before, fetched[:] = fetched[:1], []
    ingest(Params(), lock, data, TWO, tmp_path / "parts")
    assert not set(before) & set(fetched) and len(before) + len(fetched) == len(list(small_footage.iterdir()))
    assert read_table(data.table("sources"), "sources") == read_table(expected.table("sources"), "sources")
