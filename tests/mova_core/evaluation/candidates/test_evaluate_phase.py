"""Every kept checkpoint is a candidate: a part of the suite ranks them, two generate all of it, the best is written."""

import json
from pathlib import Path
from typing import Any

import pytest

from mova_core.errors import StaleError
from mova_core.evaluation import phase_inputs
from mova_core.evaluation.candidates.evaluate_phase import evaluate_phase
from mova_core.evaluation.select import select
from mova_core.evaluation.suites.captioned import CAPTION_OF
from mova_core.evaluation.suites.suite import Suite, synthetic_suite
from mova_core.model.nano_folder import write_nano_parts
from mova_core.params import Params
from mova_core.params.evaluation import EvaluateParams, OtherFootageGateParams, SelectParams
from mova_core.params.generate import GenerateParams
from mova_core.places import DataFolder
from mova_core.registry.manifests import EvaluationManifest, Selection
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import read_manifest
from mova_core.training.checkpoints.checkpoint import finished
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES

AUDIO, REPORTS = PHASES["audio"], Path("reports")
SECTION = EvaluateParams(
    footage="other", clips_per_class=2, candidate_clips_per_class=1, bootstrap_samples=5, samples=1
)
LIMITS = dict.fromkeys(OtherFootageGateParams.model_fields) | {"validation_loss_at_most": 100.0}
PARAMS = Params().model_copy(
    update={
        "evaluate": SECTION,
        "generate": GenerateParams(steps=1),
        "select": SelectParams(other_footage=OtherFootageGateParams.model_validate(LIMITS)),
    }
)


@pytest.fixture
def train(nano_towers, save_checkpoint, nano_codec, tmp_path, monkeypatch) -> Any:
    """Function that leaves checkpoints of the same weights and of these validation losses, at steps 1, 2, …

    The footage is not synthetic, so that the loss is judged, which differs where nothing else does.
    """
    monkeypatch.chdir(tmp_path)
    write_nano_parts(DataFolder().codec, nano_codec)
    prompts = tuple(CAPTION_OF.values()) * 2
    suite = Suite("captions", prompts, (None,) * len(prompts), tuple(range(len(prompts))))
    monkeypatch.setattr(phase_inputs, "suite_for", lambda *_: suite)
    monkeypatch.setattr(phase_inputs, "validation_clips", lambda *_, **__: [])

    def leave(*losses: float) -> list[str]:
        for step, loss in enumerate(losses, start=1):
            save_checkpoint(tmp_path / "runs/audio/checkpoints", step, nano_towers, validation_loss=loss)
        return [checkpoint.checkpoint_id for checkpoint in finished(tmp_path / "runs/audio/checkpoints")]

    return leave


def evaluate() -> dict[str, Any]:
    evaluate_phase(AUDIO, PARAMS, Places(), REPORTS)
    record: dict[str, Any] = json.loads(Path("reports/audio/candidates.json").read_text())
    return record


def test_the_best_of_three_is_chosen_though_it_is_not_the_last(train) -> None:
    ids = train(0.9, 0.3, 0.6)
    record = evaluate()
    assert record["chosen"] == ids[1]
    assert [(each["step"], each["full"] is not None) for each in record["candidates"]] == [
        (2, True),
        (3, True),
        (1, False),
    ]
    assert {each["small"]["clips"] for each in record["candidates"]} == {4}
    evaluation, sha256 = read_manifest(Path("reports/audio/metrics.json"), EvaluationManifest)
    other, _ = read_manifest(Path(f"reports/audio/candidates/{ids[2]}/metrics.json"), EvaluationManifest)
    assert evaluation.checkpoint_id == ids[1] and evaluation.metrics["validation_loss"].value == 0.3
    assert other.checkpoint_id == ids[2] and other.suite == evaluation.suite and other.suite.clips == 8
    assert record["candidates"][0]["full"]["evaluation_sha256"] == sha256
    assert record["candidates"][0]["full"]["metrics"]["validation_loss"] == 0.3
    assert "place 3 of 3" in record["candidates"][2]["why"] and "behind step 2" in record["candidates"][1]["why"]

    selection = select(AUDIO, PARAMS, Places(), REPORTS)
    assert selection["passed"] and selection["checkpoint_id"] == ids[1]
    assert selection["reason"].startswith(f"step 2 ({ids[1]}), the best of 3 candidates, passes its gate")
    written, _ = read_manifest(Path("models/audio/selection.json"), Selection)
    assert written.checkpoint_id == ids[1] and written.evaluation_sha256 == sha256


def test_two_are_both_evaluated_whole_and_of_two_alike_the_later_is_chosen(train) -> None:
    ids = train(0.5, 0.5)
    record = evaluate()
    assert record["chosen"] == ids[1] and [each["small"] for each in record["candidates"]] == [None, None]
    assert "as good as step 2" in record["candidates"][1]["why"]
    files = {path.name for path in Path(f"reports/audio/candidates/{ids[0]}").iterdir()}
    assert {"metrics.json", "clips.jsonl", "samples"} <= files
    before = {path: sha256_file(path) for path in sorted(REPORTS.rglob("*")) if path.is_file()}
    assert evaluate() == record
    assert {path: sha256_file(path) for path in sorted(REPORTS.rglob("*")) if path.is_file()} == before


def test_one_checkpoint_alone_generates_its_suite_once(train, monkeypatch) -> None:
    from mova_core.evaluation.candidates import evaluate_phase as module

    clips: list[int] = []
    real = module.evaluate_model

    def counted(model, inputs, folder):
        clips.append(len(inputs.suite.prompts))
        return real(model, inputs, folder)

    monkeypatch.setattr(module, "evaluate_model", counted)
    train(0.5)
    record = evaluate()
    assert clips == [8] and not Path("reports/audio/candidates").exists()
    assert "the only checkpoint" in record["candidates"][0]["why"]


def test_other_gates_than_the_evaluation_s_that_choose_another_are_stale(train) -> None:
    train(0.3, 0.6)
    evaluate()
    path = Path("reports/audio/candidates.json")
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"chosen": record["candidates"][1]["checkpoint_id"]}))
    with pytest.raises(StaleError, match="is the best: run `mova evaluate audio` again"):
        select(AUDIO, PARAMS, Places(), REPORTS)


def test_an_altered_evaluation_of_the_other_candidate_is_refused(train) -> None:
    ids = train(0.3, 0.6)
    evaluate()
    path = Path(f"reports/audio/candidates/{ids[1]}/metrics.json")
    path.write_text(path.read_text().replace("0.6", "0.1"))
    with pytest.raises(StaleError, match="is not the evaluation that candidates"):
        select(AUDIO, PARAMS, Places(), REPORTS)


def test_a_part_of_a_suite_has_some_of_every_class_spread_over_it() -> None:
    suite = synthetic_suite(EvaluateParams(clips_per_class=16))
    part = suite.part(4)
    assert [part.labels.count(label) for label in dict.fromkeys(suite.labels)] == [4] * 4
    assert {*part.seeds} < {*suite.seeds} and max(part.seeds) - min(part.seeds) > 40
    assert suite.part(16) == suite
    texts = Suite("captions", tuple(map(str, range(64))), (None,) * 64, tuple(range(64)))
    assert texts.part(4).prompts == tuple(map(str, range(0, 64, 4)))
