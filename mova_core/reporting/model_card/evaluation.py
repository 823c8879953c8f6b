"""The sections of a model card on its evaluation: what was measured, what its gates asked, how it became champion."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.registry.database.tables import Checkpoint, Evaluation, Promotion
from mova_core.registry.forced import FORCED, is_forced
from mova_core.registry.manifests import Gate, Metric, Selection
from mova_core.reporting.model_card.parts import Section, Table


def selected_evaluation(session: Session, checkpoint: Checkpoint) -> Evaluation | None:
    """The evaluation that a checkpoint was selected by; None where it was never selected or that is not recorded."""
    return session.get(Evaluation, (checkpoint.selection or {}).get("evaluation_sha256", ""))


def evaluation_section(checkpoint: Checkpoint, evaluation: Evaluation | None) -> Section:
    """Every metric that has a value, with its 95 % bootstrap interval, beside what its gate asked."""
    if evaluation is None:
        return Section("Evaluation", ("No evaluation that selected this checkpoint is in the registry.",))
    suite, metrics = evaluation.suite, _metrics(evaluation)
    asked = {gate.name: gate for gate in Selection.model_validate(checkpoint.selection).gates}
    rows = tuple(_row(name, metric, asked.get(name)) for name, metric in metrics.items() if metric.value is not None)
    sentence = f"Suite {suite['name']} ({suite['sha256'][:16]}), {suite['clips']} clips; in brackets 95 % intervals."
    headings = ("metric", "version", "value", "interval", "data itself", "clips", "gate")
    return Section("Evaluation", (sentence,), (Table(headings, rows),))


def limits_section(checkpoint: Checkpoint, evaluation: Evaluation | None, stated: tuple[str, ...]) -> Section:
    """What the model is known not to do, and what nobody knows of it.

    Args:
        checkpoint: of the model.
        evaluation: that selected it.
        stated: more sentences, the first ones.
    """
    gates = Selection.model_validate(checkpoint.selection).gates if checkpoint.selection else []
    failed = [f"It failed its gate on {_title(gate.name)}." for gate in gates if not gate.passed]
    unknown: dict[str, list[str]] = {}
    for name, metric in ({} if evaluation is None else _metrics(evaluation)).items():
        if metric.value is None:
            unknown.setdefault(metric.unavailable or "it was not measured", []).append(_title(name))
    rows = tuple((", ".join(names), reason) for reason, names in unknown.items())
    return Section("Limits", (*stated, *failed), (Table(("not measured", "because"), rows),))


def promotions_section(session: Session, checkpoint: Checkpoint) -> Section:
    """Every decision about it, in the order of the log."""
    query = sa.select(Promotion).where(Promotion.checkpoint_id == checkpoint.checkpoint_id)
    events = session.scalars(query.order_by(Promotion.event_id)).all()
    if not events:
        return Section("Promotions", ("No alias was ever asked for it.",))
    rows = tuple((event.alias, _outcome(event), event.reason) for event in events)
    return Section("Promotions", (), (Table(("alias", "outcome", "reason"), rows),))


def _outcome(event: Promotion) -> str:
    if not is_forced(event.outcome, event.evidence):
        return event.outcome
    return f"{event.outcome}, FORCED by a person: {event.evidence[FORCED]}"


def _metrics(evaluation: Evaluation) -> Mapping[str, Metric]:
    return {name: Metric.model_validate(values) for name, values in sorted(evaluation.metrics.items())}


def _row(name: str, metric: Metric, gate: Gate | None) -> tuple[str, ...]:
    interval = "–" if metric.low is None or metric.high is None else f"[{metric.low:.3f}, {metric.high:.3f}]"
    clips = "–" if metric.clips is None else f"{metric.clips} of {metric.of}"
    return (
        _title(name),
        str(metric.version),
        _number(metric.value),
        interval,
        _number(metric.data),
        clips,
        "–" if gate is None else f"{'passed' if gate.passed else 'failed'}, limit {gate.limit:g}",
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _title(name: str) -> str:
    return CATALOGUE[name].title if name in CATALOGUE else name
