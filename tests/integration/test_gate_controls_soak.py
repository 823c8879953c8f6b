"""All phases trained at full size without the Bridge: classes are learned, sync is not, and only sync gates tell.

The small form is tests/mova_core/evaluation/test_gate_controls.py.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mova_core.errors import MovaError
from mova_core.evaluation.candidates.evaluate_phase import evaluate_phase
from mova_core.evaluation.select import select
from mova_core.params import Params, load_params
from mova_core.params.evaluation import SelectParams
from mova_core.registry.manifests import EvaluationManifest, Selection
from mova_core.storage.manifest import read_manifest
from mova_core.training.loop import train
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES, Phase

CLIPS = 1000  # as many as the demo makes
REPORTS = Path("reports/evaluation")
OPEN = {
    "event_f1_at_least": 0,
    "event_f1_over_shuffled_at_least": -1,
    "offset_s_at_most": 1e9,
    "desync_s_at_most": 1e9,
    "sync_gain_at_least": -1,
}
SYNC = {limit.rsplit("_at_", 1)[0] for limit in OPEN}
NEAR_SHUFFLED = 0.1  # of event F1: three times what 64 clips let it stray


@pytest.fixture
def project(projects, run) -> Path:
    """A project with latents of much footage, whose params drop the Bridge for every clip."""
    folder = projects("without-bridge")
    path = folder / "params.yaml"
    values = yaml.safe_load(path.read_text())
    values["fit_codec"]["clips"] = 384
    for name, phase in PHASES.items():
        if phase.joint:
            values["train"][name]["bridge_dropout"] = 1.0
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    shutil.rmtree(folder / "data/footage")
    run(folder, "mova", "make-footage", "data/footage", "--clips", str(CLIPS))
    run(folder, "dvc", "add", "-q", "data/footage")
    run(folder, "dvc", "repro", "-q", "contract@latents")
    return folder


@pytest.mark.soak
@pytest.mark.timeout(5400)
def test_a_life_without_the_bridge_fails_every_sync_gate_and_no_other(project, monkeypatch):
    monkeypatch.chdir(project)
    params = load_params()
    results = {phase: trained_and_judged(phase, params) for phase in PHASES.values()}
    for phase, (gates, metrics) in results.items():
        told = {name: (metrics[name].value, metrics[name].shuffled, metrics[name].data) for name in gates}
        assert {name for name, passed in gates.items() if not passed} == (SYNC if phase.joint else set()), told
        if phase.joint:
            assert abs(metrics["event_f1_over_shuffled"].value) < NEAR_SHUFFLED, told
            assert abs(metrics["sync_gain"].value) < NEAR_SHUFFLED, told


def trained_and_judged(phase: Phase, params: Params) -> tuple[dict[str, bool], dict[str, Any]]:
    """Gates (name -> passed) and metrics of a phase; its model is handed on by its classes alone."""
    places = Places()
    train(phase, params, places)
    evaluate_phase(phase, params, places, REPORTS)
    evaluation, _ = read_manifest(REPORTS / phase.name / "metrics.json", EvaluationManifest)
    try:
        select(phase, params, places, REPORTS)
    except MovaError as error:
        assert "FAILED" in str(error), error
    selection, _ = read_manifest(places.models / phase.name / "selection.json", Selection)
    if not selection.passed:
        select(phase, params.model_copy(update={"select": by_classes_alone(params.select)}), places, REPORTS)
    return {gate.name: gate.passed for gate in selection.gates}, evaluation.metrics


def by_classes_alone(limits: SelectParams) -> SelectParams:
    """The same limits with those of sync wide open."""
    values = limits.model_dump()
    opened = {phase.name: values[phase.name] | OPEN for phase in PHASES.values() if phase.joint}
    return SelectParams.model_validate(values | opened)
