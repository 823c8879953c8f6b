"""Each expectation about windows of audio alone can fail: their table, their shards, and both against the sources."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from safetensors.numpy import save_file

from mova_core.curation.encode.latents_file import METADATA_KEY, FileHeader, shard_name
from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE, INDEX_FILE, write_latents_manifest
from mova_core.curation.tables import write_table
from mova_core.params import Params
from tests.data_contracts.tables.test_latents import CHANNELS, CLIP, ONCE, ORIGIN, PHASES, PLACE, ROWS, SPLIT

SMALL, LARGE = (geometry.name for geometry in Params().geometries)
STATED = "every window is fully described"
FILE = "every window is of an accepted file of audio alone"
REASON = "only a rejected window has a reason"
LENGTH = "every window ends after it starts"
UNIQUE = "no two windows share a clip id"
FILES = "every accepted file of audio alone has windows or a reason"


class Latents:
    """The world's clips in shard 0 of each geometry, and in shard 1 of the smaller one windows of a file of audio."""

    def __init__(self, world):
        song = world.rows["sources"][0] | {"source_id": "5" * 64, "path": "song.wav", "kind": "audio"}
        world.rows["sources"].insert(0, song)
        measured = {"silence_ratio": 0.1, "bandwidth_hz": 5000.0, "lufs": -20.0, "clipped_share": 0.0}
        taken = measured | {"merged": "Loud sound.", "kind": "template", "verdict": "accepted"}
        short = {"verdict": "rejected", "reason_code": "too_short", "reason": "it is short"}
        self.windows = [
            {"clip_id": f"{number:016x}", "source_id": song["source_id"], "split": "train"}
            | {"start_s": 2.0 * number, "end_s": 2.0 * number + 2}
            | (taken if number < 2 else short)
            for number in range(3)
        ]
        accepted = [row["clip_id"] for row in world.rows["verdicts"] if row["verdict"] == "accepted"]
        clip_of = {row["clip_id"]: row for row in world.rows["clips"]}
        self.index = {
            name: [
                {"clip_id": clip_id, "path": shard_name(0), "row": row, "phases": ["audio", "phase1"]}
                | {key: clip_of[clip_id][key] for key in ("orientation", "split")}
                for row, clip_id in enumerate(accepted)
            ]
            for name in (SMALL, LARGE)
        }
        alone = [window["clip_id"] for window in self.windows[:2]]
        self.index[SMALL] += [
            {"clip_id": clip_id, "path": shard_name(1), "row": row, "phases": ["audio"]}
            | {"orientation": None, "split": "train"}
            for row, clip_id in enumerate(alone)
        ]
        self.ids = {(SMALL, 0): accepted, (LARGE, 0): accepted, (SMALL, 1): alone}
        self.tensors = {}
        for geometry in Params().geometries:
            canvas = geometry.canvases[0]
            rows, columns = canvas.latent_height, canvas.latent_width
            shapes = {"video": (geometry.latent_frames, rows, columns), "condition_last": (1, rows, columns)}
            shapes["condition"] = shapes["video"]
            self.tensors[geometry.name, 0] = self._zeros(len(accepted), shapes | self._audio(geometry))
        self.tensors[SMALL, 1] = self._zeros(len(alone), self._audio(Params().geometries[0]))

    @staticmethod
    def _audio(geometry):
        return dict.fromkeys(("audio", "audio_lufs"), (geometry.audio_latents,))

    @staticmethod
    def _zeros(clips, shapes):
        return {name: np.zeros((clips, CHANNELS, *shape), np.float32) for name, shape in shapes.items()}

    def write(self, data):
        for name in (SMALL, LARGE):
            folder, numbers = data.latents(name), [number for each, number in self.tensors if each == name]
            folder.mkdir(parents=True, exist_ok=True)
            for number in numbers:
                header = asdict(FileHeader(name, "made", "codec", "encoder", "params", tuple(self.ids[name, number])))
                save_file(self.tensors[name, number], folder / shard_name(number), {METADATA_KEY: json.dumps(header)})
            write_table(folder / INDEX_FILE, "latents", self.index[name])
            names = [*map(shard_name, sorted(numbers))]
            if name == SMALL:
                write_table(folder / AUDIO_CLIPS_FILE, "audio_clips", self.windows)
                names.append(AUDIO_CLIPS_FILE)
            inputs = {key: header[key] for key in ("geometry", "codec", "text_encoder", "params")}
            write_latents_manifest(folder, names, inputs)


@pytest.fixture
def latents(world):
    return Latents(world)


@pytest.fixture
def told(latents, data, failing):
    def of():
        latents.write(data)
        return failing("latents")

    return of


def test_windows_beside_clips_hold(told):
    assert told() == set()


SPOILED = [
    ({"merged": None}, {STATED}),
    ({"merged": " "}, {STATED}),
    ({"source_id": None}, {STATED, FILE, FILES}),
    ({"reason_code": "odd", "reason": "it is odd"}, {REASON}),
    ({"end_s": -1.0}, {LENGTH}),
    ({"clip_id": "f" * 16}, {CLIP, ONCE}),
    ({"clip_id": f"{1:016x}"}, {UNIQUE, CLIP}),
    ({"verdict": "rejected", "reason_code": "odd", "reason": "it is odd"}, {CLIP}),
    ({"split": "validation"}, {SPLIT}),
    ({"lufs": -900.0}, {"lufs from -150 to 30 for every window"}),
]


@pytest.mark.parametrize(("values", "broken"), SPOILED)
def test_a_spoiled_window_is_told(latents, told, values, broken):
    rows = latents.windows if FILES in broken else latents.windows[:1]
    for row in rows:
        row |= values
    assert told() >= broken


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({"phases": ["audio", "phase1"]}, {PHASES}),
        ({"orientation": "square"}, {PLACE, SPLIT}),
        ({"origin": "elsewhere"}, {ORIGIN}),
        ({"path": shard_name(0), "row": 0}, {PLACE}),
    ],
)
def test_a_spoiled_row_of_the_index_is_told(latents, told, values, broken):
    latents.index[SMALL][-2] |= values
    assert broken <= told() <= broken | {"no two latents share a place"}


def test_a_clip_whose_shard_has_no_video_is_told(latents, told):
    for name in ("video", "condition", "condition_last"):
        del latents.tensors[SMALL, 0][name]
    assert told() == {PLACE}


def test_a_shard_that_lacks_one_of_its_latents_is_told(latents, told):
    del latents.tensors[SMALL, 0]["condition"], latents.tensors[SMALL, 1]["audio_lufs"]
    assert told() == {ROWS}


def test_a_file_without_any_window_is_told(latents, told, world):
    world.rows["sources"].insert(0, world.rows["sources"][0] | {"source_id": "6" * 64, "path": "other.wav"})
    assert told() == {FILES}
