"""Accepted clips get captions: by class where the sidecar knows it, by measures where it does not."""

import json
from pathlib import Path

import pytest

from mova_core.curation.caption.stage import caption, classes_seen
from mova_core.curation.ingest.sidecars_read import sidecars_hash
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import StaleError, UsageError
from mova_core.params import CaptionParams, Params
from mova_core.places import DataFolder
from mova_core.storage.hashing import sha256_file

BY_NO_MODEL = {"on_screen_text": None, "unavailable": None, "fallback_reason": None}
SCENES = [
    {"start_s": 0.0, "end_s": 8.0, "class": "red-ball"},
    {"start_s": 8.0, "end_s": 16.0, "class": "green-box"},
    {"start_s": 17.0, "end_s": 24.0, "class": "green-box"},
]


@pytest.mark.parametrize(
    ("start_s", "classes"),
    [
        (2.0, ["red-ball"]),
        (6.0, ["red-ball"]),
        (7.0, ["red-ball", "green-box"]),
        (6.01, ["red-ball"]),  # the last 10 ms are a cut found late
        (15.5, ["green-box"]),
        (30.0, []),
    ],
)
def test_classes_are_those_seen_in_the_window(start_s, classes):
    assert classes_seen(SCENES[::-1], start_s, start_s + 2) == classes


@pytest.mark.parametrize("unknown", [{"class": "dog"}, {"class": ["red-ball"]}, {}])
def test_nothing_is_claimed_beside_an_unknown_class(unknown):
    scenes = [SCENES[0], {"start_s": 8.0, "end_s": 9.0, **unknown}]
    assert classes_seen(scenes, 7.0, 9.0) == []
    assert classes_seen(scenes, 1.0, 3.0) == ["red-ball"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Footage of a made and of another file, and tables as `assess` leaves them."""
    footage, data = tmp_path / "footage", DataFolder(tmp_path / "data")
    footage.mkdir()
    for name in ("made.mp4", "other.mp4", "broken.mp4"):
        (footage / name).write_bytes(b"media")
    (footage / "made.mp4.json").write_text(json.dumps({"rights": "own", "scenes": SCENES}))
    (footage / "other.mp4.json").write_text(json.dumps({"rights": "own"}))
    sources = [("made", "accepted"), ("other", "accepted"), ("broken", "rejected")]
    write_table(
        data.table("sources"),
        "sources",
        [{"source_id": name, "path": f"{name}.mp4", "verdict": verdict} for name, verdict in sources],
    )
    write_table(
        data.table("segments"),
        "segments",
        [{"source_id": "made", "cuts_s": [8.0]}, {"source_id": "other", "cuts_s": [1.0, 3.0]}],
    )
    write_table(
        data.table("windows"),
        "windows",
        [
            {"window_id": "w1", "source_id": "made", "start_s": 7.0, "end_s": 9.0},
            {"window_id": "w2", "source_id": "made", "start_s": 2.0, "end_s": 4.0},
            {"window_id": "w3", "source_id": "other", "start_s": 2.0, "end_s": 4.0},
        ],
    )
    window_of = {"b": ("w1", "made"), "c": ("w2", "made"), "a": ("w3", "other")}
    write_table(
        data.table("clips"),
        "clips",
        [
            {"clip_id": clip, "window_id": window, "source_id": source, "orientation": "portrait"}
            for clip, (window, source) in window_of.items()
        ],
    )
    measures = {"motion": 0.02, "lufs": -12.0, "speech_share": 0.5, "black_share": 0.0}
    write_table(
        data.table("verdicts"),
        "verdicts",
        [
            {"clip_id": clip, "verdict": verdict, "rejections": {}, **measures}
            for clip, verdict in (("b", "accepted"), ("c", "rejected"), ("a", "accepted"))
        ],
    )
    return tmp_path


def test_accepted_clips_are_captioned_by_what_is_known(folder):
    data = DataFolder(folder / "data")
    summary = caption(Params(), folder / "footage", data)
    made, other = read_table(data.table("captions"), "captions")
    assert summary["captions"] == 2
    assert made == {
        "clip_id": "b",
        "visual": "A red ball bounces on a dark floor, then a green box.",
        "speech": None,
        "sound": "A wooden knock at each bounce, then a bell note.",
        "merged": "A red ball bounces on a dark floor, with a wooden knock at each bounce, "
        "then a green box, with a bell note.",
        "kind": "template",
        "model": None,
        "language": "en",
        **BY_NO_MODEL,
    }
    assert other["clip_id"] == "a"
    assert other["merged"] == "Portrait video, 2 shots, with movement. Loud sound with speech."


def test_captions_are_the_same_bytes_again(folder):
    data = DataFolder(folder / "data")
    caption(Params(), folder / "footage", data)
    first = data.table("captions").read_bytes()
    caption(Params(), folder / "footage", data)
    assert data.table("captions").read_bytes() == first


def test_a_language_without_templates_is_refused(folder):
    params = Params(caption=CaptionParams(language="de"))
    with pytest.raises(UsageError, match="'en'"):
        caption(params, folder / "footage", DataFolder(folder / "data"))


def test_missing_footage_is_refused(folder):
    with pytest.raises(UsageError, match="missing"):
        caption(Params(), folder / "nowhere", DataFolder(folder / "data"))


@pytest.mark.parametrize("has_subtitles", [False, True, None])
def test_no_caption_speaks_of_subtitles(folder, has_subtitles):
    """Phase 2 alone adds that there are none, when its prompts are encoded."""
    data = DataFolder(folder / "data")
    rows = [row | {"has_subtitles": has_subtitles} for row in read_table(data.table("verdicts"), "verdicts")]
    write_table(data.table("verdicts"), "verdicts", rows)
    caption(Params(), folder / "footage", data)
    captions = read_table(data.table("captions"), "captions")
    assert not any("subtitles" in row[kind] for row in captions for kind in ("visual", "sound", "merged"))


def test_a_files_own_caption_goes_before_every_template(folder):
    data = DataFolder(folder / "data")
    sources = read_table(data.table("sources"), "sources")
    sources[0]["own_caption"] = "Ein roter Ball springt."
    write_table(data.table("sources"), "sources", sources)
    summary = caption(Params(), folder / "footage", data)
    own, template = read_table(data.table("captions"), "captions")
    empty = BY_NO_MODEL | {"visual": None, "speech": None, "sound": None, "model": None, "language": None}
    assert own == {"clip_id": "b", "merged": "Ein roter Ball springt.", "kind": "own", **empty}
    assert template["kind"] == "template" and template["language"] == "en"
    assert summary["own"] == 1 and "1 of them" in summary["text"]


@pytest.mark.parametrize("change", ["changed", "removed", "added", "of all"])
def test_sidecars_that_are_not_those_ingest_read_stop_the_run(folder, change):
    footage, data = folder / "footage", DataFolder(folder / "data")
    (footage / "sources.csv").write_text("path,rights\nother.mp4,own\n")
    rows = read_table(data.table("sources"), "sources")
    of_files = {row["path"]: sidecar_of(footage / row["path"]) for row in rows}
    read = sidecars_hash(rows, of_files, sha256_file(footage / "sources.csv"))
    write_table(data.table("sources"), "sources", rows, {"sidecars": read})
    (footage / "broken.mp4.json").write_text("{}")  # of a file that is not used
    caption(Params(), footage, data)
    if change == "changed":
        (footage / "made.mp4.json").write_text(json.dumps({"rights": "own", "scenes": SCENES[:1]}))
    if change == "removed":
        (footage / "made.mp4.json").unlink()
    if change == "added":
        (footage / "other.mp4.json").write_text("{}")
    if change == "of all":
        (footage / "sources.csv").write_text("path,rights\nother.mp4,CC0-1.0\n")
    with pytest.raises(StaleError, match=r"a sidecar of the footage is not what it was .* run `mova ingest` again"):
        caption(Params(), footage, data)


def sidecar_of(path: Path) -> str | None:
    sidecar = path.with_name(f"{path.name}.json")
    return sha256_file(sidecar) if sidecar.exists() else None


def test_scenes_that_the_sidecar_of_a_duplicate_lists_are_used(folder):
    footage, data = folder / "footage", DataFolder(folder / "data")
    caption(Params(), footage, data)
    before = read_table(data.table("captions"), "captions")
    rows = read_table(data.table("sources"), "sources")
    rows.append({"source_id": "made", "path": "twin.mp4", "verdict": "rejected", "reason_code": "duplicate"})
    write_table(data.table("sources"), "sources", rows)
    (footage / "twin.mp4").write_bytes(b"media")
    (footage / "made.mp4.json").rename(footage / "twin.mp4.json")
    caption(Params(), footage, data)
    assert read_table(data.table("captions"), "captions") == before
