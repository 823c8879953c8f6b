"""A champion that was evaluated on another suite is evaluated on the candidate's, from the weights that were kept."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import torch

from mova_core.evaluation import phase_inputs
from mova_core.evaluation.candidates.evaluate_phase import evaluate_phase
from mova_core.evaluation.promote import promote
from mova_core.evaluation.select import select
from mova_core.evaluation.suites.suite import synthetic_suite
from mova_core.model.nano_folder import write_nano_parts
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params, load_params
from mova_core.places import DataFolder
from mova_core.registry.aliases import get_alias
from mova_core.registry.database.connection import open_database, reading
from mova_core.registry.database.tables import Promotion
from mova_core.registry.promotion.promotion import Decision
from mova_core.sampling.collapse import collapse
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES

PARAMS = Path("params.yaml")


@pytest.fixture
def engine(nano_codec, tmp_path, monkeypatch) -> Iterator[sa.Engine]:
    """The registry of a project in the present folder that has a codec and no footage."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(phase_inputs, "suite_for", lambda section, data: synthetic_suite(section))
    monkeypatch.setattr(phase_inputs, "validation_clips", lambda *arguments, **options: [])
    write_nano_parts(DataFolder().codec, nano_codec)
    engine = open_database()
    yield engine
    engine.dispose()


@pytest.fixture
def offer(engine: sa.Engine, save_checkpoint) -> Callable[[torch.nn.Module, int], Decision]:
    """Function that trains nothing, but leaves the folders as train, evaluate and select do, and promotes."""

    def leave(towers: torch.nn.Module, first_seed: int) -> Decision:
        section = {"clips_per_class": 1, "bootstrap_samples": 5, "sweep": [], "samples": 0, "seed": first_seed}
        limits = {"audio_class_at_least": 0.0, "onset_rate_within_data_at_least": None}
        values = {"evaluate": section, "generate": {"steps": 1}, "select": {"audio": limits}}
        PARAMS.write_text(json.dumps(values))
        params, places, reports = load_params(PARAMS), Places(), Path("reports/evaluation")
        shutil.rmtree("runs", ignore_errors=True)
        save_checkpoint(places.run(PHASES["audio"]) / "checkpoints", 3, towers)
        evaluate_phase(PHASES["audio"], params, places, reports)
        select(PHASES["audio"], params, places, reports)
        return promote(engine, "models/audio", "production", PARAMS)

    return leave


def test_the_champion_is_evaluated_on_the_candidate_s_suite(engine: sa.Engine, offer, nano_towers) -> None:
    champion = offer(nano_towers, first_seed=1).candidate_id
    decision = offer(preset_dual_tower(Params(seed=9)).eval(), first_seed=2)
    assert decision.outcome in ("promoted", "kept") and decision.champion_id == champion
    compared = {row["metric"]: row for row in decision.evidence["metrics"]}
    assert compared["audio_class"]["verdict"] in ("not worse", "worse")
    evaluated = json.loads(Path(f"reports/champions/{champion}/metrics.json").read_text())
    assert evaluated["checkpoint_id"] == champion and evaluated["suite"] == decision.evidence["suite"]
    assert evaluated["metrics"]["audio_class"]["value"] == compared["audio_class"]["champion"]
    assert "not the project's present one" in evaluated["metrics"]["validation_loss"]["unavailable"]


def test_a_candidate_on_the_champion_s_suite_is_compared_clip_by_clip_with_what_was_kept(
    engine: sa.Engine, offer, nano_towers
) -> None:
    champion = offer(nano_towers, first_seed=1).candidate_id
    decision = offer(preset_dual_tower(Params(seed=9)).eval(), first_seed=1)
    assert decision.outcome in ("promoted", "kept") and decision.champion_id == champion
    compared = {row["metric"]: row for row in decision.evidence["metrics"]}
    assert (compared["audio_class"]["method"], compared["audio_class"]["pairs"]) == ("paired", 4)
    assert not Path("reports/champions").exists()  # nothing was measured again


def test_what_is_promoted_has_made_a_clip(engine: sa.Engine, offer, nano_towers) -> None:
    made = offer(nano_towers, first_seed=1).evidence["smoke_clip"]
    assert made["steps"] == 4 and made["frames"] == 0 and "ball" in made["prompt"]  # phase audio has no video


def test_a_model_that_makes_no_clip_takes_no_alias_though_it_is_forced(
    engine: sa.Engine, offer, nano_towers, monkeypatch
) -> None:
    monkeypatch.setattr(collapse, "SILENT", -1.0)  # every clip is silent
    decision = offer(nano_towers, first_seed=1)
    assert decision.outcome == "kept" and "as it is kept it makes no clip: its clip collapsed" in decision.reason
    assert "collapsed" in decision.evidence["smoke_clip"]["fault"]
    assert promote(engine, "models/audio", "production", PARAMS, force="now").outcome == "kept"
    with reading(engine) as session:
        assert get_alias(session, "production") is None
        assert [event.outcome for event in session.scalars(sa.select(Promotion))] == ["kept", "kept"]


def test_a_champion_whose_weights_are_gone_stays_and_the_refusal_is_stored(
    engine: sa.Engine, offer, nano_towers
) -> None:
    champion = offer(nano_towers, first_seed=1).candidate_id
    shutil.rmtree(".mova/artifacts")
    decision = offer(preset_dual_tower(Params(seed=9)).eval(), first_seed=2)
    assert decision.outcome == "kept" and f"weights of checkpoint {champion} are not on this machine" in decision.reason
    with reading(engine) as session:
        events = session.scalars(sa.select(Promotion).order_by(Promotion.event_id)).all()
    assert [(event.outcome, event.reason) for event in events][1:] == [("kept", decision.reason)]
