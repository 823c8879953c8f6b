"""The table of a phase's candidates: a row each, the chosen one first; nothing from outside is put in unescaped."""

from pathlib import Path
from typing import Any

from mova_core.evaluation.candidates.record import CANDIDATES_FILE, CandidatesManifest
from mova_core.reporting.candidates_section import candidates_section
from mova_core.storage.manifest import write_manifest


def judgement(margin: float, failed: str | None, clips: int) -> dict[str, Any]:
    gate = {"name": failed or "event_f1", "value": 0.6, "limit": 0.5, "better": "higher", "passed": failed is None}
    gates = [gate | {"sign": "≥", "low": None, "unavailable": None, "margin": margin}]
    return {"clips": clips, "passed": failed is None, "margin": margin, "gates": gates, "metrics": {"event_f1": 0.6}}


def candidate(step: int, small: dict[str, Any] | None, full: dict[str, Any] | None, why: str) -> dict[str, Any]:
    whole = None if full is None else full | {"evaluation": "metrics.json", "evaluation_sha256": "0" * 64}
    return {"checkpoint_id": f"{step:016x}", "step": step, "small": small, "full": whole, "why": why}


def section(folder: Path, *candidates: dict[str, Any]) -> str:
    record = {"phase": "phase1", "chosen": candidates[0]["checkpoint_id"], "candidates": list(candidates)}
    write_manifest(folder / CANDIDATES_FILE, CandidatesManifest.model_validate(record))
    return candidates_section(folder).html


def test_each_candidate_has_a_row_with_both_judgements(tmp_path: Path) -> None:
    html = section(
        tmp_path,
        candidate(700, judgement(0.4, None, 16), judgement(0.3, None, 64), "the best <of> three"),
        candidate(500, judgement(0.2, None, 16), judgement(-0.1, "sync_gain", 64), "behind step 700"),
        candidate(250, judgement(-0.5, "event_f1", 16), None, "place 3 of 3"),
    )
    assert html.count("<tr") == 4 and "gates, 16 clips" in html and "gates, 64 clips" in html
    rows = html.split("<tr")[2:]
    assert ">700<" in rows[0] and "0.400" in rows[0] and "0.300" in rows[0] and "the best &lt;of&gt; three" in rows[0]
    assert "✘ sync_gain" in rows[1] and rows[2].count("<td>–</td>") == 2


def test_two_that_were_both_evaluated_whole_have_one_judgement(tmp_path: Path) -> None:
    html = section(
        tmp_path,
        candidate(700, None, judgement(0.3, None, 64), "the best"),
        candidate(500, None, judgement(0.2, None, 64), "behind"),
    )
    assert "–" not in html and html.count("gates,") == 1
