"""Controls of the gates: who must fail them does, at the smallest size that shows it, and what is in step passes.

At full size, all phases trained without the Bridge: tests/integration/test_gate_controls_soak.py (`make soak`).
"""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mova_core.curation.encode.accepted_clips import scaled_down
from mova_core.curation.encode.stage import encode
from mova_core.curation.engine.base import Engine
from mova_core.curation.fit_codec.stage import fit_codec
from mova_core.curation.tables import write_table
from mova_core.errors import MovaError
from mova_core.evaluation.availability import unavailable_metrics
from mova_core.evaluation.candidates.evaluate_phase import evaluate_phase
from mova_core.evaluation.candidates.load import load_candidate
from mova_core.evaluation.gates import judge
from mova_core.evaluation.loss_gains import ANOTHER_RUN, StartLosses, loss_gains, start_losses
from mova_core.evaluation.measure import entry, measure
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.memorisation import memorisation
from mova_core.evaluation.over_shuffled import over_shuffled
from mova_core.evaluation.select import select
from mova_core.evaluation.suites.captioned import CAPTION_OF
from mova_core.flow_matching import EXPERTS
from mova_core.geometry import GEOMETRIES
from mova_core.measures.clip import Asked, Clip
from mova_core.media.encode import write_media
from mova_core.model.model_folder import Components
from mova_core.model.pretrained.component import WEIGHTS_FILE
from mova_core.model.towers.bridge import BRIDGE_OFF, BRIDGE_ON
from mova_core.model.towers.dual_tower import DualTower, LatentPair
from mova_core.model.weights.blueprint import in_memory
from mova_core.params import Params, params_from
from mova_core.params.evaluation import SelectParams
from mova_core.places import DataFolder
from mova_core.registry.manifests import EvaluationManifest, Metric, Selection
from mova_core.storage.manifest import read_manifest
from mova_core.synthetic.world import KINDS, Take, draw_take, render_audio, render_frames
from mova_core.training.checkpoints.checkpoint import last_checkpoint
from mova_core.training.checkpoints.weights import write_components
from mova_core.training.loop import train
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES
from mova_core.training.run import prepare

LARGE, SMALL = GEOMETRIES["nano-48"], GEOMETRIES["nano-32"]
SYNC = {"event_f1", "event_f1_over_shuffled", "offset_s", "desync_s", "sync_gain"}
REPORTS = Path("reports/evaluation")
VALUES: dict[str, Any] = {
    "fit_codec": {"clips": 16},
    "train": {
        "optimizer": {"warmup_steps": 0, "weight_decay": 0.0},  # decay moves weights that nothing taught
        "audio": {"steps": 1, "batch": 4},
        "phase1": {"steps": 2, "batch": 4, "bridge_dropout": 1.0},
    },
    "evaluate": {"clips_per_class": 2, "bootstrap_samples": 20, "sweep": [], "samples": 1},
    "generate": {"steps": 2},
}
OPEN = {"audio": {"audio_class_at_least": 0, "onset_rate_within_data_at_least": None}}
WITHOUT_BRIDGE = params_from(VALUES)


def takes(count: int) -> list[Take]:
    """Takes of the world, the classes in turn."""
    rng = np.random.default_rng(5)
    return [draw_take(rng, list(KINDS)[number % len(KINDS)], LARGE.duration_s) for number in range(count)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of the world, 4 of 12 for validation, their codec, their latents at the small geometry."""
    root = tmp_path_factory.mktemp("controls")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        data = DataFolder()
        write_clips(data)
        fit_codec(WITHOUT_BRIDGE, data)
        encode(WITHOUT_BRIDGE, SMALL, data, Engine(workers=1))
    return root


def write_clips(data: DataFolder) -> None:
    data.clips.mkdir(parents=True)
    clips, verdicts, captions = [], [], []
    for number, take in enumerate(takes(12)):
        path = data.clips / f"{number:016x}.mp4"
        frames = render_frames(take, LARGE.fps, LARGE.frames, 48)
        audio = render_audio(take, LARGE.audio_rate_hz, LARGE.audio_samples)
        write_media(path, frames, LARGE.fps, audio, LARGE.audio_rate_hz)
        same = {name: path.stem for name in ("clip_id", "window_id", "source_id")}
        sizes = {"frames": LARGE.frames, "fps": float(LARGE.fps), "width_px": 48, "height_px": 48}
        audio_sizes = {"audio_rate_hz": LARGE.audio_rate_hz, "audio_samples": LARGE.audio_samples}
        digest = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        clips.append(
            {**same, **sizes, **audio_sizes, **digest, "path": path.name, "orientation": "square"}
            | {"split": "train" if number < 8 else "validation"}
        )
        verdicts.append({"clip_id": path.stem, "verdict": "accepted", "phases": ["audio", "phase1"], "rejections": {}})
        captions.append({"clip_id": path.stem, "merged": CAPTION_OF[take.kind], "kind": "template", "language": "en"})
    for name, rows in (("clips", clips), ("verdicts", verdicts), ("captions", captions)):
        write_table(data.table(name), name, rows)


@pytest.fixture(scope="module")
def without_bridge(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after phase1 was trained with the Bridge dropped for every clip, from audio as it came out."""
    root = tmp_path_factory.mktemp("without-bridge")
    shutil.copytree(project, root, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        run("audio", WITHOUT_BRIDGE)
        select_of("audio", WITHOUT_BRIDGE, SelectParams.model_validate(OPEN))
        run("phase1", WITHOUT_BRIDGE)
    return root


def run(phase: str, params: Params) -> None:
    train(PHASES[phase], params, Places())
    evaluate_of(phase, params)


def evaluate_of(phase: str, params: Params) -> None:
    evaluate_phase(PHASES[phase], params, Places(), REPORTS)


def select_of(phase: str, params: Params, limits: SelectParams) -> None:
    select(PHASES[phase], params.model_copy(update={"select": limits}), Places(), REPORTS)


def failed_gates(phase: str, params: Params) -> set[str]:
    """Select by the real limits: it fails, says why, and hands nothing on."""
    with pytest.raises(MovaError, match="FAILED"):
        select_of(phase, params, SelectParams())
    folder = Path("models") / phase
    assert [path.name for path in folder.iterdir()] == ["selection.json"]
    selection, _ = read_manifest(folder / "selection.json", Selection)
    assert not selection.passed
    return {gate.name for gate in selection.gates if not gate.passed}


@torch.inference_mode()
def heeds_the_bridge(towers: DualTower) -> bool:
    """Whether v(T,B) differs from v(T,0) in any bit, of any expert and either modality."""
    generator = torch.Generator().manual_seed(2)
    video = torch.randn(2, 16, SMALL.latent_frames, 4, 4, generator=generator)
    audio = torch.randn(2, 16, SMALL.audio_latents, generator=generator)
    condition = torch.randn(2, 20, SMALL.latent_frames, 4, 4, generator=generator)
    given = (
        LatentPair(video, audio),
        1000 * torch.rand(2, 2, generator=generator),
        condition,
        torch.randn(2, 8, 64, generator=generator),
    )
    pairs = [
        [
            towers(*given, expert=expert, video_fps=float(SMALL.fps), bridge_scale=scale)
            for scale in (BRIDGE_ON, BRIDGE_OFF)
        ]
        for expert in EXPERTS
    ]
    return not all(torch.equal(on.video, off.video) and torch.equal(on.audio, off.audio) for on, off in pairs)


def bridge_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "dual_tower_bridge" / WEIGHTS_FILE)


def test_a_random_model_fails(project, nano_towers, save_checkpoint, tmp_path, monkeypatch):
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    save_checkpoint(Path("runs/phase1/checkpoints"), 1, nano_towers)
    evaluate_of("phase1", WITHOUT_BRIDGE)
    assert failed_gates("phase1", WITHOUT_BRIDGE) >= {"video_class", "audio_class", "event_f1", "sync_gain"}


def last_model(run: Path, kind: str, folder: Path) -> Path:
    """Weights of a run's last checkpoint as a model folder."""
    checkpoint = last_checkpoint(run / "checkpoints")
    assert checkpoint is not None
    write_components(checkpoint, kind, folder / kind)
    return folder / kind


def test_a_model_trained_without_bridge_fails(without_bridge, monkeypatch, tmp_path):
    monkeypatch.chdir(without_bridge)
    last = Path("runs/phase1")
    start, end = bridge_of(Path("models/audio")), bridge_of(last_model(last, "model", tmp_path))
    assert all(torch.equal(start[name], end[name]) for name in start | end)
    assert not heeds_the_bridge(DualTower.from_pretrained(last_model(last, "ema", tmp_path)))

    evaluation, _ = read_manifest(REPORTS / "phase1/metrics.json", EvaluationManifest)
    gain = evaluation.metrics["sync_gain"]
    assert (gain.value, gain.low, gain.high) == (0, 0, 0)
    by_bridge = evaluation.metrics["loss_gain_by_bridge"]
    assert (by_bridge.value, by_bridge.low, by_bridge.high) == (0, 0, 0)
    assert evaluation.metrics["loss_gain_over_start"].value is not None
    other = {gate.name: gate for gate in judge("phase1", "other", SelectParams(), evaluation.metrics)}
    assert not other["loss_gain_by_bridge"].passed and other["loss_gain_by_bridge"].unavailable is None
    assert failed_gates("phase1", WITHOUT_BRIDGE) >= {"sync_gain", "event_f1_over_shuffled"}


def test_the_same_steps_with_the_bridge_move_it(without_bridge, monkeypatch, tmp_path):
    """Else the test above would pass on a Bridge that nothing can move."""
    monkeypatch.chdir(without_bridge)
    changed = {**VALUES["train"], "phase1": VALUES["train"]["phase1"] | {"bridge_dropout": 0.0}}
    train(PHASES["phase1"], params_from({**VALUES, "train": changed}), Places(runs=Path("with-bridge")))
    last = Path("with-bridge/phase1")
    start, end = bridge_of(Path("models/audio")), bridge_of(last_model(last, "model", tmp_path))
    assert not any(torch.equal(start[name], end[name]) for name in start if name.endswith("inner.o.weight"))
    assert heeds_the_bridge(DualTower.from_pretrained(last_model(last, "ema", tmp_path)))


def measures(clips: list[Clip]) -> dict[str, Metric]:
    """What is measured of clips that no model made."""
    context = Context(clips, -50)
    unavailable = unavailable_metrics((), (), ())
    metrics = measure(clips, context, unavailable, WITHOUT_BRIDGE.evaluate).metrics
    over = over_shuffled(clips, context, unavailable, WITHOUT_BRIDGE.evaluate)
    metrics |= {name: each.metric for name, each in over.items()}
    return metrics | {"memorised_share": entry("memorised_share", 0.0)}


def test_the_world_passes_and_with_its_audio_shuffled_within_the_class_fails_by_sync_alone():
    world = [
        Clip(
            np.stack(list(render_frames(take, LARGE.fps, LARGE.frames, 48))),
            render_audio(take, LARGE.audio_rate_hz, LARGE.audio_samples),
            float(LARGE.fps),
            LARGE.audio_rate_hz,
            asked=Asked(label=take.kind),
        )
        for take in takes(24)
    ]
    classes = len(KINDS)  # they come in turn
    shuffled = [replace(clip, audio=world[(index + classes) % len(world)].audio) for index, clip in enumerate(world)]
    true, wrong = measures(world), measures(shuffled)
    assert wrong["video_class"].value == wrong["audio_class"].value == 1
    for phase in ("phase1", "phase2", "phase3"):
        failed = [
            {gate.name for gate in judge(phase, "synthetic", SelectParams(), metrics) if not gate.passed}
            for metrics in (true, wrong)
        ]
        assert failed == [{"sync_gain"}, SYNC]  # no model, so no gain of its Bridge


def towers_of_the_start(phase: str) -> DualTower:
    """The weights that a phase starts from, untrained."""
    run = prepare(PHASES[phase], WITHOUT_BRIDGE, Places())
    in_memory(run.blueprint, run.weights)
    assert isinstance(run.blueprint, DualTower)
    return run.blueprint.eval()


def test_untrained_weights_fail_the_gates_of_other_footage(without_bridge, monkeypatch):
    """Whatever their clips are like: they gain nothing over what the phase started from."""
    monkeypatch.chdir(without_bridge)
    start = start_losses(PHASES["phase1"], WITHOUT_BRIDGE, Places())
    assert isinstance(start, StartLosses) and len(start.losses_N) == 4
    towers = towers_of_the_start("phase1")
    gains = loss_gains(towers, start.run, start, WITHOUT_BRIDGE.evaluate)
    assert (gains["loss_gain_over_start"].value, gains["loss_gain_over_start"].high) == (0, 0)
    good = {name: entry(name, 1.0) for name in ("audible_share", "decodable_share", "loudness_within_data")}
    good |= {name: entry(name, 0.0) for name in ("collapsed_share", "memorised_share")}
    failed = {gate.name for gate in judge("phase1", "other", SelectParams(), good | gains) if not gate.passed}
    assert "loss_gain_over_start" in failed


def test_weights_that_are_better_than_the_start_gain_by_as_much(without_bridge, monkeypatch):
    monkeypatch.chdir(without_bridge)
    start = start_losses(PHASES["phase1"], WITHOUT_BRIDGE, Places())
    assert isinstance(start, StartLosses)
    worse = replace(start, losses_N=start.losses_N + torch.tensor([0.1, 0.2, 0.3, 0.2]))
    gain = loss_gains(towers_of_the_start("phase1"), start.run, worse, WITHOUT_BRIDGE.evaluate)["loss_gain_over_start"]
    assert gain.value == pytest.approx(0.2, abs=1e-5) and 0.1 <= gain.low < 0.2 < gain.high <= 0.3
    (gate,) = (
        gate
        for gate in judge("phase1", "other", SelectParams(), {"loss_gain_over_start": gain})
        if gate.name == "loss_gain_over_start"
    )
    assert gate.passed


def test_gains_of_weights_of_another_run_are_unavailable(without_bridge, monkeypatch, tmp_path):
    monkeypatch.chdir(without_bridge)
    towers = towers_of_the_start("phase1")
    start = start_losses(PHASES["phase1"], WITHOUT_BRIDGE, Places())
    for reason, run, known in ((ANOTHER_RUN, "0" * 64, start), ("no model", "0" * 64, "no model")):
        gains = loss_gains(towers, run, known, WITHOUT_BRIDGE.evaluate)
        assert {gain.unavailable for gain in gains.values()} == {reason}
    nowhere = start_losses(PHASES["phase1"], WITHOUT_BRIDGE, Places(models=tmp_path))
    assert isinstance(nowhere, str) and "select@audio" in nowhere


@pytest.fixture
def model(without_bridge: Path, monkeypatch: pytest.MonkeyPatch) -> Components:
    """A model with the codecs that made the latents."""
    monkeypatch.chdir(without_bridge)
    return load_candidate(last_checkpoint(Path("runs/phase1/checkpoints")), WITHOUT_BRIDGE, DataFolder()).components


@pytest.mark.parametrize("phase", ["audio", "phase1"])
def test_copies_of_training_clips_are_memorised_and_clips_of_the_world_are_not(model, phase):
    rng = np.random.default_rng(12)
    copies = [as_clip(take) for take in takes(12)[:8]]
    new = [as_clip(draw_take(rng, kind, SMALL.duration_s)) for kind in KINDS for _ in range(4)]
    copied, fresh = (memorisation(clips, model, PHASES[phase], WITHOUT_BRIDGE, Places()) for clips in (copies, new))
    assert copied["memorised_share"].value == 1 and copied["nearest_training_ratio"].value < 0.3
    assert fresh["memorised_share"].value < 0.2 and fresh["nearest_training_ratio"].value > 0.8
    assert copied["memorised_share"].data == 0 and copied["nearest_training_ratio"].data == pytest.approx(1)
    judged = [
        next(
            gate.passed
            for gate in judge("phase1", "synthetic", SelectParams(), metrics)
            if gate.name == "memorised_share"
        )
        for metrics in (copied, fresh)
    ]
    assert judged == [False, True]


def test_without_latents_of_its_codec_a_model_s_memory_is_unavailable(model, tmp_path):
    clips = [as_clip(take) for take in takes(2)]
    places = Places(DataFolder(tmp_path))
    found = memorisation(clips, model, PHASES["phase1"], WITHOUT_BRIDGE, places)
    assert {"mova encode" in str(metric.unavailable) for metric in found.values()} == {True}


def as_clip(take: Take) -> Clip:
    """A take as a model of phase 1 makes it."""
    large = np.stack(list(render_frames(take, SMALL.fps, SMALL.frames, 48)))
    frames = scaled_down(large, SMALL.canvases[0])
    audio = render_audio(take, SMALL.audio_rate_hz, SMALL.audio_samples)
    return Clip(frames, audio, float(SMALL.fps), SMALL.audio_rate_hz, asked=Asked(label=take.kind))
