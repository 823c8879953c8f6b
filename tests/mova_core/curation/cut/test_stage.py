"""Clips hold exactly what lies in their windows, and every window is accounted for."""

import json
import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import yaml

from mova_core.curation.assess.stage import assess
from mova_core.curation.cut import stage
from mova_core.curation.cut.command import cut as command
from mova_core.curation.cut.crop_and_pad import CropAndPad
from mova_core.curation.cut.shards import read_member
from mova_core.curation.cut.splits import choose_splits
from mova_core.curation.cut.stage import cut, split_warnings
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.worker import TaskResult
from mova_core.curation.segment.windows import window_id
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import UsageError
from mova_core.media.clip_file import read_clip
from mova_core.media.decode import Frame, decode
from mova_core.media.encode import write_media
from mova_core.params import params_from
from mova_core.places import DataFolder
from mova_core.storage.hashing import sha256_file

PARAMS = params_from({"preset": "nano", "cut": {"clips_per_shard": 4}})
GEOMETRY = PARAMS.clip_geometry
SOURCE_FPS, SOURCE_RATE_HZ, SOURCE_S = 25, 16_000, 6
STARTS_S = (0.0, 1.000013, 2.5, 3.9375)  # the last ends with the source, to the sample


def level(index):
    """Grey of a source frame: tells which one it is, far enough from its neighbours'."""
    return 20 + index % 50 * 4


def image(index, height=96, width=96):
    return np.full((height, width, 3), level(index), np.uint8)


def audio():
    """Each sample tells its place."""
    places = np.arange(SOURCE_S * SOURCE_RATE_HZ)
    return ((places % 30_000) / 32_768).astype(np.float32)


def add_source(folder, name, tables, starts_s=STARTS_S, height=96, width=96, **row):
    path = folder / name
    frames = [image(index, height, width) for index in range(SOURCE_S * SOURCE_FPS)]
    write_media(path, frames, SOURCE_FPS, audio(), SOURCE_RATE_HZ, crf=4, video_options={"preset": "ultrafast"})
    with path.open("ab") as file:  # a free box at the end makes equal frames different sources
        file.write((8 + len(name)).to_bytes(4, "big") + b"free" + name.encode())
    source_id = sha256_file(path)
    tables["sources"].append(
        {
            "source_id": source_id,
            "path": name,
            "duration_s": float(SOURCE_S),
            "rotation_deg": 0,
            "hflip": False,
            "display_aspect": width / height,
            "verdict": "accepted",
            **row,
        }
    )
    letterbox = {f"crop_{side}_px": 0 for side in ("top", "bottom", "left", "right")}
    tables["segments"].append({"source_id": source_id, "cuts_s": [], "speech_s": [], **letterbox})
    for start_s in starts_s:
        kind = "single_scene_nonspeech"
        tables["windows"].append(
            {
                "window_id": window_id(source_id, kind, start_s),
                "source_id": source_id,
                "start_s": start_s,
                "end_s": start_s + GEOMETRY.duration_s,
                "kind": kind,
            }
        )
    return path


def write_tables(data, tables):
    for name, rows in tables.items():
        write_table(data.table(name), name, rows)


def new_tables():
    return {"sources": [], "segments": [], "windows": [], "near_duplicates": []}


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """Four sources of four windows, and their tables."""
    folder, tables = tmp_path_factory.mktemp("footage"), new_tables()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        add_source(folder, name, tables)
    add_source(folder, "d.mp4", tables, starts_s=(0.5, 3.0), height=48, width=96)
    return folder, tables


@pytest.fixture
def run(footage, tmp_path):
    """Cut the footage into a folder of this test."""

    def run_cut(name="data", params=PARAMS, engine=Engine(), tables=footage[1], **options):
        data = DataFolder(tmp_path / name)
        write_tables(data, tables)
        summary = cut(params, footage[0], data, engine, tmp_path / f"{name}-parts", **options)
        return data, summary

    return run_cut


@pytest.fixture(scope="module")
def whole(footage, tmp_path_factory):
    """All of that footage, cut by one worker: data folder and summary. Tests only read it."""
    root = tmp_path_factory.mktemp("whole")
    data = DataFolder(root / "data")
    write_tables(data, footage[1])
    return data, cut(PARAMS, footage[0], data, Engine("local", 1), root / "parts")


def everything(data):
    return {str(path.relative_to(data.root)): path.read_bytes() for path in data.root.rglob("*") if path.is_file()}


def rows_of(data):
    return read_table(data.table("clips"), "clips"), read_table(data.rejects("cut"), "rejects")


def test_clips_hold_what_lies_in_their_windows(whole, footage):
    data, summary = whole
    clips, rejects = rows_of(data)
    windows = {row["window_id"]: row for row in footage[1]["windows"]}
    assert summary["accepted"] == len(clips) == len(windows) == 14 and rejects == []
    assert [row["window_id"] for row in clips] == list(windows)
    for row in clips:
        frames, samples = read_clip(read_member(data.clips, row))
        start_s = windows[row["window_id"]]["start_s"]
        times_s = start_s + (np.arange(GEOMETRY.frames) + 0.5) / GEOMETRY.fps
        shown = np.floor(times_s * SOURCE_FPS + 1e-6)
        assert frames.shape == (row["frames"], row["height_px"], row["width_px"], 3) == (33, 48, 48, 3)
        np.testing.assert_allclose(frames[:, 24, 24].mean(axis=1), level(shown), atol=1.5)
        begin = round(start_s * SOURCE_RATE_HZ)
        np.testing.assert_allclose(samples, audio()[begin : begin + row["audio_samples"]], atol=1 / 32_768)
        assert len(samples) == GEOMETRY.audio_samples


def test_a_wide_frame_lies_between_bars(whole):
    data, _ = whole
    row = rows_of(data)[0][-1]
    frames, _ = read_clip(read_member(data.clips, row))
    assert (frames[:, :10] < 5).all() and (frames[:, 38:] < 5).all() and (frames[:, 14:34] > 15).all()


def test_shards_hold_whole_sources_and_their_rows(whole):
    data, _ = whole
    clips, _ = rows_of(data)
    numbers = [0] * 4 + [1] * 4 + [2] * 4 + [3] * 2
    assert [row["path"] for row in clips] == [f"clips-0000{number}.tar" for number in numbers]
    assert sorted(path.name for path in data.clips.iterdir()) == [
        f"clips-0000{number}.{kind}" for number in range(4) for kind in ("json", "tar")
    ]
    manifests = [json.loads((data.clips / f"clips-0000{number}.json").read_text()) for number in range(4)]
    held = [row | {"path": shard["tar"]} for shard in manifests for part in shard["parts"] for row in part["clips"]]
    assert held == clips
    assert all(sha256(read_member(data.clips, row)).hexdigest() == row["sha256"] for row in clips)


def test_workers_change_no_byte_and_a_rerun_does_nothing(run, whole, monkeypatch):
    by_two, _ = run(engine=Engine("local", 2))
    assert everything(by_two) == everything(whole[0])
    monkeypatch.setattr(stage, "run", not_to_be_called)
    again, _ = run()
    assert everything(again) == everything(whole[0])


def not_to_be_called(function, items, **_):
    assert list(items) == []
    return iter(())


def test_a_new_source_does_not_cut_the_others_again(run, whole, footage, monkeypatch):
    tables = footage[1]
    later = {name: rows[1:] if name != "windows" else rows[4:] for name, rows in tables.items()}
    run(tables=later)
    called = []
    real = stage.run
    monkeypatch.setattr(stage, "run", lambda function, items, **kw: called.extend(items) or real(function, items, **kw))
    data, _ = run()
    assert [task.path.name for task in called] == ["a.mp4"]
    assert everything(data) == everything(whole[0])


def test_files_instead_of_shards(run, whole, tmp_path, monkeypatch):
    shards, _ = whole
    (tmp_path / "single" / "clips").mkdir(parents=True)
    (tmp_path / "single" / "clips" / "0123456789abcdef.mp4").write_bytes(b"of another run")
    data, _ = run("single", as_files=True)
    of_shards, of_files = rows_of(shards)[0], rows_of(data)[0]
    assert [row["clip_id"] for row in of_files] == [row["clip_id"] for row in of_shards]
    assert sorted(path.name for path in data.clips.iterdir()) == sorted(f"{row['clip_id']}.mp4" for row in of_files)
    assert all(row["path"] == f"{row['clip_id']}.mp4" and row["member"] is None for row in of_files)
    for one, other in zip(of_files, of_shards, strict=True):
        assert read_member(data.clips, one) == read_member(shards.clips, other)
    before = everything(data)
    (data.clips / of_files[5]["path"]).write_bytes(b"damaged")
    data, _ = run("single", as_files=True)
    assert everything(data) == before
    monkeypatch.setattr(stage, "run", not_to_be_called)
    run("single", as_files=True)


def test_lossless_clips_hold_every_pixel_as_scaled_and_are_assessed(run, footage):
    lossless = params_from({"preset": "nano", "cut": {"codec": "ffv1", "clips_per_shard": 4}})
    data, summary = run(params=lossless)
    clips, rejects = rows_of(data)
    assert summary["accepted"] == len(clips) == 14 and rejects == []
    assert {row["member"] for row in clips} == {f"{row['clip_id']}.mkv" for row in clips}
    tasks = stage.source_tasks(lossless, footage[0], stage.read_tables(data), data.root)
    [task] = [task for task in tasks if task.path.name == "d.mp4"]
    images = [piece for piece in decode(task.path, audio_rate_hz=None) if isinstance(piece, Frame)]
    crop_and_pad = CropAndPad.plan(48, 96, task.letterbox, task.orientation, 2.0, GEOMETRY)
    for row, start_s in zip(clips[-2:], (0.5, 3.0), strict=True):
        shown = np.floor((start_s + (np.arange(GEOMETRY.frames) + 0.5) / GEOMETRY.fps) * SOURCE_FPS + 1e-6).astype(int)
        frames, _ = read_clip(read_member(data.clips, row))
        np.testing.assert_array_equal(frames, np.stack([crop_and_pad.apply(images[place].rgb()) for place in shown]))
    assess(lossless, data, Engine(), data.root / "assess-parts")
    verdicts = read_table(data.table("verdicts"), "verdicts")
    assert len(verdicts) == 14 and not any("damaged_clip" in row["rejections"] for row in verdicts)
    assert all(row["frozen_share"] is not None for row in verdicts)
    files, _ = run("files", params=lossless, as_files=True)
    assert {path.name for path in files.clips.iterdir()} == {row["member"] for row in clips}
    run("files", as_files=True)
    assert {path.suffix for path in files.clips.iterdir()} == {".mp4"}, "clips of other params are cleared away"


def test_windows_that_cannot_be_cut_are_rejects_and_harm_no_other(tmp_path):
    tables = new_tables()
    add_source(tmp_path, "beyond.mp4", tables, starts_s=(0.0, 5.0))
    damaged = add_source(tmp_path, "damaged.mp4", tables, starts_s=(0.0, 3.9))
    whole, data = sha256_file(damaged), bytearray(damaged.read_bytes())
    data[len(data) * 3 // 4 : len(data) * 3 // 4 + 400] = os.urandom(400)
    damaged.write_bytes(data)
    for row in (row for rows in tables.values() for row in rows if row["source_id"] == whole):
        row["source_id"] = sha256_file(damaged)
    add_source(tmp_path, "bordered.mp4", tables, starts_s=(0.0,))
    tables["segments"][-1]["crop_top_px"] = 96
    add_source(tmp_path, "gone.mp4", tables, starts_s=(1.0,)).unlink()
    folder = DataFolder(tmp_path / "data")
    write_tables(folder, tables)
    summary = cut(PARAMS, tmp_path, folder, Engine(), tmp_path / "result_cache")
    clips, rejects = rows_of(folder)
    ids = [row["window_id"] for row in tables["windows"]]
    assert [row["window_id"] for row in clips] == [ids[0], ids[2]]
    assert [row["id"] for row in rejects] == [ids[1], *ids[3:]]
    codes = [row["reason_code"] for row in rejects]
    assert codes[0] == "short_video" and codes[2] == "no_content" and None not in codes
    assert {(row["table"], row["stage"]) for row in rejects} == {("windows", "cut")}
    assert summary["windows"] == len(ids) == len(clips) + len(rejects)
    assert "2 clips of 6 windows" in summary["text"]


def test_a_worker_that_ends_costs_its_windows_and_is_tried_again(run, whole, monkeypatch):
    def out_of_time(function, items, *, limits, **_):  # how a real worker ends is the engine's test
        return iter([TaskResult.over_time(limits.seconds_per_file) for _ in items])

    with monkeypatch.context() as slow:
        slow.setattr(stage, "run", out_of_time)
        data, summary = run()
    assert summary["reasons"] == {"time_limit": 14}
    data, summary = run()
    assert summary["rejected"] == 0
    assert everything(data) == everything(whole[0])


def test_no_windows_give_empty_tables(run, footage):
    data, summary = run(tables={**footage[1], "windows": []})
    assert rows_of(data) == ([], []) and list(data.clips.iterdir()) == []
    assert summary["text"] == "0 clips of 0 windows"


def test_what_is_missing_is_said(tmp_path, footage):
    with pytest.raises(UsageError, match=r"sources\.parquet is missing"):
        cut(PARAMS, footage[0], DataFolder(tmp_path), Engine(), tmp_path / "result_cache")
    (tmp_path / "clips").write_text("")
    write_tables(DataFolder(tmp_path), footage[1])
    with pytest.raises(UsageError, match="clips cannot be made into a folder"):
        cut(PARAMS, footage[0], DataFolder(tmp_path), Engine(), tmp_path / "result_cache")


def shared(tables, source, kept, start_s, end_s, kept_start_s, **values):
    """A row of `near_duplicates`: an interval of one source (by number) that another one has too."""
    ids = [row["source_id"] for row in tables["sources"]]
    return {
        "source_id": ids[source],
        "group_id": ids[kept],
        "start_s": start_s,
        "end_s": end_s,
        "kept_source_id": ids[kept],
        "kept_start_s": kept_start_s,
        "is_copy": True,
        "video_distance_bits": 3.0,
        "audio_similarity": 0.9,
        **values,
    }


def test_windows_of_a_copy_are_rejects_that_name_what_is_kept(run, whole, footage):
    tables = footage[1]
    rows = [shared(tables, 1, 0, 0.0, 6.0, 0.25), shared(tables, 2, 0, 2.25, 4.75, 1.0, audio_similarity=None)]
    data, summary = run("copies", tables={**tables, "near_duplicates": rows})
    clips, rejects = rows_of(data)
    b, c = (row["source_id"] for row in tables["sources"][1:3])
    expected = [(row["window_id"], row["start_s"]) for row in tables["windows"] if row["source_id"] == b]
    expected += [(row["window_id"], 2.5) for row in tables["windows"] if (row["source_id"], row["start_s"]) == (c, 2.5)]
    assert [row["id"] for row in rejects] == [window_id for window_id, _ in expected]
    assert {row["reason_code"] for row in rejects} == {"near_duplicate"} and {row["stage"] for row in rejects} == {
        "cut"
    }
    assert rejects[1]["reason"] == "its video and audio repeat a.mp4 at 1.3 s, which is kept"
    assert rejects[-1]["reason"] == "its video repeats a.mp4 at 1.2 s, which is kept"
    assert summary["windows"] == len(clips) + len(rejects) == 14
    assert "not cut: 5 near_duplicate" in summary["text"]
    kept = {row["window_id"]: row["sha256"] for row in clips}
    sha256_of = {row["window_id"]: row["sha256"] for row in rows_of(whole[0])[0]}
    assert kept == {window_id: sha256_of[window_id] for window_id in kept}, "the same bytes"


def test_a_group_has_one_split_and_a_lone_source_keeps_its_own(run, footage):
    tables = footage[1]
    ids = [row["source_id"] for row in tables["sources"]]
    draws = sorted(int(sha256(f"split:{one}".encode()).hexdigest(), 16) / 2**256 for one in ids)
    params = params_from({"preset": "nano", "cut": {"clips_per_shard": 4, "validation_share": sum(draws[1:3]) / 2}})
    alone = {row["source_id"]: row["split"] for row in rows_of(run("alone", params=params)[0])[0]}
    assert set(alone.values()) == {"train", "validation"}
    first = next(number for number, one in enumerate(ids) if alone[one] != alone[ids[0]])
    row = shared(tables, first, 0, 0.0, 6.0, 0.0, is_copy=False)
    clips, rejects = rows_of(run("dub", params=params, tables={**tables, "near_duplicates": [row]})[0])
    splits = {clip["source_id"]: clip["split"] for clip in clips}
    assert rejects == [] and splits == alone | {ids[first]: alone[ids[0]]}


def test_the_split_is_by_group_and_near_its_share():
    ids = [f"{number:064x}" for number in range(4000)]
    splits = choose_splits(ids, 0.06)
    assert 0.045 < list(splits.values()).count("validation") / 4000 < 0.075
    assert splits == choose_splits(reversed(ids), 0.06)
    more = choose_splits(ids, 0.5)
    assert all(more[one] == "validation" for one, split in splits.items() if split == "validation")
    assert set(choose_splits(ids, 0.0).values()) == {"train"}
    # A group keeps its split whatever is added, once both splits have a group of their own.
    assert choose_splits(ids[:2000], 0.06).items() <= splits.items()


@pytest.mark.parametrize("validation_share", [0.001, 0.06, 0.3, 0.999])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_few_files_have_a_group_in_each_split(count, validation_share):
    for seed in range(50):
        ids = [sha256(f"{seed}-{number}".encode()).hexdigest() for number in range(count)]
        assert set(choose_splits(ids, validation_share).values()) == {"train", "validation"}


def test_one_group_alone_is_for_training():
    assert [choose_splits(["a" * 64], share) for share in (0.0, 0.5, 0.999)] == [{"a" * 64: "train"}] * 3
    assert choose_splits([], 0.5) == {}


@pytest.mark.parametrize(
    ("groups", "train", "validation", "share", "told"),
    [
        (40, 940, 60, 0.06, []),
        (1, 28, 0, 0.06, ["none is left for validation"]),
        (4, 26, 2, 0.06, ["only 2 clips for validation, expected at least 4"]),
        (4, 7, 21, 0.3, ["only 7 clips for train, expected at least 16", "0.75 of the clips are for validation"]),
        (4, 28, 0, 0.0, []),
        (0, 0, 0, 0.06, []),
    ],
)
def test_a_split_that_is_too_small_or_misses_its_share_is_told(groups, train, validation, share, told):
    warnings = split_warnings(groups, train, validation, share)
    assert len(warnings) == len(told)
    assert all(expected in warning for expected, warning in zip(told, warnings, strict=True))


def test_the_command_cuts_what_params_name(footage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tables(DataFolder(), footage[1])
    values = {"preset": "nano", "ingest": {"footage": str(footage[0])}}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    summary = command(workers=1)
    assert summary["accepted"] == 14 and DataFolder().clips.joinpath("clips-00000.tar").exists()
