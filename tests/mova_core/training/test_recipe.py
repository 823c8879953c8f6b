"""The recipe is the one table of phases: params, dvc.yaml, curation and the flows' forms follow it."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mova_core.curation.assess.phase_filters import phase_rules
from mova_core.errors import UsageError
from mova_core.options import PhaseArgument
from mova_core.params import PHASE_NAMES, PRESETS, AssessParams, Params, params_from
from mova_core.params.model import JointPhaseParams
from mova_core.training.recipe import PHASES, phase_named

STAGES = yaml.safe_load((Path(__file__).parents[3] / "dvc.yaml").read_text())["stages"]


def test_phases_follow_each_other():
    assert tuple(PHASES) == PHASE_NAMES
    assert [(phase.name, phase.starts_from) for phase in PHASES.values()] == [
        ("audio", None),
        ("phase1", "audio"),
        ("phase2", "phase1"),
        ("phase3", "phase2"),
    ]
    assert [phase.number for phase in PHASES.values()] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("nano", ["nano-32", "nano-32", "nano-32", "nano-48"]),
        ("mova-360p", ["mova-360p"] * 4),
        ("mova-720p", ["mova-360p", "mova-360p", "mova-360p", "mova-720p"]),
    ],
)
def test_the_last_phase_has_the_largest_canvas(preset, expected):
    params = params_from({"preset": preset})
    assert [phase.geometry(params).name for phase in PHASES.values()] == expected


def test_a_joint_phase_has_joint_params():
    for phase in PHASES.values():
        assert isinstance(phase.params(Params().train), JointPhaseParams) == phase.joint


def test_dvc_trains_evaluates_and_selects_the_phases_of_the_recipe():
    trained = STAGES["train"]["foreach"]
    assert list(trained) == list(PHASES)
    for name, start in trained.items():
        before = PHASES[name].starts_from
        assert start == ("reports/contracts/latents.json" if before is None else f"models/{before}")
    assert STAGES["evaluate"]["foreach"] == STAGES["select"]["foreach"] == list(PHASES)
    assert f"models/{list(PHASES)[-1]}" in STAGES["package"]["deps"]


def test_dvc_trains_anew_when_the_model_gets_another_size():
    params = STAGES["train"]["do"]["params"]
    assert "train.model" in params
    assert "train.${key}" in params


@pytest.mark.parametrize("preset", PRESETS)
def test_curation_has_a_rule_for_each_phase(preset):
    assert tuple(phase_rules(preset, AssessParams())) == tuple(PHASES)


def test_help_and_errors_name_every_phase():
    (argument,) = PhaseArgument.__metadata__
    assert all(name in argument.help for name in PHASES)
    with pytest.raises(UsageError, match="'phase4', expected one of audio, phase1, phase2, phase3"):
        phase_named("phase4")


def test_the_recipe_loads_no_torch():
    code = "import sys, mova_core.training.recipe; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
