"""The model card of a checkpoint, as Markdown and as an HTML page with its loss curves and clips.

    reports/cards/CHECKPOINT.md, CHECKPOINT.html
It tells what the registry and the project's folders hold, and says what is not known. The same registry and folders
give the same bytes.
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import MovaError
from mova_core.params import Params
from mova_core.places import MODEL_CARDS
from mova_core.registry.database.tables import Alias, Checkpoint
from mova_core.registry.lineage.origins import Origins, origins
from mova_core.registry.references import find_checkpoint
from mova_core.registry.takedown.inputs import taken_down_inputs
from mova_core.reporting.charts.loss import loss_chart
from mova_core.reporting.generated_clips import GeneratedClip, draw_generated
from mova_core.reporting.model_card.data import data_section
from mova_core.reporting.model_card.evaluation import (
    evaluation_section,
    limits_section,
    promotions_section,
    selected_evaluation,
)
from mova_core.reporting.model_card.parts import Section, Table, markdown
from mova_core.reporting.model_card.training import training_section
from mova_core.reporting.phase_reports import PhaseReport, read_phases
from mova_core.reporting.templates import render
from mova_core.storage.atomic import make_folder, write_text

PAGE = "model-card.html"
NANO = "The nano preset is for demonstrations: clips of two seconds of a synthetic world, no use beyond showing how."
NOT_STATED = "The owner has not stated what it is for (params registry.intended_use)."
AI_MADE = "Its clips are no recordings of anything that happened; their metadata names this checkpoint."


def write_model_card(session: Session, reference: str, params: Params, root: Path = Path()) -> dict[str, Any]:
    """Write the card of a checkpoint.

    Args:
        session: any session of the registry, in step with the folders (`sync`).
        reference: alias, checkpoint id or model folder.
        params: of the project.
        root: the project's folder.

    Returns:
        `checkpoint_id`, `markdown` and `html` (paths), with `text`.

    Raises:
        UsageError: nothing of that name is known.
        StaleError, MediaError: a file of the project cannot be read.
    """
    checkpoint = find_checkpoint(session, reference, root)
    found = origins(session, checkpoint)
    sections = _sections(session, checkpoint, found, params, root)
    title = f"Model card: checkpoint {checkpoint.checkpoint_id} ({checkpoint.phase})"
    reports = [each for each in read_phases(root) if _is_behind(each, found)]
    values = {"title": title, "sections": sections, "curves": _curves(reports), "clips": _clips(reports, params)}
    folder = root / MODEL_CARDS
    make_folder(folder)
    files = {kind: folder / f"{checkpoint.checkpoint_id}.{kind}" for kind in ("md", "html")}
    write_text(files["md"], markdown(title, sections))
    write_text(files["html"], render(PAGE, values))
    told = f"{files['md']} and {files['html'].name}: the card of checkpoint {checkpoint.checkpoint_id}"
    return {
        "checkpoint_id": checkpoint.checkpoint_id,
        "markdown": str(files["md"]),
        "html": str(files["html"]),
        "text": told,
    }


def _sections(session: Session, checkpoint: Checkpoint, found: Origins, params: Params, root: Path) -> list[Section]:
    evaluation = selected_evaluation(session, checkpoint)
    stated = (NANO,) if params.preset == "nano" else ()
    return [
        _model(session, checkpoint, params),
        Section("Intended use", (params.registry.intended_use or NOT_STATED, AI_MADE)),
        limits_section(checkpoint, evaluation, (*stated, *_taken_down(session, checkpoint))),
        evaluation_section(checkpoint, evaluation),
        data_section(session, found, root),
        training_section(found, root),
        promotions_section(session, checkpoint),
    ]


def _model(session: Session, checkpoint: Checkpoint, params: Params) -> Section:
    query = sa.select(Alias.name).where(Alias.checkpoint_id == checkpoint.checkpoint_id).order_by(Alias.name)
    geometry = params.clip_geometry
    rows = (
        ("checkpoint", checkpoint.checkpoint_id),
        ("sha256 of its manifest", checkpoint.manifest_sha256 or "unknown"),
        ("phase and step", f"{checkpoint.phase}, {'unknown' if checkpoint.step is None else checkpoint.step}"),
        ("aliases now", ", ".join(session.scalars(query)) or "none"),
        ("preset", params.preset),
        ("clips", f"{geometry.frames} frames at {geometry.fps} fps, audio at {geometry.audio_rate_hz} Hz"),
    )
    what = "A diffusion model that makes a video together with its audio: two towers joined by a Bridge."
    return Section("Model", (what,), (Table(("", ""), rows),))


def _taken_down(session: Session, checkpoint: Checkpoint) -> list[str]:
    try:
        found = taken_down_inputs(session, checkpoint.checkpoint_id)
    except MovaError as unknown:
        return [str(unknown)]
    return [f"Withdrawn input: {each.sentence()}." for each in found]


def _is_behind(report: PhaseReport, found: Origins) -> bool:
    """Whether what lies in the project's folders of a phase is of this model or of one that it was trained from."""
    evaluation, ids = report.evaluation, {checkpoint.checkpoint_id for checkpoint in found.checkpoints}
    return evaluation is not None and evaluation.checkpoint_id in ids


def _curves(reports: list[PhaseReport]) -> list[tuple[str, str]]:
    return [(each.phase.name, loss_chart(each.curves)) for each in reports if each.curves]


def _clips(reports: list[PhaseReport], params: Params) -> list[GeneratedClip]:
    return draw_generated(reports[-1], reports[-1].phase.geometry(params)) if reports else []
