import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from mova_core.curation.engine.base import Engine
from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.lock import lock_footage
from mova_core.curation.ingest.stage import FileTask, examine_file, identify_file, ingest
from mova_core.curation.tables import read_table
from mova_core.curation.takedowns import TakedownEvent, write_takedowns
from mova_core.errors import MediaError, StaleError, UsageError
from mova_core.media.encode import write_media
from mova_core.params import Params
from mova_core.places import TAKEDOWNS, DataFolder


@pytest.fixture
def folder(tmp_path):
    """One good file thrice (once by another name, once as a link), a text, an empty file, and one that is damaged."""
    root = tmp_path / "footage"
    root.mkdir()
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(20)]
    write_media(root / "b.mp4", images, 10, rng.normal(0, 0.1, 32_000).astype(np.float32), 16_000)
    shutil.copy(root / "b.mp4", root / "a.mp4")
    (root / "link.mp4").symlink_to("a.mp4")
    (root / "notes.txt").write_text("not footage")
    (root / "empty.mp4").touch()
    data = bytearray((root / "b.mp4").read_bytes())
    data[4000:8000] = bytes(4000)
    (root / "damaged.mp4").write_bytes(data)
    (root / "a.mp4.json").write_text(json.dumps({"rights": "CC0-1.0", "origin": "camera"}))
    return root


def run(folder, tmp_path, data="data", workers=1):
    place = DataFolder(tmp_path / data)
    summary = ingest(Params(), folder, place, Engine("local", workers), tmp_path / "result_cache")
    rows = {row["path"]: row for row in read_table(place.table("sources"), "sources")}
    return summary, rows, place


def test_every_file_is_a_row_accepted_or_with_its_reason(folder, tmp_path):
    summary, rows, place = run(folder, tmp_path)
    codes = {path: row["reason_code"] for path, row in rows.items()}
    assert codes == {
        "a.mp4": None,
        "b.mp4": "duplicate",
        "damaged.mp4": "decode_error",
        "empty.mp4": "empty_file",
        "link.mp4": "duplicate",
        "notes.txt": "not_media",
    }
    assert list(rows) == sorted(rows)
    assert "a.mp4" in rows["b.mp4"]["reason"]
    assert all((row["verdict"] == "accepted") == (row["reason"] is None) for row in rows.values())
    rejects = read_table(place.rejects("ingest"), "rejects")
    assert [row["id"] for row in rejects] == [path for path, code in codes.items() if code]
    assert all(row["table"] == "sources" and row["stage"] == "ingest" and row["reason"] for row in rejects)
    assert summary["files"] == 6 == summary["accepted"] + summary["rejected"]
    assert summary["duration_s"] == pytest.approx(2)
    assert "1 accepted" in summary["text"] and "2 duplicate" in summary["text"]


def test_a_file_that_is_taken_down_is_rejected_under_any_name_and_may_come_back(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sha256 = hashlib.sha256((folder / "a.mp4").read_bytes()).hexdigest()
    event = {"number": 1, "action": "taken_down", "reason": "consent withdrawn", "who": "eve", "path": "a.mp4"}
    events = {sha256: [TakedownEvent(**event, time="2026-11-30T10:00:00Z")]}
    write_takedowns(TAKEDOWNS, events)
    shutil.move(folder / "a.mp4", folder / "c.mp4")
    (folder / "link.mp4").unlink()
    rows = run(folder, tmp_path)[1]
    for name in ("b.mp4", "c.mp4"):
        assert (rows[name]["reason_code"], rows[name]["source_id"]) == ("taken_down", sha256)
        assert rows[name]["reason"] == "taken down: consent withdrawn"
    undone = TakedownEvent(**event | {"number": 2, "action": "restored"}, time="2026-11-30T09:00:00Z")  # a slow clock
    write_takedowns(TAKEDOWNS, {sha256: [*events[sha256], undone]})
    assert run(folder, tmp_path)[1]["b.mp4"]["verdict"] == "accepted"
    TAKEDOWNS.write_text("{")
    with pytest.raises(StaleError, match="bring it back with git"):
        run(folder, tmp_path)


def test_a_row_says_what_the_file_is_and_what_its_sidecar_tells(folder, tmp_path):
    row = run(folder, tmp_path)[1]["a.mp4"]
    assert row["kind"] == "video" and row["container"] == "mp4" and row["video_codec"] == "h264"
    assert (row["width_px"], row["height_px"], row["fps"]) == (64, 48, pytest.approx(10))
    assert (row["rights"], row["origin"], row["consent"]) == ("CC0-1.0", "camera", None)
    assert row["own_caption"] is None
    assert row["bytes"] == (folder / "a.mp4").stat().st_size and len(row["source_id"]) == 64


def test_a_rerun_takes_over_what_was_found_and_two_workers_find_the_same(folder, tmp_path, monkeypatch):
    one = run(folder, tmp_path)[2]
    two = run(folder, tmp_path / "two", workers=2)[2]
    monkeypatch.setattr("mova_core.curation.ingest.stage.examine_file", None)  # nothing is left to examine
    again = run(folder, tmp_path, data="again")[2]
    for other in (two, again):
        assert other.table("sources").read_bytes() == one.table("sources").read_bytes()
        assert other.rejects("ingest").read_bytes() == one.rejects("ingest").read_bytes()


def test_locked_footage_that_changed_is_rejected(folder, tmp_path):
    (folder / "link.mp4").unlink()
    lock = tmp_path / "sources.lock"
    lock_footage(str(folder), lock)
    (folder / "notes.txt").write_text("NOT footage")
    (folder / "b.mp4").unlink()
    (folder / "empty.mp4").write_bytes(b"x")
    (folder / "new.mp4").write_bytes(b"x")
    (folder / "damaged.mp4.json").write_text("{}")
    rows = run(lock, tmp_path)[1]
    assert {path: row["reason_code"] for path, row in rows.items()} == {
        "a.mp4": None,
        "b.mp4": "unreadable",
        "damaged.mp4": "changed_since_locked",
        "empty.mp4": "changed_since_locked",
        "notes.txt": "changed_since_locked",
    }


def test_footage_that_is_not_there_is_wrong_use(tmp_path):
    with pytest.raises(UsageError):
        run(tmp_path / "absent", tmp_path)
    assert not (tmp_path / "data").exists()


def test_the_shared_footage_gives_a_right_outcome_for_every_file(media, manifest):
    """A file expected to give clips is accepted, one expected to be rejected is; both by direct calls, no engine."""
    footage, params = Footage.open(media), Params().ingest
    agreed = 0
    for entry in footage.entries:
        task = FileTask(footage.path_of(entry.path), entry, False, params)
        truth = manifest.get(entry.path)
        found = identify_file(task)
        found |= examine_file(replace(task, source_id=found["source_id"]))
        rejected = found.get("verdict") == "rejected"
        if truth is None:
            assert found["reason_code"] == "not_media"
            continue
        assert found["source_id"] == truth["sha256"]
        assert not (rejected and truth["accept"] == ["clips"]), entry.path
        audio_alone = found.get("kind") == "audio" and "no_clip" in truth["accept"]
        cut_off = "truncated" in entry.path and found.get("duration_s", 9) < 5  # what is there of it gives no clip
        assert rejected or audio_alone or cut_off or truth["expect"] != "reject", entry.path
        agreed += 1
    assert agreed == len(manifest)
    print(f"ingest agrees with the manifest on {agreed} of {len(manifest)} files")


def test_a_file_that_cannot_be_read_is_a_reason(folder):
    entry = Footage.open(folder).entries[0]
    with pytest.raises(MediaError) as error:
        identify_file(FileTask(folder / "gone.mp4", entry, False, Params().ingest))
    assert error.value.code == "unreadable"


def test_the_folder_has_one_sidecar_and_a_files_own_says_more(folder, tmp_path):
    (folder / "sources.csv").write_text('path,rights,consent\na.mp4,own,"release 17, page 2"\n')
    row = run(folder, tmp_path)[1]["a.mp4"]
    assert (row["rights"], row["origin"], row["consent"]) == ("CC0-1.0", "camera", "release 17, page 2")
    (folder / "sources.csv").rename(tmp_path / "rights.csv")
    named = Params.model_validate({"ingest": {"sidecar": str(tmp_path / "rights.csv")}})
    place = DataFolder(tmp_path / "named")
    ingest(named, folder, place, Engine("local", 1), tmp_path / "result_cache")
    assert read_table(place.table("sources"), "sources")[0]["consent"] == "release 17, page 2"


@pytest.mark.parametrize("name", ["a.mp4.json", "sources.csv", "sources.json"])
def test_a_caption_of_ones_own_is_kept_wherever_it_is_stated(folder, tmp_path, name):
    said = {"caption": " Two people, one dog. "}
    texts = {
        "a.mp4.json": json.dumps(said),
        "sources.csv": 'path,caption\na.mp4," Two people, one dog. "\n',
        "sources.json": json.dumps([{"path": "a.mp4", **said}]),
    }
    (folder / name).write_text(texts[name])
    assert run(folder, tmp_path)[1]["a.mp4"]["own_caption"] == "Two people, one dog."


@pytest.mark.parametrize(
    ("sidecar", "told"),
    [
        ({"rihgts": "CC0-1.0"}, "unknown key 'rihgts'; known are rights, origin, consent, language, caption, scenes"),
        ({"scenes": [{"start_s": 0, "end_s": 1, "clas": "red-ball"}]}, "unknown key 'clas'; known are start_s, end_s"),
        ({"caption": 3}, "caption is not text"),
    ],
)
def test_a_misspelt_key_of_a_files_sidecar_rejects_it_and_lists_the_known_ones(folder, tmp_path, sidecar, told):
    (folder / "a.mp4.json").write_text(json.dumps(sidecar))
    row = run(folder, tmp_path)[1]["a.mp4"]
    assert row["reason_code"] == "bad_sidecar" and told in row["reason"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("sources.csv", "path,rihgts\na.mp4,x\n", "unknown column 'rihgts'; known are path, rights, origin, consent"),
        ("sources.csv", "path,licence\na.mp4,x\n", "unknown column 'licence'"),
        ("sources.csv", "rights\nx\n", "no column 'path'"),
        ("sources.csv", "path,rights\ngone.mp4,x\n", "line 2: there is no file 'gone.mp4'"),
        ("sources.csv", "path,rights\n../x.mp4,x\n", "there is no file"),
        ("sources.csv", "path,rights\na.mp4,x\na.mp4,y\n", "named before"),
        ("sources.csv", "path,rights\na.mp4,x,y\n", "not as many values"),
        ("sources.json", '[{"path": "a.mp4", "owner": "x"}]', "unknown column 'owner'"),
        ("sources.json", '[{"path": "a.mp4", "rights": 3}]', "expected text"),
        ("sources.json", "{}", "no list of objects"),
    ],
)
def test_a_broken_sidecar_of_the_folder_stops_the_run(folder, tmp_path, name, text, told):
    (folder / name).write_text(text)
    with pytest.raises(UsageError, match=told):
        run(folder, tmp_path)
    assert not (tmp_path / "data").exists()


def test_new_files_alone_cost_new_work_and_a_vanished_one_is_named(folder, tmp_path, audio_file):
    assert run(folder, tmp_path)[0]["examined"] == 4
    audio_file("footage/new.wav")
    (folder / "notes.txt").unlink()
    (folder / "b.mp4").rename(folder / "moved.mp4")
    summary, rows, _ = run(folder, tmp_path)
    assert summary["examined"] == 1 and summary["vanished"] == ["notes.txt"]
    assert summary["added"] == ["new.wav"] and summary["changed"] == []
    assert "added since the last run: new.wav\n" in summary["text"]
    assert "vanished since the last run: notes.txt" in summary["text"]
    assert (rows["new.wav"]["kind"], rows["new.wav"]["verdict"]) == ("audio", "accepted")
    summary = run(folder, tmp_path)[0]
    assert summary["added"] == summary["changed"] == summary["vanished"] == []


def test_hidden_files_are_counted_and_told(folder, tmp_path):
    assert run(folder, tmp_path)[0]["hidden"] == 0
    (folder / ".DS_Store").touch()
    (folder / "day").mkdir()
    (folder / "day/.a.mp4").touch()
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails/1.jpg").touch()
    (folder / "link.mp4").unlink()
    (folder / "notes-2.txt").write_text("as many files as before")
    summary = run(folder, tmp_path)[0]
    assert summary["hidden"] == 3
    assert "3 hidden files or folders skipped: .DS_Store, .thumbnails, day/.a.mp4" in summary["text"]
    assert summary["files"] == 6
    locked = lock_footage(str(folder), tmp_path / "sources.lock")
    assert locked.hidden == (".DS_Store", ".thumbnails", "day/.a.mp4")
    summary, _, place = run(tmp_path / "sources.lock", tmp_path, data="locked")
    assert summary["hidden"] == 3 and json.loads(place.hidden.read_text()) == list(locked.hidden)
