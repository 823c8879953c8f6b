"""The model card of a recorded project: what stands in it, what it does not claim, and that text stays text."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.curation.tables import read_table, write_table
from mova_core.errors import UsageError
from mova_core.params import Params, params_from
from mova_core.registry.database.connection import open_database, reading, writing
from mova_core.registry.promotion.log import append_promotion
from mova_core.registry.sync import sync
from mova_core.reporting.model_card.card import write_model_card
from mova_core.reporting.model_card.parts import Section, Table, markdown
from tests.mova_core.registry.conftest import Project

OWNER = "Foley for <b>silent</b> films | only"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Data, one run and its evaluation."""
    project = Project(tmp_path / "project")
    latents = project.curate()
    for stage in ("segment", "cut", "assess", "caption"):
        write_table(project.data.rejects(stage), "rejects", [])
    trained = project.train(latents={"nano-32": latents})
    record = {"step": 0, "lr": 0.001, "grad_norm": 1.0, "loss": 0.5, "video": 0.3, "audio": 0.2}
    bins = {f"{modality}_bins": [0.1] * 10 for modality in ("video", "audio")}
    project.write("runs/phase1/curves.jsonl", record | bins | {"expert": "low"})
    project.evaluate(trained)
    path = project.root / "reports/evaluation/phase1/metrics.json"
    shown = json.loads(path.read_text()) | {"sweep": [], "samples": []}
    project.select(trained, project.write("reports/evaluation/phase1/metrics.json", shown))
    usage = {"schema": "usage/1", "device": "cpu", "devices": 2, "device_s": 7200.0, "cpu_s": 3600.0}
    project.write(".mova/usage/phase1-0.json", usage)
    return project


@pytest.fixture
def engine(tmp_path: Path, project: Project) -> Iterator[sa.Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'registry.db'}")
    sync(engine, project.root)
    yield engine
    engine.dispose()


def card(engine: sa.Engine, project: Project, params: Params | None = None) -> tuple[str, str]:
    """Its Markdown and its HTML."""
    with reading(engine) as session:
        made = write_model_card(session, "models/phase1", params or params_from({}), project.root)
    return Path(made["markdown"]).read_text(), Path(made["html"]).read_text()


def test_what_is_known_stands_in_both_forms(engine: sa.Engine, project: Project) -> None:
    for text in card(engine, project):
        for expected in (["made-64", " 64 clips"][0], "phase1-0", "2 x cpu", "2.000", "1.000", "0.800", "not stated"):
            assert expected in text
        assert "[0.750, 0.850]" in text.replace("\\", "")


def test_the_same_registry_and_folders_give_the_same_bytes(engine: sa.Engine, project: Project) -> None:
    assert card(engine, project) == card(engine, project)


def test_words_of_the_owner_are_text_in_both_forms(engine: sa.Engine, project: Project) -> None:
    text, page = card(engine, project, params_from({"registry": {"intended_use": OWNER}}))
    assert "\\<b\\>silent\\</b\\> films \\| only" in text
    assert "&lt;b&gt;silent&lt;/b&gt;" in page and "<b>silent" not in page


def test_without_an_owners_word_the_card_says_so(engine: sa.Engine, project: Project) -> None:
    assert "has not stated" in card(engine, project)[0]


def test_tables_of_another_version_are_not_taken_for_those_of_the_model(engine: sa.Engine, project: Project) -> None:
    before = card(engine, project)[0]
    table = project.data.table("sources")
    rows = [row | {"rights": "CC0"} for row in read_table(table, "sources")]
    write_table(table, "sources", rows, {"rejects": project.data.rejects("ingest")})
    after = card(engine, project)[0]
    assert "another version" not in before
    assert "CC0" not in after and "another version than the model was trained on" in after


def test_what_a_run_cost_is_unknown_and_not_zero_where_nobody_wrote_it(engine: sa.Engine, project: Project) -> None:
    (project.root / ".mova/usage/phase1-0.json").unlink()
    assert "unknown on this machine" in card(engine, project)[0]


def test_a_metric_without_a_value_is_a_limit_with_its_reason(engine: sa.Engine, project: Project) -> None:
    path = project.root / "reports/evaluation/phase1/metrics.json"
    values = json.loads(path.read_text())
    values["metrics"]["desync_s"] = dict.fromkeys(("value", "low", "high")) | {
        "better": "lower",
        "unavailable": "no weights",
    }
    evaluation_id = project.write("reports/evaluation/phase1/metrics.json", values)
    project.select(values["checkpoint_id"], evaluation_id)
    sync(engine, project.root)
    assert "no weights" in card(engine, project)[0]


def test_every_decision_about_it_is_told(engine: sa.Engine, project: Project) -> None:
    with reading(engine) as session:
        found = session.execute(sa.text("SELECT checkpoint_id FROM checkpoints ORDER BY step DESC")).scalars().first()
    decision: dict[str, Any] = {"alias": "production", "outcome": "kept", "checkpoint_id": found, "champion_id": None}
    with writing(engine) as session:
        append_promotion(session, decision | {"reason": "it was too loud", "evidence": {}})
        forced = {"outcome": "promoted", "reason": "becomes it", "evidence": {"forced": "a demo tomorrow"}}
        append_promotion(session, decision | forced)
    text = card(engine, project)[0]
    assert "it was too loud" in text and "FORCED by a person: a demo tomorrow" in text


def test_an_unknown_model_is_refused(engine: sa.Engine, project: Project) -> None:
    with reading(engine) as session, pytest.raises(UsageError, match="no alias"):
        write_model_card(session, "nobody", params_from({}), project.root)


def test_cells_cannot_break_a_table() -> None:
    text = markdown("a\nb", [Section("s", (), (Table(("x",), (("1 | 2\n# 3",),)),))])
    assert text.splitlines()[-1].count("|") - text.splitlines()[-1].count("\\|") == 2
