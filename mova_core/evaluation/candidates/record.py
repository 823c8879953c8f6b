"""reports/evaluation/PHASE/candidates.json: every kept checkpoint of a run, what it measured, and which was chosen.

    {"schema", "phase", "chosen": checkpoint id, "candidates": [{"checkpoint_id", "step", "why",
     "small": judgement | null, "full": judgement with "evaluation" and "evaluation_sha256" | null}]}
`small` is of a part of the suite, null where there were too few candidates to rank; `full` of the whole suite. A
judgement holds every metric's value, and the gates with their margins (`ranking.py`). The best candidate is first.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from mova_core.evaluation.candidates.ranking import Judged, margin
from mova_core.registry.manifests import METRICS_FILE, CheckpointId
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import Manifest, Sha256

CANDIDATES_FILE = "candidates.json"
CANDIDATES_FOLDER = "candidates"  # of evaluations that are whole and not the chosen one's, named by checkpoint


class JudgedGate(Manifest):
    """A gate, and how far its value, or the end of its interval that is judged, is on the good side of the limit."""

    name: str
    value: float | None
    limit: float
    better: str
    passed: bool
    sign: str
    low: float | None
    unavailable: str | None
    margin: float


class Judgement(Manifest):
    """What one evaluation of a candidate says."""

    clips: int
    passed: bool
    margin: float
    gates: list[JudgedGate]
    metrics: dict[str, float | None]

    @classmethod
    def of(cls, judged: Judged) -> "Judgement":
        """As it is written."""
        gates = [JudgedGate(**gate.described(), margin=margin(gate)) for gate in judged.gates]
        values = {name: metric.value for name, metric in judged.metrics.items()}
        return cls(clips=judged.clips, passed=judged.passed, margin=judged.margin, gates=gates, metrics=values)


class WholeJudgement(Judgement):
    """Of the whole suite.

    Args:
        evaluation: its metrics.json, from the folder of candidates.json.
        evaluation_sha256: of that file.
    """

    evaluation: str
    evaluation_sha256: Sha256


class CandidateRecord(Manifest):
    """One kept checkpoint; `why` it was chosen or not."""

    checkpoint_id: CheckpointId
    step: int
    why: str
    small: Judgement | None
    full: WholeJudgement | None


class CandidatesManifest(Manifest):
    """All of a run."""

    SCHEMA: ClassVar = "candidates/1"
    phase: str
    chosen: CheckpointId
    candidates: list[CandidateRecord]


def candidates_record(phase: str, small: Sequence[Judged], whole: Sequence[Judged], folder: Path) -> CandidatesManifest:
    """What is to be written.

    Args:
        phase: of all of them.
        small: judged by a part of the suite, the best first; [] if there were too few to rank.
        whole: judged by the whole suite, the best first, which is the chosen one.
        folder: of the evaluations.
    """
    by_small = {each.checkpoint_id: each for each in small}
    records = []
    for place, each in enumerate(whole):
        evaluation = METRICS_FILE if place == 0 else f"{CANDIDATES_FOLDER}/{each.checkpoint_id}/{METRICS_FILE}"
        full = WholeJudgement(
            **Judgement.of(each).model_dump(),
            evaluation=evaluation,
            evaluation_sha256=sha256_file(folder / evaluation),
        )
        why = _why_not(each, whole[0]) if place else _why(whole, len(small) or len(whole))
        records.append(_record(each, by_small.get(each.checkpoint_id), full, why))
    for place, each in enumerate(small):
        if each.checkpoint_id not in {one.checkpoint_id for one in whole}:
            why = f"place {place + 1} of {len(small)} by {each.clips} clips, of which the first {len(whole)} went on"
            records.append(_record(each, each, None, why))
    return CandidatesManifest(phase=phase, chosen=whole[0].checkpoint_id, candidates=records)


def _record(judged: Judged, small: Judged | None, full: WholeJudgement | None, why: str) -> CandidateRecord:
    part = None if small is None else Judgement.of(small)
    return CandidateRecord(checkpoint_id=judged.checkpoint_id, step=judged.step, why=why, small=part, full=full)


def _why(whole: Sequence[Judged], count: int) -> str:
    best = whole[0]
    if count == 1:
        return f"the only checkpoint that is kept, {_words(best)}"
    return f"the best of {count} kept checkpoints: {_words(best)}"


def _why_not(judged: Judged, best: Judged) -> str:
    if (judged.passed, judged.margin) == (best.passed, best.margin):
        return f"as good as step {best.step}, which is the later one: {_words(judged)}"
    return f"behind step {best.step}: {_words(judged)}"


def _words(judged: Judged) -> str:
    failed = [gate.name for gate in judged.gates if not gate.passed]
    gates = f"fails {', '.join(failed)}" if failed else "passes its gates"
    return f"it {gates}, mean margin {judged.margin:.3f}"
