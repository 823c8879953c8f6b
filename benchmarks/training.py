"""What our training loop costs beside a plain PyTorch loop, and how long it waits for its batches.

On random latents of the nano shapes, with the present params. A run is as many steps as lie between two checkpoints,
and has one checkpoint and one validation in it.
"""

import statistics
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.baselines.bare_loop import made_batches, train_barely
from benchmarks.measure import Row, in_turn, row
from mova_core.curation.encode.folder_constants import CONSTANTS_FILE, EMPTY, FolderConstants, white_name
from mova_core.curation.encode.latent_shards import CONTEXT_KINDS, LatentShard, TextContexts, write_shard
from mova_core.curation.encode.latents_file import FileHeader, shard_name
from mova_core.curation.encode.latents_manifest import INDEX_FILE, write_latents_manifest
from mova_core.curation.tables import write_table
from mova_core.geometry import ClipGeometry
from mova_core.model.single_thread import single_thread
from mova_core.model.text.prompt import NANO_CONTEXT_LENGTH
from mova_core.model.towers.audio_tower import TextToAudio
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.training import loop
from mova_core.training.data.batches import AudioBatches, JointBatches
from mova_core.training.monitor.watched import Watched
from mova_core.training.recipe import PHASES, Phase
from mova_core.training.run import Run, batches_of, objective_of
from mova_core.training.strategy.choose import open_strategy

CLIPS = {"train": 512, "validation": 48}
TEXTS = 32  # different captions: what the footage of the demo has
READY_BATCHES = 8  # that the bare loop goes through again and again
REPEATS = 3
WARM_UP_STEPS = 10
STEPS = Params().train.checkpoints.save_every.phase1
MADE_INPUTS = {"latents_index": "0" * 64}
SAME_AS = {"phase2": "phase1"}  # the same sizes and batch: measured once


def rows() -> list[Row]:
    """Measure all of them."""
    with tempfile.TemporaryDirectory() as folder:
        times = {name: _measured(PHASES[name], Path(folder)) for name in PHASES if name not in SAME_AS}
    found = []
    for name, measured in times.items():
        found += [_overhead(name, measured), _wait(name, measured)]
    return found


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each repeat: our loop, its waiting for batches, the plain loop."""

    ours: list[float]
    waited: list[float]
    bare: list[float]


def write_latents(folder: Path, geometry: ClipGeometry) -> None:
    """A folder of random latents and texts of both splits, one shard each."""
    generator = torch.Generator().manual_seed(0)
    canvas = geometry.canvases[0]
    sizes = Params().latent_sizes
    video = (sizes["video"], geometry.latent_frames, canvas.latent_height, canvas.latent_width)
    last = (sizes["video"], 1, *video[2:])
    audio = (sizes["audio"], geometry.audio_tokens * geometry.audio_latents_per_token)
    texts = torch.randn(TEXTS, NANO_CONTEXT_LENGTH, sizes["text"], generator=generator)
    offsets = torch.arange(0, texts.shape[0] + 1) * NANO_CONTEXT_LENGTH
    inputs = {"geometry": geometry.name, **dict.fromkeys(("codec", "text_encoder", "params"), "made")}
    rows = []
    for number, (split, clips) in enumerate(CLIPS.items()):
        index = (torch.arange(clips, dtype=torch.int32) % TEXTS)[:, None].expand(-1, len(CONTEXT_KINDS)).contiguous()
        ids = tuple(f"{split}-{clip}" for clip in range(clips))
        shard = LatentShard(
            FileHeader(fingerprint="made", clip_ids=ids, **inputs),
            *(torch.randn(clips, *shape, generator=generator) for shape in (video, video, last, audio, audio)),
            TextContexts(texts.flatten(0, 1), offsets, index),
        )
        write_shard(folder / shard_name(number), shard)
        facts = {"path": shard_name(number), "orientation": canvas.orientation, "split": split, "phases": list(PHASES)}
        rows += [{"clip_id": clip, "row": row} | facts for row, clip in enumerate(ids)]
    white = white_name(canvas.latent_height, canvas.latent_width)
    tensors = {EMPTY: torch.randn(NANO_CONTEXT_LENGTH, sizes["text"]), white: torch.randn(video)}
    FolderConstants(tensors).write(folder / CONSTANTS_FILE, FileHeader(fingerprint="made", **inputs))
    write_table(folder / INDEX_FILE, "latents", rows)
    write_latents_manifest(folder, [*map(shard_name, range(len(CLIPS))), CONSTANTS_FILE], inputs)


def train_ours(phase: Phase, params: Params, batches: AudioBatches | JointBatches, folder: Path) -> float:
    """Our loop from fresh weights to the phase's last step; curves and checkpoints are written to `folder`.

    Returns:
        Seconds that its steps waited for batches.
    """
    objective, waited_s = objective_of(phase, params, batches)
    towers = preset_dual_tower(params)
    model = towers if phase.joint else TextToAudio(towers.audio_dit)
    weights = dict(model.named_parameters())
    blueprint = deepcopy(model).to("meta")
    watched = Watched(phase, params, DataFolder(folder), waited_s)
    run = Run(phase, params.seed, params.train, folder, MADE_INPUTS, objective, blueprint, weights.__getitem__, watched)
    folder.mkdir()
    with open_strategy(params.train, blueprint, run.weights, phase.params(params.train).batch) as strategy:
        loop._train(run, None, strategy)
    return waited_s()


def _measured(phase: Phase, folder: Path) -> Times:
    params = _params(phase, STEPS)
    latents = folder / f"latents-{phase.name}"
    write_latents(latents, phase.geometry(params))
    batches = batches_of(phase, params, latents)
    ready = made_batches(batches, READY_BATCHES)
    runs: Iterator[int] = iter(range(1_000_000))
    waited: list[float] = []

    def ours(steps: int = STEPS) -> None:
        chosen = _params(phase, steps)
        with single_thread():  # as `mova train` does
            waited.append(train_ours(phase, chosen, batches, folder / f"{phase.name}-{next(runs)}"))

    def bare(steps: int = STEPS) -> None:
        train_barely(preset_dual_tower(params), ready, steps, params.train.optimizer)

    ours(WARM_UP_STEPS)
    bare(WARM_UP_STEPS)
    pairs = in_turn(ours, bare, REPEATS)
    return Times([mine for mine, _ in pairs], waited[1:], [other for _, other in pairs])  # the first warmed up


def _params(phase: Phase, steps: int) -> Params:
    section = Params().train
    own = phase.params(section).model_copy(update={"steps": steps})
    return Params(train=section.model_copy(update={phase.name: own}))


def _overhead(name: str, times: Times) -> Row:
    return row(
        f"training.loop_{name}",
        [mine / other for mine, other in zip(times.ours, times.bare, strict=True)],
        against=f"a plain loop (forward, loss, backward, clip, AdamW) with torch's {torch.get_num_threads()} threads, "
        f"{STEPS} steps of batches made beforehand: {1000 * statistics.median(times.bare) / STEPS:.1f} ms a step",
        better="lower",
        target=1.05,
    )


def _wait(name: str, times: Times) -> Row:
    return row(
        f"training.data_wait_{name}",
        [waited / mine for waited, mine in zip(times.waited, times.ours, strict=True)],
        against=f"the whole loop: {1000 * statistics.median(times.ours) / STEPS:.1f} ms a step",
        better="lower",
        target=0.01,
        unit="share",
    )
