"""Real and hostile footage: every file ends as its manifest says it may, and each clip is exact and decodable."""

import shutil
from pathlib import Path

import pytest

from mova_core.curation.cut.shards import read_member
from mova_core.curation.tables import read_table
from mova_core.geometry import geometry_named
from mova_core.media.clip_file import read_clip
from mova_core.places import DataFolder

SUBSET = (
    "derived/avi-pillarboxed-silent-film-mp3-10s.avi",
    "derived/mkv-zh-news-speech-over-unrelated-portrait-face-12s.mkv",
    "generated-cat-ball-mova-mono-352p-8s.mp4",
    "just-too-short-toy-elf-480p-8s.webm",
    "music-harp-360p-10s.mp4",
    "nasa-narration-en-multistream-subs-lowres-13s.mp4",
    "rotated-180-vfr-quiet-fire-720p-2s.mp4",
    "talking-head-en-512-mpeg4-16khz-8s.mp4",
)
"""Beside all of `hostile/`: small files, one of each trap."""


NEED_WEIGHTS = (
    *("audiobox_pq", "audiobox_cu", "audiobox_ce", "dover_aesthetic", "dover_technical", "imagebind", "desync_s"),
    *("lse_d", "lse_c"),
)
"""Measures that cannot be taken here: this footage is judged without them."""

VALID_WITHOUT_CLIP = {"no_audio", "duplicate", "single_frame"}
"""Reasons of ingest for a file that is audio in itself: the manifest calls it `no_clip`."""


def outcomes(data: DataFolder) -> list[tuple[str, str, str, str, str]]:
    """What became of each file: its path, the outcome in the manifest's words, then stage, code and sentence of why."""
    sources = read_table(data.table("sources"), "sources")
    verdicts = {row["clip_id"]: row["verdict"] for row in read_table(data.table("verdicts"), "verdicts")}
    clips = read_table(data.table("clips"), "clips")
    windows = {row["window_id"]: row["source_id"] for row in read_table(data.table("windows"), "windows")}
    of_source = {row["clip_id"]: row["source_id"] for row in clips} | windows
    rejects = read_table(data.root / "rejects.parquet", "rejects")
    why = {of_source.get(row["id"], row["id"]): (row["stage"], row["reason_code"], row["reason"]) for row in rejects}
    with_clips = {row["source_id"] for row in clips if verdicts[row["clip_id"]] == "accepted"}
    found = []
    for row in sources:
        if row["verdict"] != "accepted":
            outcome = "no_clip" if row["reason_code"] in VALID_WITHOUT_CLIP else "reject"
            found.append((row["path"], outcome, *why[row["path"]]))
        elif row["source_id"] in with_clips:
            found.append((row["path"], "clips", "", "", ""))
        else:
            found.append((row["path"], "no_clip", *why[row["source_id"]]))
    return found


def check(manifest: dict, folder: Path, out: Path, preset: str, run, measures: str = "null") -> None:
    params = out.parent / "params.yaml"
    allowed = ", ".join(NEED_WEIGHTS)
    params.write_text(f"preset: {preset}\nassess: {{measures: {measures}, allow_unavailable: [{allowed}]}}\n")
    run(out.parent, "mova", "curate", str(folder), "--out", str(out), "--params", str(params))
    data, geometry = DataFolder(out), geometry_named(preset)
    found = outcomes(data)
    assert {path for path, *_ in found} >= {path for path in manifest if (folder / path).exists()}, "no file is lost"
    assert len(found) == len({path for path, *_ in found})
    # A file that is cuttable but whose clips are all turned away gives no clip; both words are in `accept` then.
    misses = {}
    print(f"\n{'file':46} {'outcome':8} {'stage':8} {'reason':20} sentence")
    for path, outcome, stage, code, sentence in found:
        print(f"{path[-46:]:46} {outcome:8} {stage:8} {code:20} {sentence}")
        if path in manifest and outcome not in manifest[path]["accept"]:
            misses[path] = (outcome, manifest[path]["accept"])
        if outcome != "clips":
            assert stage and code and len(sentence.split()) > 2 and "\n" not in sentence, path
    print(f"{len(found) - len(misses)} of {len(found)} files end as the manifest says; misses: {misses or 'none'}")
    for row in read_table(data.table("clips"), "clips"):
        frames, audio = read_clip(read_member(data.clips, row))
        assert frames.shape[0] == geometry.frames and audio.shape == (geometry.audio_samples,)
    assert not misses


@pytest.mark.timeout(600)
def test_hostile_files_and_one_of_each_trap(media, manifest, tmp_path, run, capsys):
    folder = tmp_path / "footage"
    shutil.copytree(media / "hostile", folder / "hostile")
    for name in SUBSET:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(media / name, folder / name)
    with capsys.disabled():  # the table is for people
        check(manifest, folder, tmp_path / "out", "mova-360p", run, measures="[loudness]")  # the others take longest
    rows = {row["path"]: row for row in read_table(DataFolder(tmp_path / "out").table("sources"), "sources")}
    assert rows["hostile/two-audio-tracks-first-silent.mp4"]["audio_track"] == 1


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_all_of_it_at_720p(media, manifest, tmp_path, run):
    check(manifest, media, tmp_path / "out", "mova-720p", run)
