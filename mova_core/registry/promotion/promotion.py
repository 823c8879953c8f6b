"""Promotion: an alias moves to a candidate that passed its gates and is not worse than the champion.

The rule: both were evaluated on the same suite with the same seeds. On every metric that the candidate's gates judge
(which ones is a matter of params, section `select`) and the champion's evaluation has a value for, the candidate has
one too, and it does not lie beyond the worse end of the champion's bootstrap interval, or of its value where there is
no interval. Metrics that no gate judges are stored and decide nothing. Without a champion the gates decide alone.
Every decision is stored with what was compared, also when the champion stays; what was promoted is kept for good.
"""

from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.places import BENTO
from mova_core.registry.aliases import check_alias_name, get_alias, set_alias
from mova_core.registry.artifacts import MODEL, PACKAGE, StoredArtifact, record_artifact, store_artifact
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Checkpoint, Evaluation
from mova_core.registry.manifests import REFERENCE_FILE, FileList
from mova_core.registry.promotion.log import append_promotion
from mova_core.registry.references import find_checkpoint, folder_of
from mova_core.registry.takedown.inputs import check_taken_down, takedown_refusal
from mova_core.storage.manifest import read_manifest

Verdict = Literal["not worse", "worse", "not compared"]
Outcome = Literal["promoted", "kept", "unchanged"]


class OtherSuite(MovaError):
    """The champion was not evaluated on the candidate's suite; `champion_id` says which checkpoint it is."""

    def __init__(self, champion_id: str, sentence: str) -> None:
        super().__init__(sentence)
        self.champion_id = champion_id


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of both; `bound` is the end of the champion's interval that the candidate must not pass."""

    metric: str
    better: str
    candidate: float | None
    champion: float | None
    bound: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """What should happen to an alias, and why.

    Args:
        alias: the name.
        candidate_id: checkpoint that wants it.
        champion_id: checkpoint that holds it, or None.
        outcome: promoted; kept (the champion stays); unchanged (the candidate holds it already).
        reason: one sentence.
        evidence: all that was compared, JSON-able.
    """

    alias: str
    candidate_id: str
    champion_id: str | None
    outcome: Outcome
    reason: str
    evidence: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """For `--json`, with a `text` for people."""
        return asdict(self) | {"text": f"{self.reason}\n{_table(self.evidence)}".rstrip()}


def judge(session: Session, candidate: str, alias: str, root: Path = Path()) -> Decision:
    """Compare a candidate with the champion of an alias; nothing is written.

    Args:
        session: any session of the registry, in step with the folders (`sync`).
        candidate: model folder such as models/phase3, checkpoint id, or another alias.
        alias: `production`, `phase1/champion`.
        root: the project's folder.

    Raises:
        UsageError: no such candidate, it was never judged by its gates, or an alias of another phase.
        StaleError: the candidate's evaluation is not there.
        OtherSuite: the champion was evaluated on other suites than the candidate's.
    """
    check_alias_name(alias)
    checkpoint = find_checkpoint(session, candidate, root)
    _check_phase(checkpoint, alias)
    champion_id = get_alias(session, alias)
    name = f"checkpoint {checkpoint.checkpoint_id} ({checkpoint.phase})"

    def decision(outcome: Outcome, reason: str, **evidence: Any) -> Decision:
        return Decision(alias, checkpoint.checkpoint_id, champion_id, outcome, reason, evidence)

    if champion_id == checkpoint.checkpoint_id:
        return decision("unchanged", f"{name} already is {alias}.")
    evaluation = _selected_evaluation(session, checkpoint)
    selection = checkpoint.selection or {}
    evidence: dict[str, Any] = {"selection": selection, "candidate": _identity(evaluation), "suite": evaluation.suite}
    if (reason := takedown_refusal(session, checkpoint.checkpoint_id)) is not None:
        return decision("kept", f"{name} does not become {alias}: {reason}.", **evidence)
    if not selection["passed"]:
        return decision("kept", f"{name} does not become {alias}: {_failed_gates(selection)}.", **evidence)
    if champion_id is None:
        return decision("promoted", f"{name} becomes {alias}: it passed its gates, no champion before.", **evidence)
    other = _evaluation_on(session, session.get_one(Checkpoint, champion_id), evaluation)
    judged = {gate["name"] for gate in selection["gates"]}
    compared = compare(evaluation.metrics, other.metrics, judged)
    evidence |= {"champion": _identity(other), "metrics": [asdict(one) for one in compared]}
    if all(one.verdict == "not compared" for one in compared):
        gates = ", ".join(sorted(judged)) or "none"
        return decision(
            "kept",
            f"{name} does not become {alias}: no metric that its gates judge ({gates}) was measured for champion "
            f"{champion_id} too.",
            **evidence,
        )
    worse = [one for one in compared if one.verdict == "worse"]
    if worse:
        return decision("kept", f"{name} does not become {alias}: {'; '.join(map(_worse, worse))}.", **evidence)
    return decision("promoted", f"{name} becomes {alias}: not worse than checkpoint {champion_id}.", **evidence)


def refusal(session: Session, candidate: str, alias: str, reason: str, root: Path = Path()) -> Decision:
    """The decision that the champion stays because the two could not be compared. Raises as `judge`."""
    checkpoint = find_checkpoint(session, candidate, root)
    sentence = f"checkpoint {checkpoint.checkpoint_id} ({checkpoint.phase}) does not become {alias}: {reason}"
    evidence = {"selection": checkpoint.selection}
    return Decision(alias, checkpoint.checkpoint_id, get_alias(session, alias), "kept", sentence, evidence)


def carry_out(engine: sa.Engine, decision: Decision, root: Path = Path()) -> None:
    """Store a decision with its evidence; where it says so, move the alias and keep what it names. All or nothing.

    Raises:
        StaleError: the alias moved since the decision was made, or the candidate's weights are not on this machine.
        MovaError: an alias should move to what was trained on footage that is taken down, or may have been.
    """
    if decision.outcome == "promoted":
        with reading(engine) as session:
            check_taken_down(session, decision.candidate_id)
    stored = [] if decision.outcome == "kept" else _store(engine, decision.candidate_id, root)
    values = {
        "alias": decision.alias,
        "outcome": decision.outcome,
        "checkpoint_id": decision.candidate_id,
        "champion_id": decision.champion_id,
        "reason": decision.reason,
        "evidence": decision.evidence,
    }
    with writing(engine) as session:
        for artifact in stored:
            record_artifact(session, artifact, root)
        if decision.outcome != "unchanged":
            append_promotion(session, values)
        if decision.outcome == "promoted":
            set_alias(session, decision.alias, decision.candidate_id, expected_old=decision.champion_id)


def _store(engine: sa.Engine, checkpoint_id: str, root: Path) -> list[StoredArtifact]:
    """Keep the model of a checkpoint, and the package of it if that is the one that lies in dist/."""
    with reading(engine) as session:
        checkpoint = session.get_one(Checkpoint, checkpoint_id)
        folder = folder_of(session, checkpoint, root, exported_first=True)
    stored = [store_artifact(MODEL, folder, root)]
    package = root / BENTO
    reference = package / REFERENCE_FILE
    if reference.is_file() and read_manifest(reference, FileList)[0].checkpoint_id == checkpoint_id:
        stored.append(store_artifact(PACKAGE, package, root))
    return stored


def compare(candidate: Mapping[str, Any], champion: Mapping[str, Any], judged: Set[str]) -> list[Comparison]:
    """Every metric of both evaluations, by name.

    Args:
        candidate: its `metrics` of metrics.json.
        champion: the same of the champion.
        judged: names of the metrics that decide; the rest is "not compared".

    Raises:
        UsageError: the two do not agree on which way a metric is better.
    """
    compared = []
    for name in sorted(candidate.keys() | champion.keys()):
        ours, theirs = candidate.get(name, {}), champion.get(name, {})
        better = ours.get("better") or theirs["better"]
        if theirs.get("better", better) != better:
            raise UsageError(f"metric {name}: better is {better} here, {theirs['better']} for the champion")
        value, held = ours.get("value"), theirs.get("value")
        end = theirs.get("low" if better == "higher" else "high")
        bound = held if end is None else end
        verdict = _verdict(value, bound, better) if name in judged else "not compared"
        compared.append(Comparison(name, better, value, held, bound, verdict))
    return compared


def _verdict(value: float | None, bound: float | None, better: str) -> Verdict:
    if bound is None:
        return "not compared"
    if value is None:
        return "worse"  # what cannot be measured does not count as good
    return "worse" if (value < bound if better == "higher" else value > bound) else "not worse"


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


def _evaluation_on(session: Session, champion: Checkpoint, wanted: Evaluation) -> Evaluation:
    """The champion's evaluation on the same suite and seeds; the one it was selected by, if that is one."""
    query = sa.select(Evaluation).where(Evaluation.checkpoint_id == champion.checkpoint_id)
    found = list(session.scalars(query.order_by(Evaluation.evaluation_id)))
    same = [evaluation for evaluation in found if evaluation.suite == wanted.suite]
    if not same:
        suites = " and ".join(_suite(evaluation) for evaluation in found) or "none"
        raise OtherSuite(
            champion.checkpoint_id,
            f"champion {champion.checkpoint_id} was evaluated on {suites}, the candidate on {_suite(wanted)}: only the "
            "same suite and seeds compare",
        )
    selected_by = (champion.selection or {}).get("evaluation_sha256")
    return next((evaluation for evaluation in same if evaluation.evaluation_id == selected_by), same[0])


def _suite(evaluation: Evaluation) -> str:
    suite = evaluation.suite
    seeds = suite["seeds"] if isinstance(suite["seeds"], list) else [suite["seeds"]]
    return f"suite {suite['name']} {suite['sha256'][:8]} ({suite['clips']} clips, seeds from {min(seeds)})"


def _identity(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "checkpoint_id": evaluation.checkpoint_id,
        "evaluation_sha256": evaluation.evaluation_id,
        "metrics": evaluation.metrics,
    }


def _failed_gates(selection: Mapping[str, Any]) -> str:
    failed = [f"{gate['name']} {gate['value']} (limit {gate['limit']})" for gate in selection["gates"]]
    wrong = [text for text, gate in zip(failed, selection["gates"], strict=True) if not gate["passed"]]
    return f"it failed its gates, {', '.join(wrong) or selection['reason']}"


def _worse(one: Comparison) -> str:
    if one.candidate is None:
        return f"{one.metric} is unavailable, the champion has {one.champion:.3g}"
    side = "below" if one.better == "higher" else "above"
    return f"{one.metric} {one.candidate:.3g} is {side} the champion's {one.champion:.3g} (to {one.bound:.3g})"


def _table(evidence: Mapping[str, Any]) -> str:
    def shown(value: float | None) -> str:
        return "unavailable" if value is None else f"{value:.3g}"

    rows = [
        f"  {one['metric']:<28} {shown(one['candidate']):>11}  champion {shown(one['champion']):>11}  {one['verdict']}"
        for one in evidence.get("metrics", ())
    ]
    return "\n".join(rows)
