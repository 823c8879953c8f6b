"""Real and hostile footage: every file ends as its manifest says it may, and each clip is exact and decodable."""

import shutil
from pathlib import Path

import pytest

from mova_core.curation.layout import DataFolder
from mova_core.curation.shards import read_member
from mova_core.curation.tables import read_table
from mova_core.geometry import geometry_named
from mova_core.media.clip import read_clip

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


VALID_WITHOUT_CLIP = {"no_audio", "duplicate", "single_picture"}
"""Reasons of ingest for a file that is sound in itself: the manifest calls it `no_clip`."""


def outcomes(sources: list[dict], clips: list[dict]) -> dict[str, str]:
    """What became of each file, in the manifest's words."""
    with_clips = {row["source_id"] for row in clips}
    found = {}
    for row in sources:
        if row["verdict"] != "accepted":
            found[row["path"]] = "no_clip" if row["reason_code"] in VALID_WITHOUT_CLIP else "reject"
        else:
            found[row["path"]] = "clips" if row["source_id"] in with_clips else "no_clip"
    return found


def check(media: Path, manifest: dict, folder: Path, out: Path, preset: str, run) -> None:
    run(out.parent, "mova", "curate", str(folder), "--out", str(out), "--preset", preset)
    data, geometry = DataFolder(out), geometry_named(preset)
    sources = read_table(data.table("sources"), "sources")
    clips = read_table(data.table("clips"), "clips")
    verdicts = {row["clip_id"]: row for row in read_table(data.table("verdicts"), "verdicts")}
    accepted = [row for row in clips if verdicts[row["clip_id"]]["verdict"] == "accepted"]
    became = outcomes(sources, accepted)
    expected = {path: entry["accept"] for path, entry in manifest.items() if (folder / path).exists()}
    assert expected.keys() == {path for path in became if path in manifest}
    # A file that is cuttable but whose clips are all turned away gives no clip; both words are in `accept` then.
    misses = {path: (became[path], accept) for path, accept in expected.items() if became[path] not in accept}
    print(
        f"\n{len(expected) - len(misses)} of {len(expected)} files end as the manifest says; misses: {misses or 'none'}"
    )
    for row in clips:
        frames, sound = read_clip(read_member(data.clips, row))
        assert frames.shape[0] == geometry.frames and sound.shape == (geometry.audio_samples,)
    assert not misses


@pytest.mark.timeout(600)
def test_hostile_files_and_one_of_each_trap(media, manifest, tmp_path, run):
    folder = tmp_path / "footage"
    shutil.copytree(media / "hostile", folder / "hostile")
    for name in SUBSET:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(media / name, folder / name)
    check(media, manifest, folder, tmp_path / "out", "mova-360p", run)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_all_of_it_at_720p(media, manifest, tmp_path, run):
    check(media, manifest, media, tmp_path / "out", "mova-720p", run)
