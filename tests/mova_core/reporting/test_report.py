"""One page of whatever is there: the data half alone, with a model, with a model that failed its gate."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from tabulate import tabulate

from mova_core.curation.curate import curate
from mova_core.curation.engine.base import Engine
from mova_core.errors import UsageError
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.reporting.report import write_report
from tests.mova_core.reporting.html_page import Page

LARGEST_PAGE = 8_000_000


@pytest.fixture(scope="module")
def curated(synthetic_footage: Path, tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """Tables and clips of a little synthetic footage. Tests only read it."""
    folder = tmp_path_factory.mktemp("curated") / "data"
    curate(Params(), str(synthetic_footage), folder, Engine.choose("local", 1))
    return DataFolder(folder)


def report(folders: Any, data: DataFolder) -> tuple[Page, dict[str, Any], str]:
    path = folders.root / "reports/index.html"
    path.parent.mkdir(exist_ok=True)
    summary = write_report(Params(), data, path, project=folders.root)
    html = path.read_text(encoding="utf-8")
    return Page(html), summary, html


def test_without_a_model_the_page_is_the_data_half(folders: Any, curated: DataFolder) -> None:
    page, summary, html = report(folders, curated)
    assert not {"generated", "training", "sync", "lineage"} & page.ids
    assert "fit to train on" in summary["text"] and "model" not in summary
    assert [each.name for each in sorted((folders.root / "reports").iterdir())] == [
        "contact-sheet.png",
        "curation.json",
        "headline.json",
        "index.html",
    ]
    alone = folders.root / "alone.html"
    write_report(Params(), curated, alone)
    assert alone.read_text(encoding="utf-8") == html


def test_with_a_model_the_page_tells_it_in_order(folders: Any, curated: DataFolder) -> None:
    folders.two_phases(0.94)
    folders.samples("phase1", steps=(10, 20, 30, 40))
    page, summary, html = report(folders, curated)
    assert len(html.encode()) < LARGEST_PAGE
    assert [f"after {step} steps" in page.text for step in (10, 20, 30, 40)] == [True, True, False, True]
    order = ["generated", "clips", "funnel", "contracts", "training", "sync", "sweep", "lineage", "unavailable"]
    places = [html.index(f'id="{name}"') for name in order]
    assert places == sorted(places)
    assert "agree on 94% of events; shuffled pairs 18%, data 98%. phase1 passes its gate." in page.text
    assert summary["text"].startswith("phase1: video and audio agree on 94% of events")
    assert page.text.count("1 of 3 events agree (1 only in the video, 1 only in the audio)") == 2
    assert html.count('class="chart loss"') == 2
    assert "A <red> ball" in page.text
    assert "phase2 has no finished run: mova train phase2" in page.text
    assert "no model is packaged: mova package" in page.text
    assert json.loads((folders.root / "reports/model.json").read_text())["phase1"]["event_f1"] == 0.94


def test_dvc_shows_a_dozen_figures_that_fit_a_terminal(folders: Any, curated: DataFolder) -> None:
    folders.two_phases(0.94)
    report(folders, curated)
    figures = json.loads((folders.root / "reports/headline.json").read_text())
    assert len(figures) <= 14 and all(value is None or isinstance(value, int | float) for value in figures.values())
    assert (figures["event_f1"], figures["sync_gain"], figures["gates_failed"]) == (0.94, None, 0)
    stages = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    shown = [path for stage in stages.values() for path in stage.get("metrics", stage.get("do", {}).get("metrics", []))]
    assert shown == ["reports/headline.json"]
    row = tabulate([["reports/headline.json", *figures.values()]], ["Path", *figures])
    assert max(map(len, row.splitlines())) <= 220


def test_every_link_leads_somewhere_and_none_outside(folders: Any, curated: DataFolder) -> None:
    folders.two_phases(0.94)
    (folders.root / "reports/evaluation/phase1/report.html").touch()
    page, _, _ = report(folders, curated)
    assert "evaluation/phase1/report.html" in page.links and "evaluation/audio/report.html" not in page.links
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        elif not link.startswith("data:"):
            assert (folders.root / "reports" / link).exists(), link


def test_the_same_inputs_give_the_same_bytes(folders: Any, curated: DataFolder) -> None:
    folders.two_phases(0.94)
    assert report(folders, curated)[2] == report(folders, curated)[2]


def test_a_phase_that_failed_its_gate_has_a_full_page(folders: Any, curated: DataFolder) -> None:
    folders.two_phases(0.31)
    page, _, _ = report(folders, curated)
    assert "phase1 fails 1 of 1 gates and hands no model on: event_f1 0.310" in page.text
    assert "✘ ≥ 0.55" in page.text and "✘ failed" in page.text
    assert {"generated", "training", "lineage", "tasks", "task-retake"} <= page.ids


def test_other_footage_is_said_in_the_first_line(folders: Any, curated: DataFolder) -> None:
    folders.two_phases(None, suite="captions")
    page, _, html = report(folders, curated)
    body = html[html.index("<body>") :]
    assert body.index("not made by the project") < body.index("<h1>")
    assert "only in the video" not in page.text
    assert page.text.count("the footage is not synthetic") >= 1


def test_a_run_that_is_not_evaluated_shows_its_curves_under_the_headline_of_the_data(
    folders: Any, curated: DataFolder
) -> None:
    folders.train("audio")
    page, summary, html = report(folders, curated)
    assert "training" in page.ids and "generated" not in page.ids and html.count('class="chart loss"') == 1
    assert "audio is not evaluated: mova evaluate audio" in page.text
    assert summary["model"] == {}


def test_the_evaluations_contract_is_shown_last(folders: Any, curated: DataFolder) -> None:
    for table in ("evaluation", "sources"):
        folders.write(
            f"reports/contracts/{table}.json", {"table": table, "verdict": "holds", "rows": 4, "expectations": []}
        )
    page, _, _ = report(folders, curated)
    assert page.text.index("✔ sources") < page.text.index("✔ evaluation")


def test_what_drifted_since_the_version_before_is_drawn(curated: DataFolder, tmp_path: Path):
    earlier = DataFolder(tmp_path / "earlier")
    shutil.copytree(curated.root, earlier.root)
    verdicts = pq.read_table(earlier.table("verdicts"))
    lufs = pa.array([None if value is None else value - 9 for value in verdicts["lufs"].to_pylist()], pa.float64())
    at = verdicts.schema.get_field_index("lufs")
    pq.write_table(
        verdicts.set_column(at, verdicts.schema.field("lufs"), lufs.cast(verdicts.schema.field("lufs").type)),
        earlier.table("verdicts"),
    )
    write_report(Params(), curated, tmp_path / "index.html", against=earlier)
    page = Page((tmp_path / "index.html").read_text())
    assert "#drift" in page.links and "drift" in page.ids
    assert re.search(r"Against \S+earlier: 1 of \d+ distributions has drifted", page.text)
    after = page.text.partition("Since the version before")[2]
    assert after.index("loudness, LUFS") < after.index("drifted: D 1.000") < after.index("distance 0.000")

    with pytest.raises(UsageError, match=r"--against \S+nowhere is no folder"):
        write_report(Params(), curated, tmp_path / "other.html", against=DataFolder(tmp_path / "nowhere"))
    assert not (tmp_path / "other.html").exists()
