"""`mova promote`: a candidate is compared with the champion, tried out as it is kept, and then the alias moves.

    judge          the gates, and the champion on the same suite; one that cannot be compared is measured again first
    keep           every byte is verified and stored, before anything names it
    smoke clip     the stored model generates a clip: one that cannot be used never gets an alias
    carry out      the decision with its evidence, and the alias, in one transaction
A refusal is stored like a promotion. By `force` a person passes over the comparison, never over the other steps; the
reason stays in the sealed log.
"""

from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from mova_core.errors import MovaError, UsageError
from mova_core.evaluation.promotion.judge import Contest, NotComparable, judge, refusal
from mova_core.params import load_params
from mova_core.places import PARAMS
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Checkpoint
from mova_core.registry.forced import FORCED
from mova_core.registry.promotion.promotion import Decision, carry_out, store_candidate
from mova_core.registry.references import folder_of
from mova_core.registry.sync import sync


def promote(
    engine: sa.Engine,
    candidate: str,
    alias: str,
    params_file: Path = PARAMS,
    root: Path = Path(),
    force: str | None = None,
) -> Decision:
    """Judge a candidate and carry out the decision: promote or refuse.

    Args:
        engine: the registry.
        candidate: model folder such as models/phase3, checkpoint id, or another alias.
        alias: `production`, `phase1/champion`.
        params_file: the params that the candidate was evaluated with.
        root: the project's folder.
        force: why the candidate takes the alias whatever the comparison says; None: it does not.

    Raises:
        UsageError: no such candidate, it was never judged by its gates, an alias of another phase, or it is forced
            without a reason or without a model.
        StaleError: the candidate's evaluation is not there, its weights are not on this machine or not those that were
            selected, or the alias moved meanwhile.
    """
    if force is not None and not force.strip():
        raise UsageError('a forced promotion needs a reason, which stays in the log: say --reason "…"')
    contest = Contest(candidate, alias, load_params(root / params_file), root)
    sync(engine, root)
    try:
        with reading(engine) as session:
            decision = judge(session, contest)
    except NotComparable as fault:
        decision = _judge_with_champion_measured(engine, contest, fault)
    if force is not None:
        decision = _forced(decision, force.strip())
    if decision.outcome == "promoted":
        decision = _tried_out(engine, decision, contest)
    carry_out(engine, decision, root)
    return decision


def _judge_with_champion_measured(engine: sa.Engine, contest: Contest, fault: NotComparable) -> Decision:
    """Judge once more, with the champion measured on the present suite; a refusal where that does not help."""
    from mova_core.evaluation.promotion.champion import evaluate_champion

    root = contest.root
    try:
        with reading(engine) as session:
            champion = session.get_one(Checkpoint, fault.champion_id)
            folder, phase = folder_of(session, champion, root), champion.phase
        evaluate_champion(fault.champion_id, folder, phase, contest.params, root)
        sync(engine, root)
        with reading(engine) as session:
            return judge(session, contest)
    except NotComparable as still:
        reason = f"{still}; the present params, tables and metrics are not those that the candidate was evaluated with"
    except MovaError as error:
        reason = f"{fault}, and it could not be evaluated on the candidate's: {error}"
    with reading(engine) as session:
        return refusal(session, contest, reason)


def _forced(decision: Decision, reason: str) -> Decision:
    """The decision that a person takes instead of a refusal.

    Raises:
        UsageError: the candidate failed its gates, so that no model of it was written.
    """
    if decision.outcome != "kept" or "taken_down" in decision.evidence:
        return decision  # what was trained on footage that is taken down is promoted by nobody
    if not decision.evidence["selection"]["passed"]:
        raise UsageError(
            f"checkpoint {decision.candidate_id} cannot be forced: it failed its gates, so there is no model of it; "
            "change its limits in section select of params.yaml and run `mova select` again, which is on record too"
        )
    sentence = (
        f"FORCED: checkpoint {decision.candidate_id} becomes {decision.alias} because {reason!r}; by the rule, "
        f"{decision.reason}"
    )
    evidence = decision.evidence | {FORCED: {"reason": reason, "instead_of": decision.reason}}
    return replace(decision, outcome="promoted", reason=sentence, evidence=evidence)


def _tried_out(engine: sa.Engine, decision: Decision, contest: Contest) -> Decision:
    """The decision with its smoke clip; a refusal where that cannot be made."""
    model = store_candidate(engine, decision.candidate_id, contest.root)[0]
    if not contest.params.promote.smoke_clip:
        return replace(decision, evidence=decision.evidence | {"smoke_clip": "left out by params promote.smoke_clip"})
    from mova_core.evaluation.promotion.smoke_clip import make_smoke_clip

    with reading(engine) as session:
        phase = session.get_one(Checkpoint, decision.candidate_id).phase
    try:
        made = make_smoke_clip(contest.root / model.path, decision.candidate_id, phase, contest.params)
    except MovaError as error:
        sentence = (
            f"checkpoint {decision.candidate_id} ({phase}) does not become {decision.alias}: as it is kept it makes no "
            f"clip: {error}"
        )
        evidence = decision.evidence | {"smoke_clip": {"fault": str(error)}}
        return replace(decision, outcome="kept", reason=sentence, evidence=evidence)
    return replace(decision, evidence=decision.evidence | {"smoke_clip": made})
