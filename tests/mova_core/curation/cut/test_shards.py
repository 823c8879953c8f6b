"""Shards hold whole sources in order, are trusted only when they match their manifest, and outlive a change of plan."""

import hashlib
import json
import tarfile

import pytest

from mova_core.curation.cut.shards import keep_sealed, plan_shards, read_member, seal
from mova_core.curation.cut.source_result import CutClip, is_finished, read_part, unpack, write_part
from mova_core.errors import StaleError


def clip(name):
    data = f"the bytes of {name}".encode() * 50
    row = {"clip_id": name, "window_id": f"w-{name}", "member": f"{name}.mp4", "bytes": len(data)}
    row["sha256"] = hashlib.sha256(data).hexdigest()
    return CutClip(row, {"start_s": 1.5, "end_s": 3.5, "kind": "single_scene_speech"}, data)


def reject(name):
    return {"table": "windows", "id": name, "stage": "cut", "reason_code": "short_audio", "reason": "it is short"}


@pytest.fixture
def parts(tmp_path):
    """Three parts by key: two clips; a clip and a reject; rejects only."""
    paths = {key: tmp_path / "parts" / f"{key}.tar" for key in "abc"}
    write_part(paths["a"], "a", [clip("a0"), clip("a1")])
    write_part(paths["b"], "b", [reject("b1"), clip("b0")])
    write_part(paths["c"], "c", [reject("c0")])
    return paths


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clips").mkdir()
    return tmp_path / "clips"


def sealed(folder, plans, parts):
    return {plan.name: seal(folder, plan, [parts[key] for key in plan.parts]) for plan in plans}


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_shard_is_full_when_it_has_enough_windows_and_never_splits_a_source():
    sizes = [("a", 3), ("b", 3), ("c", 9), ("d", 1), ("e", 1)]
    assert [plan.parts for plan in plan_shards(sizes, 4)] == [("a", "b"), ("c",), ("d", "e")]
    assert [plan.name for plan in plan_shards(sizes, 1)] == [f"clips-{number:05d}" for number in range(5)]
    assert plan_shards([], 4) == []


def test_what_was_written_is_read_back(folder, parts):
    [shard] = sealed(folder, plan_shards(zip("abc", (2, 2, 1), strict=True), 99), parts).values()
    assert [row["id"] for row in shard.rejects] == ["b1", "c0"]
    assert [(row["path"], row["member"]) for row in shard.clips] == [
        ("clips-00000.tar", f"{name}.mp4") for name in ("a0", "a1", "b0")
    ]
    for row in shard.clips:
        assert read_member(folder, row) == clip(row["clip_id"]).data
    with tarfile.open(folder / "clips-00000.tar") as tar:
        assert [member.name for member in tar][:2] == ["a0.mp4", "a0.json"]
        assert {(member.mtime, member.uid, member.gid, member.mode) for member in tar} == {(0, 0, 0, 0o644)}
        assert json.load(tar.extractfile("a0.json"))["kind"] == "single_scene_speech"


def test_a_part_gives_single_files_as_well(folder, parts):
    rows = unpack(parts["a"], folder)
    assert [read_member(folder, row) for row in rows] == [clip("a0").data, clip("a1").data]
    assert [(row["path"], row["member"]) for row in rows] == [("a0.mp4", None), ("a1.mp4", None)]


def test_sealed_shards_are_kept_and_everything_else_is_removed(folder, parts):
    plans = plan_shards(zip("abc", (2, 2, 1), strict=True), 2)
    shards = sealed(folder, plans, parts)
    before = contents(folder)
    for name in ("clips-00007.tar", "clips-00007.json", "clips-00001.tar.json", ".tmp-0123.tar"):
        (folder / name).write_text("{}")
    assert keep_sealed(folder, plans, parts) == shards
    assert contents(folder) == before


@pytest.mark.parametrize("damage", ["tar cut off", "other bytes", "tar missing", "manifest missing", "no json", "old"])
def test_a_shard_that_does_not_match_its_manifest_is_removed(folder, parts, damage):
    plans = plan_shards([("a", 2), ("b", 2)], 2)
    shards = sealed(folder, plans, parts)
    tar, manifest = folder / "clips-00000.tar", folder / "clips-00000.json"
    whole = tar.read_bytes()
    match damage:
        case "tar cut off":
            tar.write_bytes(whole[:-100])
        case "other bytes":
            tar.write_bytes(whole[:600] + b"x" + whole[601:])
        case "tar missing":
            tar.unlink()
        case "manifest missing":
            manifest.unlink()
        case "no json":
            manifest.write_text("{")
        case "old":
            manifest.write_text('{"key": "1"}')
    assert keep_sealed(folder, plans, parts) == {"clips-00001": shards["clips-00001"]}
    assert set(contents(folder)) == {"clips-00001.tar", "clips-00001.json"}


def test_a_changed_plan_takes_shards_apart_instead_of_cutting_again(folder, parts, tmp_path):
    sealed(folder, plan_shards([("a", 2), ("b", 2), ("c", 1)], 4), parts)
    written = {key: path.read_bytes() for key, path in parts.items()}
    for path in parts.values():
        path.unlink()
    new = {**parts, "0": tmp_path / "parts" / "0.tar"}
    assert keep_sealed(folder, plan_shards([("0", 3), ("a", 2), ("b", 2)], 4), new) == {}
    assert contents(folder) == {}
    assert {key: path.read_bytes() for key, path in parts.items() if path.exists()} == {
        key: written[key] for key in "ab"
    }


def test_what_a_worker_did_not_survive_is_tried_again(folder, parts):
    write_part(parts["b"], "b", [reject("b0"), reject("b1")], worker_ended=True)
    plans = plan_shards([("a", 2), ("b", 2)], 4)
    sealed(folder, plans, parts)
    for path in parts.values():
        path.unlink()
    assert keep_sealed(folder, plans, parts) == {}
    assert is_finished(parts["a"]) and not is_finished(parts["b"])


def test_a_member_that_is_not_the_clip_of_the_row_is_refused(folder, parts):
    [shard] = sealed(folder, plan_shards([("a", 2)], 4), parts).values()
    row = shard.clips[0]
    for wrong in ({"sha256": "0" * 64}, {"member": "a9.mp4"}, {"path": "clips-00009.tar"}):
        with pytest.raises(StaleError, match="clip a0"):
            read_member(folder, row | wrong)
    (folder / shard.tar).write_bytes(b"not a tar")
    with pytest.raises(StaleError, match="clip a0"):
        read_member(folder, row)


def test_rows_of_a_part_come_back(parts):
    part = read_part(parts["b"])
    assert part.key == "b" and part.rejects == (reject("b1"),) and part.clips == (clip("b0").row,)
