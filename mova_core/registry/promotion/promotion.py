"""A decision about an alias is carried out: it is stored with its evidence and, where it says so, the alias moves.

Every decision is stored with what was compared, also when the champion stays; what was promoted is kept for good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from mova_core.places import BENTO
from mova_core.registry.aliases import set_alias
from mova_core.registry.artifacts import MODEL, PACKAGE, StoredArtifact, record_artifact, store_artifact
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Checkpoint
from mova_core.registry.manifests import REFERENCE_FILE, FileList
from mova_core.registry.promotion.log import append_promotion
from mova_core.registry.references import folder_of
from mova_core.registry.takedown.inputs import check_taken_down
from mova_core.storage.manifest import read_manifest

Outcome = Literal["promoted", "kept", "unchanged"]


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


def carry_out(engine: sa.Engine, decision: Decision, root: Path = Path()) -> None:
    """Store a decision with its evidence; where it says so, move the alias and keep what it names. All or nothing.

    Raises:
        StaleError: the alias moved since the decision was made, or the candidate's weights are not on this machine.
        MovaError: an alias should move to what was trained on footage that is taken down, or may have been.
    """
    if decision.outcome == "promoted":
        with reading(engine) as session:
            check_taken_down(session, decision.candidate_id)
    stored = [] if decision.outcome == "kept" else store_candidate(engine, decision.candidate_id, root)
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
        if decision.outcome == "promoted":
            set_alias(session, decision.alias, decision.candidate_id, expected_old=decision.champion_id)
        if decision.outcome != "unchanged":
            append_promotion(session, values)


def store_candidate(engine: sa.Engine, checkpoint_id: str, root: Path) -> list[StoredArtifact]:
    """Keep the model of a checkpoint, first, and the package of it if that is the one that lies in dist/.

    Raises:
        StaleError: its weights are not on this machine, or not those that were selected.
    """
    with reading(engine) as session:
        checkpoint = session.get_one(Checkpoint, checkpoint_id)
        folder = folder_of(session, checkpoint, root, exported_first=True)
    stored = [store_artifact(MODEL, folder, root)]
    package = root / BENTO
    reference = package / REFERENCE_FILE
    if reference.is_file() and read_manifest(reference, FileList)[0].checkpoint_id == checkpoint_id:
        stored.append(store_artifact(PACKAGE, package, root))
    return stored


def _table(evidence: Mapping[str, Any]) -> str:
    compared: Sequence[Mapping[str, Any]] = evidence.get("metrics", ())
    return "\n".join(map(_row, compared))


def _row(one: Mapping[str, Any]) -> str:
    def shown(value: float | None) -> str:
        return "unavailable" if value is None else f"{value:.3g}"

    values = f"{shown(one['candidate']):>11}  champion {shown(one['champion']):>11}"
    row = f"  {one['metric']:<28} {values}  {one['verdict']}"
    if one.get("low") is None:
        return row
    return f"{row} ({one['difference']:+.3g}, 95 % {one['low']:+.3g} to {one['high']:+.3g}, {one['method']})"
