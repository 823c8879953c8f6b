"""The whole recipe on a released layout: clips encoded by its VAEs and its UMT5, the audio tower trained first, then
three joint phases that start from its towers, each judged and selected; exported, it is a released folder again."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mova_core.cli.model.export import export
from mova_core.curation.encode.stage import encode
from mova_core.curation.engine.base import Engine
from mova_core.curation.tables import write_table
from mova_core.evaluation.candidates.evaluate_phase import evaluate_phase
from mova_core.evaluation.select import select
from mova_core.geometry import GEOMETRIES, Canvas, ClipGeometry
from mova_core.media.encode import write_media
from mova_core.model.pretrained.frozen_parts import FrozenParts
from mova_core.params import Params, params_from
from mova_core.params.evaluation import OtherFootageGateParams, OtherFootageSyncParams
from mova_core.places import DataFolder
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.training.loop import train
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES, Phase
from mova_core.training.run import batches_of, objective_of
from mova_core.training.start import start_of

# The real geometries but for length and size.
SMALL = ClipGeometry("mova-360p", 9, 24, (Canvas(32, 64), Canvas(64, 32)), 48_000, 960, 1)
LARGE = ClipGeometry("mova-720p", 9, 24, (Canvas(48, 96), Canvas(96, 48)), 48_000, 960, 1)
CLIPS, HELD_OUT = 8, 2  # every second one is a portrait
COLORS = {"red": (220, 40, 30), "green": (40, 200, 60)}
NOISES = range(100, 104)  # seeds of the noise under which held-out clips are judged
TINY = {
    "video": {"width": 60, "heads": 3, "layers": 3, "mlp_width": 112},
    "audio": {"width": 40, "heads": 2, "layers": 2, "mlp_width": 88},
    "timestep_width": 64,
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """Clips as `cut` leaves them for preset mova-720p, accepted for every phase, with captions."""
    for geometry in (SMALL, LARGE):
        monkeypatch.setitem(GEOMETRIES, geometry.name, geometry)
    monkeypatch.chdir(tmp_path)
    data = DataFolder(Path("data"))
    data.clips.mkdir(parents=True)
    tables: dict[str, list[dict[str, Any]]] = {"clips": [], "verdicts": [], "captions": []}
    for number in range(CLIPS):
        canvas, color = LARGE.canvases[number % 2], list(COLORS)[number // 2 % 2]
        path = data.clips / f"{number:016x}.mp4"
        write_media(path, frames(canvas, COLORS[color], number), LARGE.fps, knock(number), LARGE.audio_rate_hz)
        row = {"clip_id": path.stem, "window_id": path.stem, "source_id": path.stem, "path": path.name}
        row |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        row |= {"width_px": canvas.width_px, "height_px": canvas.height_px, "orientation": canvas.orientation}
        row |= {"frames": LARGE.frames, "fps": float(LARGE.fps), "audio_rate_hz": LARGE.audio_rate_hz}
        row |= {"audio_samples": LARGE.audio_samples, "split": "train" if number < CLIPS - HELD_OUT else "validation"}
        tables["clips"].append(row)
        verdict = {"clip_id": path.stem, "verdict": "accepted", "phases": list(PHASES), "rejections": {}}
        tables["verdicts"].append(verdict | {"has_subtitles": False})
        merged = f"A {color} ball falls. It knocks."
        tables["captions"].append({"clip_id": path.stem, "merged": merged, "kind": "template", "language": "en"})
    for name, rows in tables.items():
        write_table(data.table(name), name, rows)
    return data


def frames(canvas: Canvas, color: tuple[int, int, int], seed: int) -> np.ndarray:
    """A ball that falls on a dark ground."""
    rng = np.random.default_rng([11, seed])
    row, column = np.mgrid[: canvas.height_px, : canvas.width_px]
    middles = canvas.height_px * np.linspace(0.2, 0.5 + 0.4 * rng.random(), LARGE.frames)
    ball = [(row - middle) ** 2 + (column - canvas.width_px / 2) ** 2 < 120 for middle in middles]
    return np.where(np.stack(ball)[..., None], color, rng.integers(10, 60, 3)).astype(np.uint8)


def knock(seed: int) -> np.ndarray:
    time_s = np.arange(LARGE.audio_samples) / LARGE.audio_rate_hz
    return (0.5 * np.sin(2 * np.pi * (150 + 40 * seed) * time_s) * np.exp(-8 * time_s)).astype(np.float32)


def params(weights: Path, steps: int) -> Params:
    phases = {name: {"steps": steps, "batch": 4} for name in PHASES}
    return params_from(
        {
            "preset": "mova-720p",
            "encode": {"weights": str(weights), "clips_per_shard": 3},
            "train": phases
            | {"model": TINY, "init": {"video": str(weights), "bridge": str(weights)}, "precision": "float32"}
            | {"optimizer": {"lr": 2e-3, "warmup_steps": 1, "ema_decay": 0.5}},
            "generate": {"steps": 1},
            "evaluate": {"clips_per_class": 1, "batch": 2, "sweep": [], "bootstrap_samples": 10, "samples": 1},
            # The VAEs have random weights: whatever they decode is as good as silent, and so few steps teach no sync.
            "select": {
                "other_footage": dict.fromkeys(OtherFootageGateParams.model_fields) | {"decodable_share_at_least": 1.0},
                "other_footage_phase3": dict.fromkeys(OtherFootageSyncParams.model_fields),
            },
        }
    )


def losses(phase: Phase, chosen: Params, model: nn.Module) -> list[float]:
    """Validation loss of a model under each of several noises and noise levels: the held-out clips stay the same."""

    def under(seed: int) -> float:
        seeded = chosen.model_copy(update={"seed": seed})
        objective, _ = objective_of(phase, seeded, batches_of(phase, seeded, Places().latents(phase, seeded)))
        return objective.validation(model.eval(), torch.device("cpu"))["loss"]

    with torch.inference_mode():
        return [under(seed) for seed in NOISES]


def model_of(phase: Phase, chosen: Params, folders: Mapping[str, Path | None]) -> nn.Module:
    """The model of a phase with the weights of these folders, fresh ones where there is none."""
    start = start_of(phase, chosen, folders, FrozenParts.of(chosen, DataFolder()).sizes())
    state = {name: start.weights(name) for name in start.blueprint.state_dict()}
    start.blueprint.load_state_dict(state, assign=True)
    return start.blueprint


def shapes(folder: Path) -> Iterator[tuple[str, str, torch.Size]]:
    for path in sorted(folder.glob("*/*.safetensors")):
        yield from ((path.parent.name, name, tensor.shape) for name, tensor in load_file(path).items())


@pytest.mark.parametrize("steps", [6, pytest.param(40, marks=pytest.mark.soak)])
def test_from_a_released_folder_to_a_released_folder(project, tiny_checkpoint, steps):
    chosen, places, reports = params(tiny_checkpoint, steps), Places(), Path("reports")
    for geometry in (SMALL, LARGE):
        assert encode(chosen, geometry, project, Engine(workers=1))["clips"] == CLIPS
    loss_of = partial(losses, chosen=chosen)
    for phase in PHASES.values():
        before = loss_of(phase, model=model_of(phase, chosen, places.start(phase, chosen)))
        train(phase, chosen, places)
        evaluate_phase(phase, chosen, places, reports)
        assert select(phase, chosen, places, reports)["passed"]
        folders = dict.fromkeys(phase.trains, places.models / phase.name)
        after = loss_of(phase, model=model_of(phase, chosen, folders))
        assert all(np.less(after, before)), f"{phase.name}: {before} → {after}"

    checkpoint = json.loads(Path("runs/phase3/manifest.json").read_text())["checkpoints"][-1]["path"]
    params_file = Path("trained.yaml")
    params_file.write_text(json.dumps(chosen.model_dump(mode="json", exclude_unset=True)))
    export(f"runs/phase3/{checkpoint}", Path("exported"), params_file=params_file)
    index = [json.loads((folder / "model_index.json").read_text()) for folder in (Path("exported"), tiny_checkpoint)]
    assert {name: index[0].get(name) for name in index[1] if name[0] != "_"} == {
        name: value for name, value in index[1].items() if name[0] != "_"
    }
    assert list(shapes(Path("exported"))) == list(shapes(tiny_checkpoint))
    made = MovaPipeline.from_pretrained("exported")("a red ball", seed=3)
    canvas = LARGE.canvases[0]
    assert made.video.shape == (LARGE.frames, canvas.height_px, canvas.width_px, 3)
    assert made.audio.shape == (LARGE.audio_samples,) and np.isfinite(made.audio).all()
    again = MovaPipeline.from_pretrained("models/phase3")("a red ball", seed=3)
    assert np.array_equal(made.video, again.video) and np.array_equal(made.audio, again.audio)
