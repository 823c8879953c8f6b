"""Each expectation of `latents` can fail: the index, the shards, and both against clips and verdicts."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from safetensors.numpy import save_file

from mova_core.curation.encode.latents_file import METADATA_KEY, FileHeader, shard_name
from mova_core.curation.encode.latents_manifest import INDEX_FILE, write_latents_manifest
from mova_core.curation.tables import write_table
from mova_core.params import Params

CHANNELS = 2
ONCE = "every accepted clip is encoded once for each geometry"
CLIP = "every latent is of an accepted clip"
PLACE = "every latent lies in the shard and row that the index says"
SPLIT = "split and orientation are those of the clip for every latent"
PHASES = "phases are those of the verdict for every latent"
ORIGIN = "origin is what the sidecar of its file states for every latent"
FILES = "every file of latents is the one that its manifest names"
HEADER = "every shard is whole and made for its geometry"
CODEC = "one codec made all shards"
TEXT = "one text encoder made all shards"
ROWS = "every shard has a row for each of its clips"
NUMBERS = "no NaN or infinity in up to 8 rows of every shard"
SHAPES = {
    "shape video is 9x4x4 for every nano-32 shard",
    "shape video is 9x6x6 for every nano-48 shard",
    "shape condition is 9x4x4 for every nano-32 shard",
    "shape condition is 9x6x6 for every nano-48 shard",
    "shape condition last is 1x4x4 for every nano-32 shard",
    "shape condition last is 1x6x6 for every nano-48 shard",
    "shape audio is 104 for every nano-32 shard",
    "shape audio is 104 for every nano-48 shard",
    "shape audio lufs is 104 for every nano-32 shard",
    "shape audio lufs is 104 for every nano-48 shard",
}
ALONE = {  # broken in test_latents_of_audio_alone.py
    "every window is fully described",
    "every window is of an accepted file of audio alone",
    "only a rejected window has a reason",
    "every window ends after it starts",
    "no two windows share a clip id",
    "every accepted file of audio alone has windows or a reason",
}
EMPTY = {"there is at least one latent", "there is at least one latent to train on", ONCE}


class Latents:
    """One shard a geometry, in which every clip of the world that was accepted has its row."""

    def __init__(self, world):
        accepted = [row["clip_id"] for row in world.rows["verdicts"] if row["verdict"] == "accepted"]
        clip_of = {row["clip_id"]: row for row in world.rows["clips"]}
        self.index, self.headers, self.tensors = {}, {}, {}
        for geometry in Params().geometries:
            name, canvas = geometry.name, geometry.canvases[0]
            self.index[name] = [
                {"clip_id": clip_id, "path": shard_name(0), "row": row, "phases": ["audio", "phase1"]}
                | {key: clip_of[clip_id][key] for key in ("orientation", "split")}
                for row, clip_id in enumerate(accepted)
            ]
            self.headers[name] = asdict(FileHeader(name, "made", "codec", "encoder", "params", tuple(accepted)))
            sizes = {
                "video": (geometry.latent_frames, canvas.latent_height, canvas.latent_width),
                "condition": (geometry.latent_frames, canvas.latent_height, canvas.latent_width),
                "condition_last": (1, canvas.latent_height, canvas.latent_width),
                "audio": (geometry.audio_latents,),
                "audio_lufs": (geometry.audio_latents,),
            }
            self.tensors[name] = {
                key: np.zeros((len(accepted), CHANNELS, *size), np.float32) for key, size in sizes.items()
            }

    def write(self, data):
        for name, tensors in self.tensors.items():
            folder = data.latents(name)
            folder.mkdir(parents=True, exist_ok=True)
            save_file(tensors, folder / shard_name(0), {METADATA_KEY: json.dumps(self.headers[name])})
            write_table(folder / INDEX_FILE, "latents", self.index[name])
            inputs = {key: self.headers[name][key] for key in ("geometry", "codec", "text_encoder", "params")}
            write_latents_manifest(folder, [shard_name(0)], inputs)


@pytest.fixture
def latents(world, data):
    return Latents(world)


@pytest.fixture
def told(latents, data, failing):
    """Write, spoil the files, judge."""

    def of(spoil_files=lambda: None):
        latents.write(data)
        spoil_files()
        return failing("latents")

    return of


ROWS_SPOILED = [
    ({"split": "validation"}, {SPLIT}),
    ({"orientation": "portrait"}, {SPLIT}),
    ({"split": "test"}, {SPLIT, "split is train or validation for every latent"}),
    ({"orientation": "round"}, {SPLIT, "orientation is landscape, portrait or square for every latent"}),
    ({"phases": ["audio"]}, {PHASES}),
    ({"origin": "elsewhere"}, {ORIGIN}),
    ({"path": "latents-00007.safetensors"}, {PLACE}),
    ({"row": 1}, {PLACE, "no two latents share a place"}),
    ({"row": -1}, {PLACE, "row at least 0 for every latent"}),
    ({"clip_id": "0" * 16}, {CLIP, PLACE, ONCE}),
    ({"clip_id": None}, {CLIP, PLACE, ONCE, "every latent is fully described"}),
]
HEADERS_SPOILED = [
    ({"codec": "another"}, {CODEC}),
    ({"text_encoder": "another"}, {TEXT}),
    ({"geometry": "nano-32"}, {HEADER, PLACE}),
    ({"schema": "latents/0"}, {HEADER, PLACE}),
]


def test_good_latents_hold(told):
    assert told() == set()


def test_a_spoiled_row_of_the_index_is_told(world_of, data, told_of):
    world = world_of(len(ROWS_SPOILED) + 1)
    latents = Latents(world)
    rows = latents.index["nano-32"][::2]
    ids = []
    for row, (values, _) in zip(rows, ROWS_SPOILED, strict=True):
        ids.append({f"nano-32/{state['clip_id']}" for state in (row, row | values)})
        row |= values
    latents.write(data)
    assert told_of("latents", world, data, ids) == [broken for _, broken in ROWS_SPOILED]


@pytest.mark.parametrize(("values", "broken"), HEADERS_SPOILED)
def test_a_spoiled_header_is_told(latents, told, values, broken):
    latents.headers["nano-48"] |= values
    assert told() == broken


def test_wrong_shapes_are_told_of_each_tensor_and_geometry(latents, told):
    for tensors in latents.tensors.values():
        for name, tensor in tensors.items():
            tensors[name] = np.ascontiguousarray(tensor[..., 1:])
    assert told() == SHAPES


def test_a_missing_row_is_told(latents, told):
    latents.tensors["nano-32"]["audio"] = latents.tensors["nano-32"]["audio"][1:]
    assert told() == {ROWS}


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_number_that_is_none_is_told(latents, told, number):
    latents.tensors["nano-48"]["audio_lufs"][1, 0, 3] = number
    assert told() == {NUMBERS}


def test_a_changed_shard_is_told(data, told):
    def touch():
        path = data.latents("nano-48") / shard_name(0)
        path.write_bytes(path.read_bytes()[:-1])

    assert told(touch) == {FILES, HEADER, PLACE}


def test_a_lost_shard_is_told(data, told):
    assert told((data.latents("nano-48") / shard_name(0)).unlink) == {FILES, HEADER, PLACE}


def test_a_lost_clip_is_named(latents, data, judged):
    lost = latents.index["nano-32"].pop()
    latents.write(data)
    (finding,) = judged("latents").broken
    assert (finding.sentence, [row.id for row in finding.failing]) == (ONCE, [f"nano-32/{lost['clip_id']}"])


def test_no_latents_are_broken(latents, told):
    latents.index = {name: [] for name in latents.index}
    assert told() == EMPTY


def test_every_expectation_can_fail(latents, data, sentences):
    latents.write(data)
    spoiled = set.union(*(broken for _, broken in ROWS_SPOILED + HEADERS_SPOILED), EMPTY)
    assert sentences("latents") <= spoiled | SHAPES | {ROWS, NUMBERS, FILES} | ALONE
