"""One phase from start to end: what it writes, who moves when, what stops it."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mova_core.curation.tables import write_table
from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.model.pretrained.component import WEIGHTS_FILE
from mova_core.model.towers.dual_tower import DualTower
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.places import USAGE
from mova_core.registry.manifests import RunManifest
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import read_manifest
from mova_core.training import loop, objective
from mova_core.training.checkpoints.checkpoint import finished, last_checkpoint
from mova_core.training.checkpoints.weights import write_components
from mova_core.training.curves import SIGMA_BINS, read_curves
from mova_core.training.preflight import few_clips
from mova_core.training.recipe import PHASES

COMPONENTS = ("video_dit", "video_dit_2", "audio_dit", "dual_tower_bridge")


def weights(folder, component: str, kind: str = "model") -> dict[str, torch.Tensor]:
    """Tensors of a component in a checkpoint, by name within it."""
    prefix = f"{kind}.{component}."
    stored = load_file(folder / f"{kind}-00001.safetensors")
    return {name.removeprefix(prefix): tensor for name, tensor in stored.items() if name.startswith(prefix)}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_joint_phase(project, section):
    captions = [(0, "A red ball."), (1, "A red ball."), (6, "A cat, of the validation split.")]
    rows = [{"clip_id": f"{number:016x}", "merged": text} for number, text in captions]
    write_table(Path("data/captions.parquet"), "captions", rows)
    summary = project.train("phase1", section(steps=5))
    run = project.root / "runs/phase1"
    assert [checkpoint.step for checkpoint in finished(run / "checkpoints")] == [4, 5]  # the newest two stay
    assert summary["checkpoint"] == "runs/phase1/checkpoints/step-000005"
    assert summary["steps"] == 5
    write_components(finished(run / "checkpoints")[-1], "ema", project.root / "exported")
    DualTower.from_pretrained(project.root / "exported")
    read = finished(run / "checkpoints")[0].manifest
    assert read.latents == sha256_file(Path("data/latents/nano-32/index.parquet"))
    assert read.clips == 4 * section().phase1.batch
    assert read.validation_loss == pytest.approx(read_curves(run / "curves.jsonl")[3]["validation"]["loss"], rel=1e-4)

    records = read_curves(run / "curves.jsonl")
    assert [record["step"] for record in records] == list(range(5))
    assert [record["expert"] for record in records] == [
        "video_dit",
        "video_dit_2",
        "video_dit",
        "video_dit_2",
        "video_dit",
    ]
    assert ["validation" in record for record in records] == [False, False, False, True, True]
    for record in records:
        assert record["loss"] == pytest.approx(record["video"] + 0.2 * record["audio"], rel=1e-4)
        assert len(record["video_bins"]) == len(record["audio_bins"]) == SIGMA_BINS
        assert any(value is not None for value in record["video_bins"])

    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["curves"] == sha256_file(run / "curves.jsonl")
    kept = [(entry["step"], entry["path"]) for entry in manifest["checkpoints"]]
    assert kept == [(4, "checkpoints/step-000004"), (5, "checkpoints/step-000005")]
    assert set(manifest["inputs"]["start"]) == set(COMPONENTS)
    assert manifest["trained_on"] == ["red ball"]

    read, _ = read_manifest(run / "manifest.json", RunManifest)  # as the registry does
    assert [entry.id for entry in read.checkpoints] == [
        sha256_file(run / entry.path / "manifest.json")[:16] for entry in read.checkpoints
    ]
    assert read.start_checkpoint == "0" * 16
    assert read.latents == {"nano-32": sha256_file(Path("data/latents/nano-32/index.parquet"))}


def test_the_audio_phase_has_the_audio_tower_alone(project, section):
    project.train("audio", section(steps=2))
    after = project.root / "runs/audio/checkpoints/step-000002"
    fresh = preset_dual_tower(Params(train=section())).audio_dit.state_dict()
    for kind in ("model", "ema"):
        assert not same(weights(after, "audio_dit", kind), fresh)
        assert not any(weights(after, component, kind) for component in COMPONENTS if component != "audio_dit")
    assert [path.name for path in after.iterdir() if path.is_dir()] == ["audio_dit"]


def test_the_idle_expert_stays_bit_identical(project, section):
    """Step 0 trains the high-noise expert, step 1 the low-noise one; audio tower and Bridge move in both."""
    project.train("phase1", section(steps=2, save_every=1))
    start = project.root / "models/audio"
    one, two = (project.root / f"runs/phase1/checkpoints/step-00000{step}" for step in (1, 2))
    moved = {
        component: (
            not same(load_file(start / component / WEIGHTS_FILE), weights(one, component)),
            not same(weights(one, component), weights(two, component)),
        )
        for component in COMPONENTS
    }
    assert moved == {
        "video_dit": (True, False),
        "video_dit_2": (False, True),
        "audio_dit": (True, True),
        "dual_tower_bridge": (True, True),
    }
    first, second = (load_file(folder / "optimizer-00001.safetensors") for folder in (one, two))
    assert not any(name.startswith("optimizer.video_dit_2.") for name in first)
    high = [name for name in first if name.startswith("optimizer.video_dit.")]
    assert len(high) > 40
    assert all(torch.equal(first[name], second[name]) for name in high)


def test_a_resumed_run_equals_one_that_never_stopped(project, section, monkeypatch):
    straight = project.train("phase1", section(steps=6))
    bytes_of = {path: path.read_bytes() for path in (project.root / "runs/phase1").rglob("*") if path.is_file()}

    stop_after(monkeypatch, records=5)
    (project.root / "runs").rename(project.root / "straight")
    with pytest.raises(KeyboardInterrupt):
        project.train("phase1", section(steps=6))
    monkeypatch.undo()
    monkeypatch.chdir(project.root)
    assert [each.step for each in finished(project.root / "runs/phase1/checkpoints")] == [2, 4]
    assert project.train("phase1", section(steps=6))["loss"] == straight["loss"]
    assert {path: path.read_bytes() for path in (project.root / "runs/phase1").rglob("*") if path.is_file()} == bytes_of


def stop_after(monkeypatch, records: int) -> None:
    """Interrupt training when so many records of the curves are written."""
    write = loop.Curves.write

    def interrupting(self, record):
        write(self, record)
        if record["step"] + 1 == records:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop.Curves, "write", interrupting)


def test_a_finished_run_is_kept_and_a_changed_one_starts_over(project, section):
    project.train("audio", section(steps=2))
    assert "was there already" in project.train("audio", section(steps=2))["text"]
    again = project.train("audio", section(steps=2, optimizer={"warmup_steps": 1, "lr": 1e-4}))
    assert "was there already" not in again["text"]
    assert (
        "was there already"
        in project.train("audio", section(steps=2, optimizer={"warmup_steps": 1, "lr": 1e-4}))["text"]
    )


def test_a_finished_run_that_is_asked_for_again_costs_no_more(project, section):
    project.train("audio", section(steps=2))
    (usage,) = (project.root / USAGE).iterdir()
    spent = usage.read_bytes()
    project.train("audio", section(steps=2))
    assert usage.read_bytes() == spent


def test_how_often_it_is_saved_changes_nothing(project, section):
    project.train("audio", section(steps=3, save_every=1))
    often = weights(project.root / "runs/audio/checkpoints/step-000003", "audio_dit")
    (project.root / "runs").rename(project.root / "often")
    project.train("audio", section(steps=3, save_every=3))
    assert same(often, weights(project.root / "runs/audio/checkpoints/step-000003", "audio_dit"))


@pytest.mark.parametrize("damage", ["truncated", "altered", "missing", "foreign", "manifest"])
def test_a_damaged_checkpoint_is_refused_by_name(project, section, damage):
    project.train("audio", section(steps=2))
    folder = project.root / "runs/audio/checkpoints/step-000002"
    path = folder / "ema-00001.safetensors"
    data = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(data[:-1])
    elif damage == "altered":
        data[-1] ^= 1
        path.write_bytes(data)
    elif damage == "missing":
        path.unlink()
    elif damage == "foreign":
        path = folder / "extra.safetensors"
        path.touch()
    else:
        path = folder / "manifest.json"
        path.write_text("{")
    with pytest.raises(StaleError, match=f"{path.name}.*remove .*step-000002"):
        last_checkpoint(project.root / "runs/audio/checkpoints")
    with pytest.raises(StaleError, match=path.name):
        project.train("audio", section(steps=2))


@pytest.mark.parametrize("local_rank", [0, 1])
def test_one_process_of_a_machine_reads_all_files_of_the_checkpoint(project, section, monkeypatch, local_rank):
    project.train("audio", section(steps=2))
    path = project.root / "runs/audio/checkpoints/step-000002/ema-00001.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    monkeypatch.setenv("LOCAL_RANK", str(local_rank))
    with nullcontext() if local_rank else pytest.raises(StaleError, match=path.name):
        project.train("audio", section(steps=2))


def broken_losses(monkeypatch, first: int, last: int) -> None:
    """Losses of the audio tower are NaN in these steps of two micro-batches."""
    right = objective.audio_loss
    calls = []

    def broken(*args):
        calls.append(1)
        step = (len(calls) - 1) // 2
        return right(*args) * (float("nan") if first <= step <= last else 1)

    monkeypatch.setattr(objective, "audio_loss", broken)


def test_a_step_that_is_not_finite_is_skipped_and_counted(project, section, monkeypatch):
    broken_losses(monkeypatch, 2, 2)
    summary = project.train("audio", section(steps=4, save_every=1, checkpoints={"save_every": 1, "keep": 4}))
    assert summary["skipped"] == 1 and "1 steps skipped" in summary["text"]
    records = read_curves(project.root / "runs/audio/curves.jsonl")
    assert [record.get("skipped") for record in records] == [None, None, "loss is nan", None]
    assert records[2]["loss"] is None
    before, skipped, after = (
        weights(project.root / f"runs/audio/checkpoints/step-00000{step}", "audio_dit") for step in (2, 3, 4)
    )
    assert same(before, skipped) and not same(skipped, after)


def test_too_many_skipped_steps_stop_the_run(project, section, monkeypatch):
    broken_losses(monkeypatch, 2, 99)
    with pytest.raises(MovaError, match=r"3 of the last 5 steps of audio were skipped .steps 2, 3, 4; the last: loss"):
        project.train("audio", section(steps=9, health={"most_skipped": 2}))
    assert len(read_curves(project.root / "runs/audio/curves.jsonl")) == 5


def test_a_trial_leaves_the_phases_run_alone(project, section):
    project.train("audio", section(steps=2))
    before = contents(project.root / "runs")
    summary = project.train("audio", section(steps=2, optimizer={"lr": 1e-4}), out=Path("trials/slow"))
    assert summary["checkpoint"] == "trials/slow/checkpoints/step-000002"
    assert (project.root / "trials/slow/manifest.json").is_file()
    assert contents(project.root / "runs") == before
    assert summary["warnings"] == [few_clips(PHASES["audio"], Path("data/latents/nano-32"))]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_model_of_another_size(project, section):
    tower = {"width": 48, "heads": 2, "layers": 1, "mlp_width": 16}
    model = {"video": tower, "audio": tower | {"layers": 2}}
    summary = project.train("audio", section(steps=1, model=model))
    config = json.loads((Path(summary["checkpoint"]) / "audio_dit/config.json").read_text())
    assert (config["dim"], config["num_layers"]) == (48, 2)


def test_a_batch_that_does_not_divide(project, section):
    with pytest.raises(UsageError, match="a batch of 3 clips does not divide into 2 micro-batches"):
        project.train("audio", section(batch=3))


def test_validation_never_shifts_training(project, section, monkeypatch):
    project.train("audio", section(steps=3))
    with_validation = weights(project.root / "runs/audio/checkpoints/step-000003", "audio_dit")
    (project.root / "runs").rename(project.root / "with")
    monkeypatch.setattr(objective.AudioObjective, "validation", lambda *args: {})
    project.train("audio", section(steps=3))
    assert same(with_validation, weights(project.root / "runs/audio/checkpoints/step-000003", "audio_dit"))


def test_it_learns(project, section):
    """Random clips hold nothing to know, but how to tell noise from latents: the loss falls towards pi / 2."""
    project.train("audio", section(steps=60, batch=6, save_every=60))
    records = read_curves(project.root / "runs/audio/curves.jsonl")
    assert sum(record["audio"] for record in records[-10:]) < 0.9 * sum(record["audio"] for record in records[:10])
