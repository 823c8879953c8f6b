"""Films stored otherwise are found among films that look alike, keep one copy and share its split; real footage too."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_contracts.check import contract_of, ephemeral_context, judge
from mova_core.curation.cut.stage import cut
from mova_core.curation.dedup.duplicates import Member, find_near_duplicates
from mova_core.curation.dedup.fingerprints import Fingerprint, FingerprintBuilder
from mova_core.curation.engine.base import Engine
from mova_core.curation.funnel import curation_funnel
from mova_core.curation.ingest.stage import ingest
from mova_core.curation.segment.shot_boundaries import small_size
from mova_core.curation.segment.stage import segment
from mova_core.curation.tables import read_table, write_table
from mova_core.media.decode import Frame, decode
from mova_core.media.encode import write_media
from mova_core.params import NearDuplicateParams, Params
from mova_core.places import DataFolder
from mova_core.speech.audio import SPEECH_RATE_HZ
from mova_core.synthetic.world import draw_take, render_audio, render_frames

SECONDS = 12
FPS = Fraction(24)
RATE_HZ = 48_000
LOW_H264 = {"audio_codec": "aac", "crf": 34, "audio_options": {"b": "48k"}}
WEBM = {"container": "webm", "video_codec": "libvpx", "audio_codec": "libopus", "crf": None}
WEBM |= {"video_options": {"b": "150k", "deadline": "realtime", "cpu-used": "8"}}
MATROSKA = {"container": "matroska", "video_codec": "mpeg4", "audio_codec": "libmp3lame", "crf": None}


def world(seed: int, kind: str = "red-ball") -> tuple[list, np.ndarray]:
    """Video and audio of a take; another seed bounces at other moments in the same room."""
    take = replace(draw_take(np.random.default_rng(seed), kind, SECONDS), quality=0.8)
    return [*render_frames(take, FPS, int(SECONDS * FPS), 144)], render_audio(take, RATE_HZ, SECONDS * RATE_HZ)


def scaled(frames: list, side: int) -> list:
    return [cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA) for frame in frames]


def write(path: Path, frames: list, audio: np.ndarray, fps: Fraction = FPS, **how) -> None:
    write_media(path, frames, fps, audio, RATE_HZ, **how)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One film in seven forms, and two films of the same room and ball."""
    folder = tmp_path_factory.mktemp("footage")
    frames, audio = world(0)
    write(folder / "original.mp4", frames, audio)
    write(folder / "copy-small.webm", scaled(frames, 96), audio, **WEBM)
    write(folder / "copy-low.mp4", scaled(frames, 128), audio, **LOW_H264)
    brighter = [np.clip(frame.astype(np.int16) + 24, 0, 255).astype(np.uint8) for frame in scaled(frames, 96)]
    write(folder / "copy-bright-quiet.mkv", brighter, 0.3 * audio, **MATROSKA)
    late = 32  # frames, 1.333 s: no whole step of the fingerprints
    write(folder / "copy-trimmed.mp4", scaled(frames, 96)[late:], audio[late * RATE_HZ // 24 :], **LOW_H264)
    boxed = [np.pad(frame, ((20, 20), (0, 0), (0, 0))) for frame in scaled(frames, 96)]
    write(folder / "copy-boxed.mp4", boxed, audio, **LOW_H264)
    half = scaled(frames, 96)[::2]
    write(folder / "copy-half-rate.mp4", half, audio, FPS / 2, **LOW_H264)
    for seed in (1, 2):
        other_frames, other_audio = world(seed)
        write(folder / f"other-{seed}.mp4", scaled(other_frames, 96), other_audio)
    _, other_audio = world(3)
    write(folder / "dub.mp4", scaled(frames, 96), other_audio, **LOW_H264)
    return folder


@pytest.fixture(scope="module")
def curated(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    root = tmp_path_factory.mktemp("curated")
    data, engine = DataFolder(root / "data"), Engine(workers=2)
    for stage in (ingest, segment, cut):
        stage(Params(), footage, data, engine, root / "result_cache")
    return data


def by_path(data: DataFolder) -> dict[str, str]:
    return {row["path"]: row["source_id"] for row in read_table(data.table("sources"), "sources")}


def test_each_form_is_found_as_a_copy_of_the_original_and_nothing_else_is(curated):
    path_of = {source_id: path for path, source_id in by_path(curated).items()}
    rows = read_table(curated.table("near_duplicates"), "near_duplicates")
    kept_of = {(path_of[row["source_id"]], row["is_copy"]): path_of[row["kept_source_id"]] for row in reversed(rows)}
    copies = {path for path in path_of.values() if path.startswith("copy-")}
    assert len(copies) == 6
    dubbed = {path: kept for (path, is_copy), kept in kept_of.items() if not is_copy}
    assert dubbed["dub.mp4"] == "original.mp4"
    assert {path: kept for (path, is_copy), kept in kept_of.items() if is_copy} == dict.fromkeys(copies, "original.mp4")
    assert {path_of[row["group_id"]] for row in rows} == {"original.mp4"}
    assert not {path for path, _ in kept_of} & {"other-1.mp4", "other-2.mp4"}
    trimmed = next(row for row in rows if path_of[row["source_id"]] == "copy-trimmed.mp4")
    assert trimmed["kept_start_s"] - trimmed["start_s"] == pytest.approx(32 / 24, abs=0.13)


def test_copies_give_no_clips_and_every_second_is_accounted_for(curated):
    ids = by_path(curated)
    clips = read_table(curated.table("clips"), "clips")
    lone = ("original.mp4", "other-1.mp4", "other-2.mp4", "dub.mp4")
    assert {row["source_id"] for row in clips} == {ids[path] for path in lone}
    windows = read_table(curated.table("windows"), "windows")
    rejects = read_table(curated.rejects("cut"), "rejects")
    assert len(windows) == len(clips) + len(rejects)
    assert {row["reason_code"] for row in rejects} == {"near_duplicate"}
    assert all("original.mp4 at " in row["reason"] for row in rejects)
    write_table(curated.table("verdicts"), "verdicts", [])
    write_table(curated.rejects("assess"), "rejects", [])
    step = curation_funnel(curated)[3]
    assert (step.stage, step.losses[0].reason_code, step.losses[0].rows) == ("cut", "near_duplicate", len(rejects))
    lengths = [row["end_s"] - row["start_s"] for row in windows if row["source_id"] not in {ids[p] for p in lone}]
    assert step.losses[0].seconds == pytest.approx(sum(lengths))


def test_a_group_shares_a_split_and_the_contracts_hold(curated):
    ids = by_path(curated)
    clips = read_table(curated.table("clips"), "clips")
    splits = {row["split"] for row in clips if row["source_id"] in (ids["original.mp4"], ids["dub.mp4"])}
    assert len(splits) == 1
    for table in ("windows", "clips"):
        broken = judge(contract_of(table, curated, Params()), ephemeral_context()).broken
        assert [finding.sentence for finding in broken] == []


def fingerprint_of(path: Path) -> Fingerprint:
    maker = FingerprintBuilder(letterbox_luma=30)
    for piece in decode(path, audio_rate_hz=SPEECH_RATE_HZ):
        if isinstance(piece, Frame):
            maker.add_frame(piece.time_s, piece.rgb(*small_size(piece.image.width, piece.image.height)))
        else:
            maker.add_audio(piece.time_s, piece.samples)
    return maker.fingerprint()


PILLARBOXED = "pillarboxed-silent-film-music-mp3-360p-10s.mp4"
# What MANIFEST.json states as the video and audio of another file. (`letterboxed-2p39-narration` is none: it shows
# another moment of the same scene, from the same camera.)
DERIVED = {("derived/avi-pillarboxed-silent-film-mp3-10s.avi", PILLARBOXED, True)}
DERIVED |= {
    (harp, "music-harp-360p-10s.mp4", True) for harp in ("hostile/-leading-dash.mp4", "hostile/start-offset-1h.ts")
}
OTHERS = (
    "derived/letterboxed-2p39-narration-720p-10s.mp4",
    "narration-en-offscreen-speaker-hands-720p-10s.mp4",
    "sound-crowd-cheering-loud-360p-10s.mp4",
    "generated-cat-ball-mova-mono-352p-8s.mp4",
    "kinetic-typography-music-vfr-270p-45s.webm",
)


def test_real_footage_made_from_another_file_is_found_and_no_other(media, manifest):
    paths = sorted({path for pair in DERIVED for path in pair[:2]} | set(OTHERS))
    members = [
        Member(
            path,
            manifest[path]["video"]["width"] * manifest[path]["video"]["height"],
            10.0,
            fingerprint_of(media / path),
        )
        for path in paths
        for shown in [manifest[path]["video"]]
    ]
    rows = find_near_duplicates(members, NearDuplicateParams())
    pairs = {(*sorted((row["source_id"], row["kept_source_id"])), row["is_copy"]) for row in rows}
    assert pairs == DERIVED
    assert all(row["end_s"] - row["start_s"] > 8.0 for row in rows)
