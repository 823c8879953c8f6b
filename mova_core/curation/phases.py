"""Which phases of training an accepted clip qualifies for.

A phase is a row of `PHASES`: either the best share of all accepted clips by one measure, or conditions of which at
least one must hold. A measure that is null holds no condition (a gate fails closed), so without the weights for DOVER,
SyncNet and subtitles no clip of a mova preset goes past phase 1.
Sources: MOVA report (arXiv:2602.08794) section 5 and table of phases; nano's shares are this project's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mova_core.params import PresetName

Verdict = Mapping[str, Any]  # a row of table `verdicts`


@dataclass(frozen=True, slots=True)
class Everything:
    """All accepted clips."""

    def admitted(self, accepted: Sequence[Verdict]) -> set[str]:
        return {row["clip_id"] for row in accepted}


@dataclass(frozen=True, slots=True)
class Lowest:
    """The clips with the lowest values of a measure, rounded up to a whole clip; ties go by clip_id."""

    percent: int
    measure: str

    def admitted(self, accepted: Sequence[Verdict]) -> set[str]:
        measured = [row for row in accepted if row[self.measure] is not None]
        ordered = sorted(measured, key=lambda row: (row[self.measure], row["clip_id"]))
        return {row["clip_id"] for row in ordered[: -(-len(measured) * self.percent // 100)]}


@dataclass(frozen=True, slots=True)
class Condition:
    """One measure against one bound; a null measure does not hold."""

    measure: str
    comparison: Literal["at most", "at least", "above"]
    bound: float

    def holds(self, row: Verdict) -> bool:
        value = row[self.measure]
        if value is None:
            return False
        if self.comparison == "above":
            return bool(value > self.bound)
        return bool(value <= self.bound if self.comparison == "at most" else value >= self.bound)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Clips for which all conditions of at least one filter hold: the union of the filters."""

    filters: tuple[tuple[Condition, ...], ...]

    def admitted(self, accepted: Sequence[Verdict]) -> set[str]:
        return {
            row["clip_id"]
            for row in accepted
            if any(all(condition.holds(row) for condition in conditions) for conditions in self.filters)
        }


Rule = Everything | Lowest | AnyOf

NANO: dict[str, Rule] = {
    "audio": Everything(),
    "phase1": Everything(),
    "phase2": Lowest(80, "noise_sd"),
    "phase3": Lowest(60, "noise_sd"),
}
MOVA: dict[str, Rule] = {
    "audio": Everything(),
    "phase1": Everything(),
    "phase2": AnyOf(
        (
            (Condition("subtitle_share", "at most", 0.0),),
            (Condition("lse_d", "at most", 9.5), Condition("lse_c", "at least", 4.5)),
            (Condition("dover_technical", "above", 0.15),),
        )
    ),
    "phase3": AnyOf(((Condition("dover_technical", "above", 0.14),),)),
}
PHASES: dict[PresetName, dict[str, Rule]] = {"nano": NANO, "mova-360p": MOVA, "mova-720p": MOVA}


def training_phases(preset: PresetName, accepted: Sequence[Verdict]) -> dict[str, list[str]]:
    """The phases of each accepted clip.

    Args:
        preset: chooses the rules.
        accepted: rows of `verdicts` that are accepted, of any split.

    Returns:
        clip_id -> names of phases, in the order of training.
    """
    admitted = {phase: rule.admitted(accepted) for phase, rule in PHASES[preset].items()}
    return {row["clip_id"]: [phase for phase, clips in admitted.items() if row["clip_id"] in clips] for row in accepted}
