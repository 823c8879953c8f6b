"""A file that is exchanged after `ingest` gives nothing under the name of the one that was there."""

import os
import shutil
from pathlib import Path

import pytest

from mova_core.curation.cut.stage import cut
from mova_core.curation.engine.base import Engine
from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.lock import lock_footage
from mova_core.curation.ingest.source_bytes import identify, reading
from mova_core.curation.segment.stage import segment
from mova_core.curation.tables import read_table
from mova_core.errors import MediaError, StaleError
from mova_core.params import Params
from mova_core.storage.hashing import sha256_file

EXCHANGED = r"1\.mp4 of the footage holds other bytes than when `mova ingest` read it .*run `mova ingest` again"


def test_a_file_must_hold_what_its_source_id_names_before_and_after(tmp_path):
    path, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    path.write_bytes(b"one")
    other.write_bytes(b"two")
    source_id = sha256_file(path)
    with reading(path, source_id):
        path.read_bytes()
    with pytest.raises(StaleError, match="written while it was read"), reading(path, source_id):
        away = path.rename(tmp_path / "away.mp4")
        path.write_bytes(b"two")
        away.replace(path)  # as it was, times of its content included
    with pytest.raises(StaleError, match="written while it was read"), reading(path, source_id):
        other.replace(path)
        raise MediaError("damaged_video", "half of one and half of the other")
    with pytest.raises(StaleError, match="other bytes"), reading(path, source_id):
        pytest.fail("it is read")
    with pytest.raises(MediaError, match="cannot be read"), reading(other, source_id):
        pytest.fail("it is read")


def test_what_was_just_hashed_is_hashed_again_only_if_it_was_touched(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"one")
    source_id, hashed = identify(path)
    assert source_id == sha256_file(path) and hashed.bytes == 3
    with reading(path, "of other bytes", hashed):
        pass
    times = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(StaleError, match="other bytes"), reading(path, source_id, hashed):
        pytest.fail("it is read")


@pytest.fixture(params=["folder", "list", "lock"])
def footage(request: pytest.FixtureRequest, small_footage: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two files, and the folder, list or lock that names them."""
    folder = tmp_path / "footage"
    folder.mkdir()
    for name in ("1.mp4", "2.mp4"):
        shutil.copy(small_footage / name, folder)
    if request.param == "list":
        (folder / "some.txt").write_text("1.mp4\n2.mp4\n")
        return folder, folder / "some.txt"
    if request.param == "lock":
        lock_footage(str(folder.resolve()), tmp_path / "sources.lock")
        return folder, tmp_path / "sources.lock"
    return folder, folder


def test_nothing_of_an_exchanged_file_is_kept(footage, small_footage, write_sources, tmp_path):
    folder, named = footage
    root = tmp_path / "root"
    data = write_sources(folder, root, names=("1.mp4", "2.mp4"))
    params, engine, kept = Params(), Engine(workers=1), root / "result_cache"

    def run() -> list[bytes]:
        segment(params, named, data, engine, kept)
        cut(params, named, data, engine, kept)
        return [data.table(name).read_bytes() for name in ("segments", "windows", "clips")]

    shutil.copy(small_footage / "4.mp4", folder / "1.mp4")
    with pytest.raises(StaleError, match=EXCHANGED):
        segment(params, named, data, engine, kept)
    shutil.copy(small_footage / "1.mp4", folder / "1.mp4")
    segment(params, named, data, engine, kept)
    shutil.copy(small_footage / "4.mp4", folder / "1.mp4")
    with pytest.raises(StaleError, match=EXCHANGED):
        cut(params, named, data, engine, kept)
    shutil.copy(small_footage / "1.mp4", folder / "1.mp4")
    after = run()
    shutil.rmtree(kept)
    assert run() == after
    sources = {row["source_id"] for row in read_table(data.table("clips"), "clips")}
    assert sources == {sha256_file(small_footage / name) for name in ("1.mp4", "2.mp4")}


def test_of_a_bucket_a_damaged_copy_and_a_changed_object_stop_and_are_well_again(
    objects, small_footage, write_sources, tmp_path
):
    bucket, root = "exchanged-footage", tmp_path / "root"
    for name in ("1.mp4", "2.mp4"):
        objects.put(bucket, name, (small_footage / name).read_bytes())
    lock = tmp_path / "sources.lock"
    lock_footage(f"s3://{bucket}", lock)
    data = write_sources(small_footage, root, names=("1.mp4", "2.mp4"))
    params, engine, kept = Params(), Engine(workers=1), root / "result_cache"
    copy = Footage.open(lock).path_of("1.mp4")

    copy.write_bytes((small_footage / "4.mp4").read_bytes())
    with pytest.raises(StaleError, match=rf"the copy {copy} of an object .* is damaged: delete it"):
        segment(params, lock, data, engine, kept)
    copy.unlink()
    objects.put(bucket, "1.mp4", (small_footage / "4.mp4").read_bytes())
    with pytest.raises(StaleError, match=r"1\.mp4 of the footage is not what `mova ingest` read \(other bytes"):
        segment(params, lock, data, engine, kept)
    objects.put(bucket, "1.mp4", (small_footage / "1.mp4").read_bytes())
    assert segment(params, lock, data, engine, kept)["accepted"] == 2
    copy.unlink()
    objects.put(bucket, "1.mp4", (small_footage / "4.mp4").read_bytes())
    with pytest.raises(StaleError, match=r"1\.mp4 of the footage is not what"):
        cut(params, lock, data, engine, kept)
    assert not data.table("clips").exists()


def test_a_file_that_became_a_link_out_of_the_footage_stops_the_run(small_footage, write_sources, tmp_path):
    folder, root = tmp_path / "footage", tmp_path / "root"
    folder.mkdir()
    shutil.copy(small_footage / "1.mp4", folder)
    data = write_sources(folder, root)
    (folder / "1.mp4").unlink()
    (folder / "1.mp4").symlink_to(small_footage / "1.mp4")
    with pytest.raises(StaleError, match=r"1\.mp4 of the footage is not what .* leads out"):
        segment(Params(), folder, data, Engine(workers=1), root / "result_cache")
