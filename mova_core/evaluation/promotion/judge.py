"""Whether a candidate takes an alias: it passed its gates, and is not significantly worse than the champion.

Both are compared on the same suite, with the same seeds, by the same versions of the metrics, on every metric that the
candidate's gates judge and on those of `promote.improve_by` (`comparison.py` says how). The champion stays where
    a judged metric is worse beyond its interval,
    a judged metric is unavailable on either side, or
    `improve_by` names metrics, and the candidate is better on none of them by as much as it asks, beyond the interval.
Metrics that nothing judges are stored and decide nothing. Without a champion the gates decide alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.promotion.comparison import Comparison, compare, uncompared
from mova_core.evaluation.promotion.stored_evaluation import StoredEvaluation, stored_evaluation
from mova_core.params import Params
from mova_core.registry.aliases import check_alias_name, get_alias
from mova_core.registry.database.tables import Checkpoint, Evaluation
from mova_core.registry.promotion.promotion import Decision, Outcome
from mova_core.registry.references import find_checkpoint
from mova_core.registry.takedown.inputs import takedown_refusal


class NotComparable(MovaError):
    """There is no evaluation of the champion to compare with; `champion_id` says which checkpoint it is."""

    def __init__(self, champion_id: str, sentence: str) -> None:
        super().__init__(sentence)
        self.champion_id = champion_id


@dataclass(frozen=True, slots=True)
class Contest:
    """What wants an alias.

    Args:
        candidate: model folder such as models/phase3, checkpoint id, or another alias.
        alias: `production`, `phase1/champion`.
        params: sections `promote` and `evaluate`.
        root: the project's folder.
    """

    candidate: str
    alias: str
    params: Params
    root: Path = Path()


def judge(session: Session, contest: Contest) -> Decision:
    """Compare a candidate with the champion of an alias; nothing is written.

    Args:
        session: any session of the registry, in step with the folders (`sync`).
        contest: what wants which alias.

    Raises:
        UsageError: no such candidate, it was never judged by its gates, an alias of another phase, or `improve_by`
            names what is no metric with a direction.
        StaleError: the candidate's evaluation is not there.
        NotComparable: no evaluation of the champion is of the candidate's suite and of the same versions of metrics.
    """
    alias, improve_by = contest.alias, _improve_by(contest.params)
    check_alias_name(alias)
    checkpoint = find_checkpoint(session, contest.candidate, contest.root)
    _check_phase(checkpoint, alias)
    champion_id = get_alias(session, alias)
    name = f"checkpoint {checkpoint.checkpoint_id} ({checkpoint.phase})"

    def decision(outcome: Outcome, reason: str, **evidence: Any) -> Decision:
        return Decision(alias, checkpoint.checkpoint_id, champion_id, outcome, reason, evidence)

    if champion_id == checkpoint.checkpoint_id:
        return decision("unchanged", f"{name} already is {alias}.")
    evaluation = _selected_evaluation(session, checkpoint)
    selection = checkpoint.selection or {}
    evidence: dict[str, Any] = {"selection": selection, "suite": evaluation.suite}
    evidence["candidate"] = {
        "checkpoint_id": checkpoint.checkpoint_id,
        "evaluation_sha256": evaluation.evaluation_id,
        "metrics": evaluation.metrics,
    }
    if (taken_down := takedown_refusal(session, checkpoint.checkpoint_id)) is not None:
        evidence["taken_down"] = taken_down
        return decision("kept", f"{name} does not become {alias}: {taken_down}.", **evidence)
    if not selection["passed"]:
        return decision("kept", f"{name} does not become {alias}: {_failed_gates(selection)}.", **evidence)
    if champion_id is None:
        return decision("promoted", f"{name} becomes {alias}: it passed its gates, no champion before.", **evidence)
    judged = sorted({gate["name"] for gate in selection["gates"]} | set(improve_by))
    ours = _of_candidate(session, evaluation, contest.root)
    theirs = _of_champion(session, session.get_one(Checkpoint, champion_id), evaluation, judged, contest.root)
    compared = _compared(ours, theirs, judged, contest.params)
    evidence |= {
        "champion": theirs.identity(),
        "metrics": [one.described() for one in compared],
        "rule": _rule(judged, contest.params),
    }
    if faults := list(_faults(compared, judged, improve_by)):
        return decision("kept", f"{name} does not become {alias}: {'; '.join(faults)}.", **evidence)
    better = f", better on {', '.join(_improved(compared, improve_by))}" if improve_by else ""
    reason = f"{name} becomes {alias}: not worse than checkpoint {champion_id}{better}."
    return decision("promoted", reason, **evidence)


def refusal(session: Session, contest: Contest, reason: str) -> Decision:
    """The decision that the champion stays because the two could not be compared. Raises as `judge`."""
    checkpoint = find_checkpoint(session, contest.candidate, contest.root)
    sentence = f"checkpoint {checkpoint.checkpoint_id} ({checkpoint.phase}) does not become {contest.alias}: {reason}"
    champion_id, evidence = get_alias(session, contest.alias), {"selection": checkpoint.selection}
    return Decision(contest.alias, checkpoint.checkpoint_id, champion_id, "kept", sentence, evidence)


def _compared(
    ours: StoredEvaluation, theirs: StoredEvaluation, judged: Sequence[str], params: Params
) -> list[Comparison]:
    return [
        compare(name, ours, theirs, params.evaluate) if name in judged else uncompared(name, ours, theirs)
        for name in sorted({*ours.metrics, *theirs.metrics, *judged})
    ]


def _faults(compared: Sequence[Comparison], judged: Sequence[str], improve_by: Mapping[str, float]) -> Iterator[str]:
    """Why the champion stays."""
    if not judged:
        yield "none of its gates judges a metric, and promote.improve_by names none"
    for one in compared:
        if one.verdict == "unavailable":
            yield f"{one.metric} is {one.reason}"
        elif one.verdict == "worse":
            assert one.candidate is not None and one.champion is not None
            side = "below" if one.better == "higher" else "above"
            yield (
                f"{one.metric} {one.candidate:.3g} is {side} the champion's {one.champion:.3g} (difference "
                f"{one.difference:.3g}, 95 % {one.low:.3g} to {one.high:.3g})"
            )
    if improve_by and not _improved(compared, improve_by):
        asked = ", ".join(f"{name} by {least:g}" for name, least in improve_by.items())
        yield f"it is better on none of what promote.improve_by asks for ({asked})"


def _improved(compared: Sequence[Comparison], improve_by: Mapping[str, float]) -> list[str]:
    return [
        one.metric
        for one in compared
        if one.metric in improve_by and one.verdict == "better" and (one.gain or 0.0) >= improve_by[one.metric]
    ]


def _improve_by(params: Params) -> Mapping[str, float]:
    for name in params.promote.improve_by:
        if name not in CATALOGUE or CATALOGUE[name].better == "neither":
            raise UsageError(
                f"params promote.improve_by names {name}, expected a metric of docs/metrics.md of which higher or "
                "lower is better"
            )
    return params.promote.improve_by


def _rule(judged: Sequence[str], params: Params) -> dict[str, Any]:
    section = params.evaluate
    drawn = {"bootstrap_samples": section.bootstrap_samples, "seed": section.seed}
    return {"judged": list(judged), "improve_by": dict(params.promote.improve_by), **drawn}


def _check_phase(checkpoint: Checkpoint, alias: str) -> None:
    phase, _, rest = alias.partition("/")
    if rest and phase != checkpoint.phase:
        raise UsageError(
            f"checkpoint {checkpoint.checkpoint_id} is of phase {checkpoint.phase}, alias {alias} takes {phase}"
        )


def _selected_evaluation(session: Session, checkpoint: Checkpoint) -> Evaluation:
    if checkpoint.selection is None:
        raise UsageError(
            f"checkpoint {checkpoint.checkpoint_id} was never judged by its gates: run `mova select {checkpoint.phase}`"
        )
    evaluation_id = checkpoint.selection["evaluation_sha256"]
    evaluation = session.get(Evaluation, evaluation_id)
    if evaluation is None or evaluation.checkpoint_id != checkpoint.checkpoint_id:
        raise StaleError(
            f"checkpoint {checkpoint.checkpoint_id} was selected by evaluation {evaluation_id[:16]}, which is not in "
            f"the registry: run `mova registry sync`, or `mova evaluate {checkpoint.phase}` and select again"
        )
    return evaluation


def _of_candidate(session: Session, evaluation: Evaluation, root: Path) -> StoredEvaluation:
    found = stored_evaluation(session, evaluation, root)
    if found is None:
        raise StaleError(
            f"what each clip of evaluation {evaluation.evaluation_id[:16]} measured is not on this machine, so "
            f"checkpoint {evaluation.checkpoint_id} cannot be compared: run `mova evaluate {evaluation.phase}` and "
            "select again"
        )
    return found


def _of_champion(
    session: Session, champion: Checkpoint, wanted: Evaluation, judged: Sequence[str], root: Path
) -> StoredEvaluation:
    """The champion's evaluation on the same suite and seeds by the same versions; the one it was selected by, if that
    is one."""
    query = sa.select(Evaluation).where(Evaluation.checkpoint_id == champion.checkpoint_id)
    found = list(session.scalars(query.order_by(Evaluation.evaluation_id)))
    selected_by = (champion.selection or {}).get("evaluation_sha256")
    found.sort(key=lambda evaluation: evaluation.evaluation_id != selected_by)
    same = [evaluation for evaluation in found if evaluation.suite == wanted.suite]
    if not same:
        suites = " and ".join(_suite(evaluation) for evaluation in found) or "none"
        raise NotComparable(
            champion.checkpoint_id,
            f"champion {champion.checkpoint_id} was evaluated on {suites}, the candidate on {_suite(wanted)}: only the "
            "same suite and seeds compare",
        )
    whole = [each for evaluation in same if (each := stored_evaluation(session, evaluation, root)) is not None]
    if not whole:
        raise NotComparable(
            champion.checkpoint_id,
            f"what each clip of champion {champion.checkpoint_id} measured is not on this machine",
        )
    other = [_other_versions(wanted.metrics, each, judged) for each in whole]
    if all(other):
        raise NotComparable(
            champion.checkpoint_id,
            f"champion {champion.checkpoint_id} was measured by other versions of metrics ({other[0]}): only the same "
            "compare",
        )
    return next(each for each, wrong in zip(whole, other, strict=True) if not wrong)


def _other_versions(ours: Mapping[str, Any], theirs: StoredEvaluation, judged: Sequence[str]) -> str:
    """Judged metrics of which the versions differ, in words; one that the champion's evaluation lacks counts."""
    words = []
    for name in judged:
        one = ours.get(name, {}).get("version", 1)
        other = theirs.metrics[name].version if name in theirs.metrics else None
        if one != other:
            words.append(f"{name} {one} of the candidate, {'none' if other is None else other} of the champion")
    return ", ".join(words)


def _suite(evaluation: Evaluation) -> str:
    suite = evaluation.suite
    seeds = suite["seeds"] if isinstance(suite["seeds"], list) else [suite["seeds"]]
    return f"suite {suite['name']} {suite['sha256'][:8]} ({suite['clips']} clips, seeds from {min(seeds)})"


def _failed_gates(selection: Mapping[str, Any]) -> str:
    failed = [
        f"{gate['name']} {gate['value']} (limit {gate['limit']})" for gate in selection["gates"] if not gate["passed"]
    ]
    return f"it failed its gates, {', '.join(failed) or selection['reason']}"
