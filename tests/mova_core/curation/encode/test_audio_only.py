"""Files of audio alone: their windows and which of them are taken, their shards, and who trains on them."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mova_core.curation.caption.templates import audio_caption
from mova_core.curation.cut.splits import choose_splits
from mova_core.curation.encode.latent_shards import VIDEO_LATENTS, read_shard
from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE, INDEX_FILE
from mova_core.curation.encode.stage import encode
from mova_core.curation.engine.base import Engine
from mova_core.curation.ingest.stage import ingest
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import MovaError
from mova_core.geometry import GEOMETRIES
from mova_core.media.audio.loudness import normalise_loudness
from mova_core.media.decode import decode
from mova_core.model.nano_folder import read_nano_codec
from mova_core.model.text.nano_encoder import NanoTextEncoder
from mova_core.params import Params, params_from
from mova_core.training.data.batches import AudioBatches, JointBatches
from mova_core.training.data.index import buckets_of
from mova_core.training.recipe import PHASES
from mova_core.training.strategy.micro_batch import MicroBatch

SMALL, LARGE = GEOMETRIES["nano-32"], GEOMETRIES["nano-48"]
WINDOW_S = SMALL.duration_s
ONE, TWO = Engine(workers=1), Engine(workers=2)
RATE_HZ = 48_000


def tone(seconds: float, *, silent_until_s: float = 0.0) -> NDArray[np.float32]:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    notes = sum(np.sin(2 * np.pi * hz * time_s) for hz in (330, 1700, 2900))
    return (0.2 * notes * (1 + 0.3 * np.sin(40 * time_s)) * (time_s >= silent_until_s)).astype(np.float32)


def write_audio(path: Path, samples: NDArray[np.float32], codec: str) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(stream.format, "mono", RATE_HZ, frame_size=stream.frame_size or None)
        for ready in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(ready))
        container.mux(stream.encode())


FILES = {  # name: codec, samples
    "a.wav": ("pcm_s16le", tone(3.4 * WINDOW_S)),
    "b.flac": ("flac", tone(3 * WINDOW_S, silent_until_s=1.5 * WINDOW_S)),
    "c.mp3": ("mp3", tone(2.2 * WINDOW_S)),
    "short.ogg": ("libopus", tone(0.5 * WINDOW_S)),
}


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audio") / "footage"
    folder.mkdir()
    for name, (codec, samples) in FILES.items():
        write_audio(folder / name, samples, codec)
    (folder / "c.mp3.json").write_text(json.dumps({"caption": "Three notes that tremble.", "origin": "a lute"}))
    return folder


@pytest.fixture
def ready(curated, codec_once, footage):
    """Curated clips, with a codec, beside footage of audio alone."""
    shutil.copytree(codec_once, curated.codec)
    ingest(Params(), footage, curated, ONE, curated.root.parent / "cache")
    write_table(curated.table("near_duplicates"), "near_duplicates", [])
    return curated


def params(**encoding) -> Params:
    return params_from({"encode": {"clips_per_shard": 4} | encoding, "cut": {"validation_share": 0.3}})


def encoded(data, footage, engine=ONE, geometry=SMALL, **encoding):
    cache = data.root.parent / "cache"
    return encode(params(**encoding), geometry, data, engine, footage, cache)


def windows(data):
    rows = read_table(data.latents(SMALL.name) / AUDIO_CLIPS_FILE, "audio_clips")
    paths = {row["source_id"]: row["path"] for row in read_table(data.table("sources"), "sources")}
    return [row | {"path": paths[row["source_id"]]} for row in rows]


def of_audio(data):
    return [row for row in read_table(data.latents(SMALL.name) / INDEX_FILE, "latents") if row["orientation"] is None]


def test_every_second_of_a_file_is_in_a_window_that_is_taken_or_says_why(ready, footage):
    summary = encoded(ready, footage)
    rows = windows(ready)
    told = {name: [row["reason_code"] or "taken" for row in rows if row["path"] == name] for name in FILES}
    assert told["a.wav"] == ["taken"] * 3 + ["too_short"]
    assert told["b.flac"] == ["silence_ratio", "taken", "taken"]
    assert told["c.mp3"] == ["taken", "taken", "too_short"]
    assert told["short.ogg"] == ["too_short"]
    assert summary["audio_clips"] == 7 and "7 of 11 windows of audio alone" in summary["text"]
    for name, (_, samples) in FILES.items():
        own = [row for row in rows if row["path"] == name]
        assert own[-1]["end_s"] == pytest.approx(len(samples) / RATE_HZ, abs=0.06)
        for before, after in pairwise(own):
            assert after["start_s"] == pytest.approx(before["end_s"], abs=1e-5)
            assert before["end_s"] - before["start_s"] == pytest.approx(SMALL.audio_samples / SMALL.audio_rate_hz)


def test_a_file_is_in_one_split_whole_by_the_rule_of_cut_and_has_one_origin(ready, footage):
    encoded(ready, footage)
    rows = windows(ready)
    splits = choose_splits({row["source_id"] for row in rows}, 0.3)
    assert {row["split"] for row in rows} == {"train", "validation"}
    assert all(row["split"] == splits[row["source_id"]] for row in rows)
    origin_of = {row["clip_id"]: "a lute" if row["path"] == "c.mp3" else None for row in rows}
    assert all(row["origin"] == origin_of[row["clip_id"]] for row in of_audio(ready))
    split_of = {row["clip_id"]: row["split"] for row in rows}
    assert all(row["split"] == split_of[row["clip_id"]] for row in of_audio(ready))


def test_windows_that_repeat_a_better_ranked_file_are_not_taken_and_a_group_shares_a_split(ready, footage):
    ids = {row["path"]: row["source_id"] for row in read_table(ready.table("sources"), "sources")}
    (clip, *_) = (row for row in read_table(ready.table("clips"), "clips") if row["split"] == "validation")
    shared = [(ids["b.flac"], clip["source_id"], False), (ids["c.mp3"], ids["a.wav"], True)]
    rows = [
        {"source_id": one, "kept_source_id": other, "group_id": other, "is_copy": is_copy, "frames": "none"}
        | {"start_s": 0.0, "end_s": 1.2 * WINDOW_S, "kept_start_s": 1.0}
        for one, other, is_copy in shared
    ]
    write_table(ready.table("near_duplicates"), "near_duplicates", rows)
    encoded(ready, footage)
    told = {name: [row["reason_code"] for row in windows(ready) if row["path"] == name] for name in FILES}
    assert told["c.mp3"] == ["near_duplicate", None, "too_short"]
    reasons = [row["reason"] for row in windows(ready) if row["reason_code"] == "near_duplicate"]
    assert reasons == ["its audio repeats a.wav at 1.0 s, which is kept"]
    split_of = {row["path"]: row["split"] for row in windows(ready)}
    assert split_of["b.flac"] == "validation" and split_of["c.mp3"] == split_of["a.wav"]


def test_latents_and_texts_are_those_of_the_windows(ready, footage):
    encoded(ready, footage)
    codec, data = read_nano_codec(ready.codec), ready.latents(SMALL.name)
    index = of_audio(ready)
    assert [row["clip_id"] for row in index] == [
        row["clip_id"] for row in windows(ready) if row["verdict"] == "accepted"
    ]
    by_id = {row["clip_id"]: row for row in windows(ready)}
    for place in index:
        shard, row = read_shard(data / place["path"]), by_id[place["clip_id"]]
        assert shard.header.clip_ids[place["row"]] == place["clip_id"] and place["phases"] == ["audio"]
        assert all(getattr(shard, name) is None for name in VIDEO_LATENTS)
        pieces = decode(footage / row["path"], audio_rate_hz=SMALL.audio_rate_hz, video=False)
        whole = np.concatenate([piece.samples for piece in pieces])
        start = round((row["start_s"] - windows_start(ready, row)) * SMALL.audio_rate_hz)
        audio = whole[start : start + SMALL.audio_samples].copy()
        levelled = normalise_loudness(audio, SMALL.audio_rate_hz, Params().encode.target_lufs)
        for name, samples in (("audio", audio), ("audio_lufs", levelled)):
            latents = codec.audio.encode(torch.from_numpy(samples)[None])[0]
            torch.testing.assert_close(getattr(shard, name)[place["row"]], latents, rtol=0, atol=1e-5)
        own = "Three notes that tremble." if row["path"] == "c.mp3" else None
        merged = own or audio_caption(row["lufs"], row["speech_share"])
        assert row["merged"] == merged and row["kind"] == ("own" if own else "template")
        texts = {"merged": merged, "merged_with_duration": f"Duration: {WINDOW_S:.2f} s. {merged}", "visual": None}
        for kind, text in texts.items():
            context = shard.contexts.of(place["row"], kind)
            assert (context is None) == (text is None)
            assert text is None or torch.equal(context, NanoTextEncoder().encode(text))


def windows_start(data, row):
    return min(one["start_s"] for one in windows(data) if one["path"] == row["path"])


def test_the_same_bytes_whatever_the_workers_and_after_a_stop(ready, footage):
    folder = ready.latents(SMALL.name)
    encoded(ready, footage, TWO)
    once = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in (of_audio(ready)[0]["path"], AUDIO_CLIPS_FILE, "manifest.json"):
        (folder / name).unlink()
    summary = encoded(ready, footage)
    assert summary["kept_shards"] == summary["shards"] - 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == once


def test_only_the_geometry_of_the_audio_tower_has_them_and_without_footage_there_are_none(ready, footage):
    assert encoded(ready, footage, geometry=LARGE)["audio_clips"] == 0
    assert not (ready.latents(LARGE.name) / AUDIO_CLIPS_FILE).exists()
    encoded(ready, footage)
    encode(params(), SMALL, ready, ONE)
    assert of_audio(ready) == [] and not (ready.latents(SMALL.name) / AUDIO_CLIPS_FILE).exists()


def test_a_file_that_changed_since_ingest_stops_it(ready, footage, tmp_path):
    other = tmp_path / "footage"
    shutil.copytree(footage, other)
    write_audio(other / "a.wav", tone(2.5 * WINDOW_S), "pcm_s16le")
    with pytest.raises(MovaError, match=r"a\.wav of the footage holds other bytes than when `mova ingest` read it"):
        encoded(ready, other)


def test_the_audio_tower_trains_on_them_and_no_joint_phase_does(ready, footage):
    encoded(ready, footage)
    folder, ids = ready.latents(SMALL.name), {row["clip_id"] for row in of_audio(ready)}
    train = params().train.model_copy(update={"audio": params().train.audio.model_copy(update={"batch": 64})})
    audio = AudioBatches(folder, PHASES["audio"], train, seed=0)
    trained = {clip for step in range(2) for clip in drawn(audio, step)}
    assert {row["clip_id"] for row in of_audio(ready) if row["split"] == "train"} <= trained
    part = audio.part(0, MicroBatch(0, 2, torch.device("cpu")))
    assert part.clean.shape == (32, 16, SMALL.audio_latents)
    assert len(list(audio.validation())) > 0
    for split in ("train", "validation"):
        for bucket in buckets_of(folder, "phase1", split, by_canvas=True):
            names = {read_shard(folder / path).header.clip_ids[row] for path, row in places(bucket)}
            assert not names & ids
    JointBatches(folder, PHASES["phase1"], params().train, seed=0).part(0, MicroBatch(0, 2, torch.device("cpu")))


def places(bucket):
    return [(bucket.shards[shard], row) for shard, row in zip(bucket.shard_of_N, bucket.row_of_N, strict=True)]


def drawn(batches, step):
    number, clips, _ = batches._sample_step(step)
    found = places(batches._buckets[number])
    return [read_shard(batches.reader._folder / found[clip][0]).header.clip_ids[found[clip][1]] for clip in clips]
