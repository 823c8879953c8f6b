"""The candidates of a phase as a table: every kept checkpoint, how it was judged, and why it was chosen or not."""

from dataclasses import dataclass
from pathlib import Path

from mova_core.evaluation.candidates.record import CANDIDATES_FILE, CandidatesManifest, Judgement
from mova_core.reporting.evaluation.page import Section
from mova_core.reporting.templates import render
from mova_core.storage.manifest import read_manifest


@dataclass(frozen=True, slots=True)
class Judged:
    """One judgement of a candidate, ready to print; dashes where there is none."""

    gates: str = "–"
    margin: str = "–"


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate."""

    step: int
    checkpoint: str
    judged: tuple[Judged, ...]
    why: str


def candidates_section(folder: Path) -> Section:
    """The table of an evaluation's candidates.json.

    Raises:
        StaleError: it is missing or cannot be read.
    """
    record, _ = read_manifest(folder / CANDIDATES_FILE, CandidatesManifest)
    small = next((each.small.clips for each in record.candidates if each.small is not None), None)
    rows = [
        Row(
            each.step,
            each.checkpoint_id,
            tuple(map(_judged, [each.small, each.full] if small is not None else [each.full])),
            each.why,
        )
        for each in record.candidates
    ]
    clips = next(each.full.clips for each in record.candidates if each.full is not None)
    return Section(
        "candidates", "Candidates", render("candidates.html", {"rows": rows, "small": small, "clips": clips})
    )


def _judged(judgement: Judgement | None) -> Judged:
    if judgement is None:
        return Judged()
    failed = [gate.name for gate in judgement.gates if not gate.passed]
    return Judged(f"✘ {', '.join(failed)}" if failed else "✔", f"{judgement.margin:.3f}")
