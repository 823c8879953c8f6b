"""A shard gives back what was written, and a reader trusts only files whose checksum the manifest holds."""

from dataclasses import replace

import pytest
import torch

from mova_core.curation.encode.latent_shards import LATENTS, LatentShard, TextContexts, read_shard, write_shard
from mova_core.curation.encode.latents_file import FileHeader, check_file, finished_files, shard_name
from mova_core.curation.encode.latents_manifest import INDEX_FILE, read_latents_manifest, write_latents_manifest
from mova_core.errors import MovaError, ShapeError, StaleError, UsageError
from mova_core.storage.manifest import MANIFEST_FILE

MADE_FROM = {"geometry": "nano-32", "codec": "c0dec", "text_encoder": "7ext", "params": "9a"}
HEADER = FileHeader(**MADE_FROM, fingerprint="f1", clip_ids=("a", "b", "c"))
TEXTS = [
    ("red", None, "knock", "red knock", None, "red knock"),
    ("red", None, None, "red", "knock", "red"),
    (None,) * 6,
]


@pytest.fixture
def shard():
    generator = torch.Generator().manual_seed(0)
    audio = torch.randn(3, 16, 5, generator=generator)
    words = {"red": torch.ones(2, 4), "knock": torch.ones(3, 4) * 2, "red knock": torch.ones(1, 4) * 3}
    contexts = TextContexts.gather(TEXTS, words, width=4)
    video = torch.randn(3, 16, 3, 4, 4, generator=generator)
    return LatentShard(HEADER, video, video / 2, video[:, :, -1:] / 3, audio, audio * 2, contexts)


@pytest.fixture
def folder(shard, tmp_path):
    write_shard(tmp_path / shard_name(0), shard)
    (tmp_path / INDEX_FILE).write_bytes(b"index")
    write_latents_manifest(tmp_path, [shard_name(0)], MADE_FROM)
    return tmp_path


def test_a_shard_comes_back_as_it_was_written(folder, shard):
    read = read_shard(folder / shard_name(0))
    assert read.header == shard.header and len(read) == 3
    for name in LATENTS:
        assert torch.equal(getattr(read, name), getattr(shard, name))
    assert torch.equal(read.contexts.flat, shard.contexts.flat)


def test_each_different_text_is_stored_once(shard):
    assert shard.contexts.index.tolist() == [[0, -1, 1, 2, -1, 2], [0, -1, -1, 0, 1, 0], [-1] * 6]
    assert shard.contexts.offsets.tolist() == [0, 2, 5, 6]
    assert torch.equal(shard.contexts.of(0, "sound"), torch.ones(3, 4) * 2)
    assert torch.equal(shard.contexts.of(1, "merged"), shard.contexts.of(0, "visual"))
    assert shard.contexts.of(0, "speech") is shard.contexts.of(0, "merged_with_duration") is None


def test_a_shard_without_any_text_can_be_written(shard, tmp_path):
    nothing = TextContexts.gather([(None,) * 6] * 3, {}, width=4)
    write_shard(tmp_path / "empty.safetensors", replace(shard, contexts=nothing))
    assert nothing.flat.shape == (0, 4) and nothing.of(2, "merged") is None


def test_the_same_shard_gives_the_same_bytes(folder, shard, tmp_path):
    for _ in range(5):
        write_shard(tmp_path / "again", shard)
        assert (tmp_path / "again").read_bytes() == (folder / shard_name(0)).read_bytes()


def test_nan_is_refused_with_the_clip_that_has_it(shard):
    broken = shard.audio.clone()
    broken[1, 0, 0] = float("nan")
    with pytest.raises(MovaError, match="audio latents of clip b"):
        replace(shard, audio=broken).check_finite()


def test_rows_must_be_the_clips(shard):
    with pytest.raises(ShapeError, match="video has 2 rows, the shard has 3"):
        replace(shard, video=shard.video[:2])


def test_a_file_that_is_not_the_one_of_the_manifest_is_refused(folder, shard):
    path = folder / shard_name(0)
    write_shard(folder / shard_name(1), shard)
    manifest = read_latents_manifest(folder)
    with pytest.raises(StaleError, match="is not in the manifest"):
        check_file(folder / shard_name(1), manifest)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(StaleError, match="has sha256"):
        check_file(path, manifest)


def test_a_shard_of_another_codec_than_its_folder_is_refused(folder, shard):
    write_shard(folder / shard_name(0), replace(shard, header=replace(HEADER, codec="other")))
    write_latents_manifest(folder, [shard_name(0)], MADE_FROM)
    with pytest.raises(StaleError, match="codec other"):
        check_file(folder / shard_name(0), read_latents_manifest(folder))


def test_an_unfinished_folder_is_refused(folder):
    (folder / MANIFEST_FILE).unlink()
    with pytest.raises(UsageError, match="not finished"):
        read_latents_manifest(folder)


@pytest.mark.parametrize("text", ["{", '{"schema": "latents/0"}'])
def test_a_manifest_of_another_kind_is_refused(folder, text):
    (folder / MANIFEST_FILE).write_text(text)
    with pytest.raises(StaleError, match="mova encode"):
        read_latents_manifest(folder)


def test_finished_are_whole_shards_of_the_wanted_fingerprint(folder, shard):
    wanted = {shard_name(0): "f1", shard_name(1): "f1"}
    assert finished_files(folder, wanted) == {shard_name(0)}
    assert finished_files(folder, {shard_name(0): "f2"}) == set()
    damaged = bytearray((folder / shard_name(0)).read_bytes())
    damaged[-1] ^= 1
    (folder / shard_name(0)).write_bytes(damaged)
    assert finished_files(folder, wanted) == set()
    (folder / shard_name(0)).write_bytes(damaged[:100])
    assert finished_files(folder, wanted) == set()
