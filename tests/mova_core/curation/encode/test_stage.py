"""Latents of accepted clips: the same bytes whatever the workers, finished shards kept, stale ones made again."""

import shutil

import pytest
import torch

from mova_core.curation.encode.accepted_clips import accepted_clips, load_clip, scaled_down
from mova_core.curation.encode.folder_constants import CONSTANTS_FILE, FolderConstants
from mova_core.curation.encode.latent_shards import read_shard
from mova_core.curation.encode.latents_manifest import read_latents_manifest
from mova_core.curation.encode.stage import encode
from mova_core.curation.engine.base import Engine
from mova_core.curation.fit_codec.stage import fit_codec
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.geometry import GEOMETRIES, ClipGeometry
from mova_core.media.audio.loudness import integrated_lufs
from mova_core.model.condition import known_frames, white_image
from mova_core.model.nano_folder import read_nano_codec
from mova_core.model.pixels import to_unit_range
from mova_core.model.text.nano_encoder import NanoTextEncoder
from mova_core.model.text.nano_text import NanoText
from mova_core.params import params_from
from mova_core.storage.manifest import MANIFEST_FILE

PARAMS = params_from({"encode": {"clips_per_shard": 8}})
LARGE, SMALL = GEOMETRIES["nano-48"], GEOMETRIES["nano-32"]
ONE, TWO = Engine(workers=1), Engine(workers=2)


@pytest.fixture
def ready(curated, codec_once):
    """Curated clips with a codec."""
    shutil.copytree(codec_once, curated.codec)
    return curated


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def stamps(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}


def test_every_accepted_clip_is_encoded_in_order_and_the_index_finds_it(ready):
    summary = encode(PARAMS, LARGE, ready, TWO)
    index = read_table(ready.latents("nano-48") / "index.parquet", "latents")
    accepted = accepted_clips(ready)
    assert (summary["clips"], summary["shards"], summary["kept_shards"]) == (20, 3, 0)
    assert [row["clip_id"] for row in index] == [clip["clip_id"] for clip in accepted]
    assert [row["split"] for row in index] == [clip["split"] for clip in accepted]
    for row in index:
        shard = read_shard(ready.latents("nano-48") / row["path"])
        assert shard.header.clip_ids[row["row"]] == row["clip_id"]
        assert shard.header.codec == summary["codec"] == read_nano_codec(ready.codec).fingerprint


@pytest.mark.parametrize("geometry", [SMALL, LARGE], ids=lambda geometry: geometry.name)
def test_latents_decode_to_the_clip(ready, geometry):
    encode(PARAMS, geometry, ready, ONE)
    shard = read_shard(ready.latents(geometry.name) / "latents-00001.safetensors")
    clip = accepted_clips(ready)[8 + 3]
    frames, audio = load_clip(ready.clips, clip, geometry)
    codec, canvas = read_nano_codec(ready.codec), geometry.canvases[0]
    assert shard.video.shape == (8, 16, geometry.latent_frames, canvas.latent_height, canvas.latent_width)
    assert shard.audio.shape == (8, 16, geometry.audio_latents)

    video = to_unit_range(torch.from_numpy(scaled_down(frames, canvas)))[None]
    torch.testing.assert_close(shard.video[3:4], codec.video.encode(video), rtol=0, atol=1e-4)
    decoded = codec.audio.decode(shard.audio[3:4], audio.size)[0]
    assert (decoded - torch.from_numpy(audio)).square().mean() < 0.1 * decoded.square().mean()
    levelled = codec.audio.decode(shard.audio_lufs[3:4], audio.size)[0].numpy()
    assert integrated_lufs(levelled, geometry.audio_rate_hz) == pytest.approx(PARAMS.encode.target_lufs, abs=0.5)


def test_a_condition_is_what_the_sampler_makes_of_the_first_frame(ready):
    """The clip's own first latent, bit for bit, and grey ones after it, as after the white image."""
    encode(PARAMS, SMALL, ready, ONE)
    shard = read_shard(ready.latents("nano-32") / "latents-00000.safetensors")
    constants = FolderConstants.read(ready.latents("nano-32"))
    canvas, codec = SMALL.canvases[0], read_nano_codec(ready.codec).video
    image = torch.from_numpy(white_image(canvas.height_px, canvas.width_px))
    (white,) = codec.encode(known_frames(to_unit_range(image[None])[None][:, :, 0], SMALL.frames))
    assert torch.equal(constants.white(canvas.latent_height, canvas.latent_width), white)
    assert torch.equal(shard.condition[:, :, :1], shard.video[:, :, :1])
    assert torch.equal(shard.condition[:, :, 1:], white[None, :, 1:].expand_as(shard.condition[:, :, 1:]))
    clip = accepted_clips(ready)[0]
    frames, _ = load_clip(ready.clips, clip, SMALL)
    pixels = to_unit_range(torch.from_numpy(scaled_down(frames, canvas)))[None]
    both = codec.encode(known_frames(pixels[:, :, 0], SMALL.frames, pixels[:, :, -1]))
    assert torch.equal(torch.cat([shard.condition[:1, :, :-1], shard.condition_last[:1]], dim=2), both)
    assert torch.equal(constants.empty_context, NanoText().encode([""])[0])


def test_contexts_are_those_of_the_captions(ready):
    encode(PARAMS, SMALL, ready, ONE)
    shard = read_shard(ready.latents("nano-32") / "latents-00000.safetensors")
    captions = read_table(ready.table("captions"), "captions")
    for row in range(len(shard)):
        for kind in ("visual", "speech", "sound", "merged"):
            text, context = captions[row][kind], shard.contexts.of(row, kind)
            assert (context is None) == (text is None)
            assert text is None or torch.equal(context, NanoTextEncoder().encode(text))
    texts = {row[kind] for row in captions for kind in ("visual", "merged")}
    assert len(shard.contexts.offsets) - 1 == len(texts) + 1 + len({row["merged"] for row in captions})


def test_phases_have_contexts_of_their_own(ready):
    """The audio tower alone is told the duration; phase 2 is told of missing subtitles, where they were looked for."""
    verdicts = read_table(ready.table("verdicts"), "verdicts")
    looked_for = {row["clip_id"]: (False, True, None)[number % 3] for number, row in enumerate(verdicts)}
    rows = [row | {"has_subtitles": looked_for[row["clip_id"]]} for row in verdicts]
    write_table(ready.table("verdicts"), "verdicts", rows)
    encode(PARAMS, SMALL, ready, ONE)
    shard = read_shard(ready.latents("nano-32") / "latents-00000.safetensors")
    merged = {row["clip_id"]: row["merged"] for row in read_table(ready.table("captions"), "captions")}
    for row, clip_id in enumerate(shard.header.clip_ids):
        text = merged[clip_id]
        assert "subtitles" not in text
        suffix = " This video has no subtitles." if looked_for[clip_id] is False else ""
        for kind, expected in (
            ("merged", text),
            ("merged_with_duration", f"Duration: 2.06 s. {text}"),
            ("merged_without_subtitles", text + suffix),
        ):
            assert torch.equal(shard.contexts.of(row, kind), NanoTextEncoder().encode(expected)), kind


def test_the_same_bytes_whatever_the_workers(ready):
    encode(PARAMS, SMALL, ready, ONE)
    once = files(ready.latents("nano-32"))
    shutil.rmtree(ready.latents("nano-32"))
    encode(PARAMS, SMALL, ready, TWO)
    assert files(ready.latents("nano-32")) == once and len(once) == 6


def test_a_run_goes_on_from_its_finished_shards_and_ends_in_the_same_bytes(ready):
    folder = ready.latents("nano-32")
    encode(PARAMS, SMALL, ready, TWO)
    once, before = files(folder), stamps(folder)
    (folder / MANIFEST_FILE).unlink()  # what a killed run leaves: finished shards, a half-written one, no manifest
    (folder / "latents-00002.safetensors").unlink()
    (folder / ".tmp-0123.safetensors").write_bytes(b"half")
    (folder / "latents-00007.safetensors").write_bytes(b"of a longer run before")
    assert encode(PARAMS, SMALL, ready, TWO)["kept_shards"] == 2
    assert files(folder) == once
    after = stamps(folder)
    assert [name for name in before if before[name] != after[name]] == ["latents-00002.safetensors"]
    (folder / CONSTANTS_FILE).unlink()
    assert encode(PARAMS, SMALL, ready, ONE)["kept_shards"] == 3 and files(folder) == once


def test_a_damaged_shard_is_made_again(ready):
    folder = ready.latents("nano-32")
    encode(PARAMS, SMALL, ready, ONE)
    once = files(folder)
    path = folder / "latents-00000.safetensors"
    path.write_bytes(once[path.name][:-1] + bytes([once[path.name][-1] ^ 1]))
    assert encode(PARAMS, SMALL, ready, ONE)["kept_shards"] == 2
    assert files(folder) == once


def test_what_a_shard_was_made_from_decides_whether_it_is_kept(ready):
    encode(PARAMS, SMALL, ready, ONE)
    captions = read_table(ready.table("captions"), "captions")
    write_table(ready.table("captions"), "captions", [captions[0] | {"visual": "Else."}, *captions[1:]])
    assert encode(PARAMS, SMALL, ready, ONE)["kept_shards"] == 2
    louder = params_from({"encode": {"target_lufs": -14, "clips_per_shard": 8}})
    assert encode(louder, SMALL, ready, ONE)["kept_shards"] == 0


def test_latents_of_another_codec_are_all_made_again(ready):
    before = encode(PARAMS, SMALL, ready, ONE)["codec"]
    fit_codec(params_from({"seed": 9, "fit_codec": {"clips": 16}}), ready)
    summary = encode(PARAMS, SMALL, ready, ONE)
    assert summary["kept_shards"] == 0
    assert summary["codec"] == read_latents_manifest(ready.latents("nano-32")).codec != before


def test_a_clip_that_cannot_be_read_stops_it_and_names_the_clip(ready):
    clip = accepted_clips(ready)[0]
    (ready.clips / clip["path"]).unlink()
    with pytest.raises(MovaError, match=f"latents-00000.*{clip['clip_id']}.*mova cut"):
        encode(PARAMS, SMALL, ready, ONE)
    assert not (ready.latents("nano-32") / MANIFEST_FILE).exists()


def test_a_missing_codec_or_caption_is_said(ready):
    rows = read_table(ready.table("captions"), "captions")
    write_table(ready.table("captions"), "captions", rows[1:])
    with pytest.raises(StaleError, match="mova caption"):
        encode(PARAMS, SMALL, ready, ONE)
    write_table(ready.table("captions"), "captions", rows)
    shutil.rmtree(ready.codec)
    with pytest.raises(UsageError, match="mova fit_codec"):
        encode(PARAMS, SMALL, ready, ONE)


def test_geometries_that_cannot_be_encoded_are_refused(ready):
    with pytest.raises(UsageError, match="preset nano trains on nano-32, nano-48"):
        encode(PARAMS, GEOMETRIES["mova-360p"], ready, ONE)
    with pytest.raises(UsageError, match="released Wan VAE"):
        encode(params_from({"preset": "mova-360p"}), GEOMETRIES["mova-360p"], ready, ONE)


def test_a_larger_frame_is_the_mean_of_its_area():
    frames = torch.arange(16, dtype=torch.uint8).reshape(1, 4, 4, 1).expand(1, 4, 4, 3).numpy() * 10
    canvas = ClipGeometry("half", 1, 1, SMALL.canvases, 16_000, 320, 4).canvases[0]
    wide = frames.repeat(16, 1).repeat(16, 2)
    assert (scaled_down(wide, canvas) == frames.repeat(8, 1).repeat(8, 2)).all()
