"""A file that is exchanged after `ingest` gives nothing under the name of the one that was there."""

import shutil
from pathlib import Path

import pytest

from mova_core.curation.cut.stage import cut
from mova_core.curation.engine.base import Engine
from mova_core.curation.ingest.lock import lock_footage
from mova_core.curation.ingest.source_bytes import reading
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
        other.replace(path)
        raise MediaError("damaged_video", "half of one and half of the other")
    with pytest.raises(StaleError, match="other bytes"), reading(path, source_id):
        pytest.fail("it is read")
    with pytest.raises(MediaError, match="cannot be read"), reading(other, source_id):
        pytest.fail("it is read")


@pytest.fixture(params=["folder", "lock"])
def footage(request: pytest.FixtureRequest, small_footage: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two files, and the folder or lock that names them."""
    folder = tmp_path / "footage"
    folder.mkdir()
    for name in ("1.mp4", "2.mp4"):
        shutil.copy(small_footage / name, folder)
    if request.param == "lock":
        lock_footage(str(folder.resolve()), tmp_path / "sources.lock")
        return folder, tmp_path / "sources.lock"
    return folder, folder


def test_nothing_of_an_exchanged_file_is_kept(footage, small_footage, write_sources, tmp_path):
    folder, named = footage
    root = tmp_path / "root"
    data = write_sources(folder, root)
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
