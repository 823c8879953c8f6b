"""The index as columns: the clips of a phase and split, grouped by shape and shard."""

from mova_core.curation.encode.latents_manifest import INDEX_FILE
from mova_core.curation.tables import read_table, write_table
from mova_core.training.data.index import buckets_of, clip_counts, clip_ids


def test_the_clips_of_a_phase_and_split(latents):
    folder = latents([("landscape", 3), ("portrait", 2)]).folder
    rows = read_table(folder / INDEX_FILE, "latents")
    write_table(
        folder / INDEX_FILE, "latents", [row | {"phases": ["audio"] if row["row"] == 0 else []} for row in rows]
    )
    assert clip_counts(folder, "audio") == {"train": 2}
    assert clip_counts(folder, "phase1") == {}
    assert clip_ids(folder, "audio", "train") == ["0-0", "1-0"]


def test_a_bucket_for_each_canvas_or_one_for_all(latents):
    folder = latents([("landscape", 3), ("landscape", 4), ("portrait", 2)]).folder
    wide, tall = buckets_of(folder, "phase1", "train", by_canvas=True)
    assert (wide.shards, wide.shard_sizes.tolist()) == (
        ("latents-00000.safetensors", "latents-00001.safetensors"),
        [2, 3],
    )
    assert (tall.shards, tall.row_of_N.tolist()) == (("latents-00002.safetensors",), [0])
    (everything,) = buckets_of(folder, "audio", "train", by_canvas=False)
    assert everything.shard_sizes.tolist() == [2, 3, 1]


def test_the_clips_of_a_shard_follow_each_other_however_the_index_is_sorted(latents):
    folder = latents([("square", 3), ("square", 3)]).folder
    rows = read_table(folder / INDEX_FILE, "latents")
    write_table(folder / INDEX_FILE, "latents", sorted(rows, key=lambda row: (row["row"], row["path"])))
    (bucket,) = buckets_of(folder, "phase1", "train", by_canvas=True)
    assert bucket.shard_of_N.tolist() == [0, 0, 1, 1] and bucket.row_of_N.tolist() == [0, 1, 0, 1]
