"""Rows are read from few open shards at a time; a shard or a clip that cannot be trained on is named."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from mova_core.curation.encode.latents_file import shard_name
from mova_core.errors import MovaError, ShapeError, StaleError
from mova_core.training.data.clips import ClipReader
from mova_core.training.data.index import buckets_of

ALL = torch.tensor([True] * 5)
HALF = torch.full((5,), 0.5)


def opened(latents, shards, keep=2):
    written = latents(shards)
    (bucket,) = buckets_of(written.folder, "phase1", "train", by_canvas=True)
    return written, ClipReader(written.folder, keep), bucket


def test_rows_are_those_of_the_shards_and_few_shards_are_open(latents):
    written, reader, bucket = opened(latents, [("square", 3)] * 4)
    clips = [7, 0, 5, 2, 1, 6]
    for name in ("video", "condition", "audio", "audio_lufs"):
        rows = [getattr(written.shards[bucket.shard_of_N[clip]], name)[bucket.row_of_N[clip]] for clip in clips]
        assert torch.equal(reader.latents(name, bucket, clips), torch.stack(rows))
        assert len(reader._open) == 2


def test_a_shard_is_compared_with_the_manifest_once(latents, monkeypatch):
    _, reader, bucket = opened(latents, [("square", 3)] * 4, keep=1)
    checked = []
    monkeypatch.setattr("mova_core.training.data.clips.check_file", lambda path, manifest: checked.append(path.name))
    for _ in range(3):
        reader.latents("audio", bucket, range(8))
    assert Counter(checked) == {shard_name(number): 1 for number in range(4)}


def test_an_altered_or_empty_shard_is_named(latents):
    written, _, bucket = opened(latents, [("square", 3)] * 2)
    path = written.folder / shard_name(1)
    good = path.read_bytes()
    for data, words in (
        (good[:-1] + bytes([good[-1] ^ 1]), "latents-00001.* has sha256"),
        (b"", "00001.* has 0 bytes"),
    ):
        path.write_bytes(data)
        with pytest.raises(StaleError, match=f"{words}.*mova encode"):
            ClipReader(written.folder, 2).latents("video", bucket, [0, 2])


def test_a_shard_of_another_codec_is_named(latents):
    written, _, bucket = opened(latents, [("square", 3)] * 2)
    shard = written.shards[1]
    written.write(1, replace(shard, header=replace(shard.header, codec="other")))
    with pytest.raises(StaleError, match=r"00001.safetensors has codec other"):
        ClipReader(written.folder, 2).latents("video", bucket, [2])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_clip_that_is_not_finite_is_named_with_its_shard(latents, value):
    written, _, bucket = opened(latents, [("square", 3)] * 2)
    written.shards[1].condition[1, 0, 2, 0, 1] = value
    written.write(1, written.shards[1])
    reader = ClipReader(written.folder, 2)
    reader.latents("video", bucket, range(4))
    with pytest.raises(MovaError, match=r"00001.safetensors: condition latents of clip 1-1 hold NaN or infinity"):
        reader.latents("condition", bucket, range(4))


def test_a_clip_of_another_shape_is_named(latents):
    written, _, bucket = opened(latents, [("square", 3)] * 2)
    written.write(1, replace(written.shards[1], audio=written.shards[1].audio[..., 1:].clone()))
    with pytest.raises(ShapeError, match=r"00001.* of clip 1-0 are \(2, 4\), those of latents-00000.* \(2, 5\)"):
        ClipReader(written.folder, 2).latents("audio", bucket, range(4))


def test_each_different_text_is_padded_once_and_the_empty_one_takes_its_place(latents):
    _, reader, bucket = opened(latents, [("square", 4)])
    clips, kept = [0, 1, 2, 0, 1], torch.tensor([True, True, True, False, True])
    context = reader.context(bucket, clips, [{"merged": 1.0}] * len(clips), kept, HALF)
    assert context.of_B.tolist() == [0, 1, 2, 2, 1]  # the third clip has no caption, the fourth sample drops its text
    empty, (long, short, none) = reader.constants.empty_context, context.contexts
    assert torch.equal(none, empty) and len(long) == len(short) == len(empty)
    assert short[:, 0].tolist() == [1, 1, 0, 0, 0, 0]
    assert long[:, 0].tolist() == [3] * 6  # of nine positions the first five and the last


def test_of_the_kinds_that_a_clip_has_one_is_taken_by_weight(latents):
    _, reader, bucket = opened(latents, [("square", 4)])
    kinds = {"merged": 1.0, "sound": 3.0, "speech": 4.0}
    levels = torch.tensor([0.2, 0.3, 0.9, 0.2, 0.9])
    context = reader.context(bucket, [0, 0, 0, 1, 1], [kinds] * 5, ALL, levels)
    assert context.contexts[context.of_B][:, 0, 0].tolist() == [3, 2, 2, 1, 1]
