"""A checkpoint is evaluated and judged from files alone: same bytes on a rerun, and a random model hands nothing on."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.evaluation import phase_inputs
from mova_core.evaluation.candidates import complete
from mova_core.evaluation.candidates.evaluate_phase import evaluate_phase
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.select import select
from mova_core.evaluation.suites.suite import synthetic_suite
from mova_core.measures.clip import Asked, Clip
from mova_core.model.nano_folder import write_nano_parts
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params import Params
from mova_core.params.evaluation import EvaluateParams, SelectParams
from mova_core.params.generate import GenerateParams
from mova_core.places import DataFolder
from mova_core.registry.manifests import EvaluationManifest, Selection
from mova_core.reporting.evaluation.page import write_page
from mova_core.sampling.tasks import CLIP_TASKS
from mova_core.storage.atomic import write_text
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import read_manifest
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES

SECTION = EvaluateParams(clips_per_class=2, batch=4, bootstrap_samples=20, sweep=(0.0, 2.0), samples=1)
OPEN = {"audio": {"audio_class_at_least": 0, "onset_rate_within_data_at_least": None}}
PARAMS = Params().model_copy(update={"evaluate": SECTION, "generate": GenerateParams(steps=2)})


@pytest.fixture
def places(nano_towers, save_checkpoint, nano_codec, tmp_path, monkeypatch) -> Places:
    """A run with one checkpoint of random weights; validation clips are of the world itself."""
    monkeypatch.chdir(tmp_path)
    write_nano_parts(DataFolder().codec, nano_codec)
    for phase in ("audio", "phase1"):
        save_checkpoint(tmp_path / "runs" / phase / "checkpoints", 3, nano_towers)
    monkeypatch.setattr(phase_inputs, "suite_for", lambda section, data: synthetic_suite(section))
    monkeypatch.setattr(
        phase_inputs, "validation_clips", lambda params, section, geometry, data, normalize_loudness: world(geometry)
    )
    return Places()


def world(geometry) -> list[Clip]:
    rng = np.random.default_rng(3)
    clips = []
    for kind in [*KINDS] * 2:
        take = draw_take(rng, kind, geometry.duration_s)
        frames = np.stack(list(render_frames(take, geometry.fps, geometry.frames, 48)))
        audio = render_audio(take, geometry.audio_rate_hz, geometry.audio_samples)
        clips.append(Clip(frames, audio, float(geometry.fps), geometry.audio_rate_hz, asked=Asked(label=kind)))
    return clips


def run(phase: str, places: Places) -> dict:
    return evaluate_phase(PHASES[phase], PARAMS, places, Path("reports"))


def judge(phase: str, places: Places, section: SelectParams | None = None) -> dict:
    params = PARAMS.model_copy(update={"select": section or SelectParams()})
    return select(PHASES[phase], params, places, Path("reports"))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_rerun_gives_the_same_bytes_and_a_random_model_hands_nothing_on(places: Places, monkeypatch) -> None:
    monkeypatch.setattr(complete, "LAST_PHASE", PHASES["phase1"])
    summary = run("phase1", places)
    first = digests(Path("reports/phase1"))
    tasks = {f"samples/tasks/{name}.mp4" for name in CLIP_TASKS}
    scores = {"metrics.json", "clips.jsonl", "against.jsonl", "clips.csv", "values.json", "candidates.json"}
    assert set(first) == {"samples/00.mp4"} | scores | tasks
    assert {told["path"] for told in summary["tasks"]} == tasks
    run("phase1", places)
    assert digests(Path("reports/phase1")) == first

    evaluation, _ = read_manifest(Path("reports/phase1/metrics.json"), EvaluationManifest)
    assert evaluation.suite.clips == 8 and summary["checkpoint_id"] == evaluation.checkpoint_id
    assert evaluation.metrics["event_f1"].data > 0.9
    assert [each["bridge_guidance_scale"] for each in summary["sweep"]] == [None, 0.0, 2.0]
    assert list(evaluation.metrics) == list(CATALOGUE)
    assert evaluation.metrics["decodable_share"].value == 1
    assert evaluation.metrics["validation_loss"].unavailable

    with pytest.raises(MovaError, match="FAILED"):
        judge("phase1", places)
    selection, _ = read_manifest(Path("models/phase1/selection.json"), Selection)
    assert not selection.passed and [path.name for path in Path("models/phase1").iterdir()] == ["selection.json"]


def test_a_phase_has_a_page_of_its_clips_beside_validation_clips(places: Places) -> None:
    run("phase1", places)
    folder = Path("reports/phase1")
    clips = [json.loads(line) for line in (folder / "clips.jsonl").read_text().splitlines()]
    assert [clip["file"] for clip in clips] == ["00.mp4"] + [None] * 7
    assert clips[0]["sha256"] == sha256_file(folder / "samples/00.mp4") and "ball" in clips[0]["asked"]["prompt"]
    f1 = [clip["metrics"]["event_f1"] for clip in clips]
    total = sum(each[0] for each in f1) / sum(each[1] for each in f1)
    metrics = json.loads((folder / "metrics.json").read_text())["metrics"]
    assert metrics["event_f1"]["value"] == pytest.approx(total, abs=1e-5)
    page = write_page(folder, folder / "samples").read_text()
    assert page.count("data:video/mp4") == 1 and "Some of the clips" in page
    assert ">validation clips</th>" in page and "shuffled" in page and ">difference</th>" not in page


def test_what_passes_becomes_a_model_folder_with_a_checksummed_manifest(places: Places) -> None:
    run("audio", places)
    metrics = json.loads(Path("reports/audio/metrics.json").read_text())
    assert metrics["sweep"] == [] and metrics["metrics"]["event_f1"]["unavailable"]
    write_text(places.runs / "audio/manifest.json", json.dumps({"trained_on": ["red ball"]}))
    judge("audio", places, SelectParams.model_validate(OPEN))
    first = digests(Path("models/audio"))
    assert FolderIndex.read(Path("models/audio")).prompts_warning(["a red box", "a cat"])
    selection, _ = read_manifest(Path("models/audio/selection.json"), Selection)
    files = json.loads(Path("models/audio/selection.json").read_text())["files"]
    assert selection.passed
    assert {name: each["sha256"] for name, each in files.items()} == {
        name: digest for name, digest in first.items() if name != "selection.json"
    }
    judge("audio", places, SelectParams.model_validate(OPEN))
    assert digests(Path("models/audio")) == first


def test_an_evaluation_of_another_checkpoint_is_stale(places: Places, nano_towers, save_checkpoint) -> None:
    with pytest.raises(UsageError, match="mova evaluate audio"):
        judge("audio", places)
    run("audio", places)
    save_checkpoint(places.runs / "audio/checkpoints", 4, nano_towers)
    with pytest.raises(StaleError, match="mova evaluate audio"):
        judge("audio", places)


def test_a_run_without_a_checkpoint_is_named(places: Places) -> None:
    with pytest.raises(UsageError, match="mova train phase2"):
        run("phase2", places)
