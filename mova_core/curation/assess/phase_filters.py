"""Which phases of training an accepted clip qualifies for.

A phase is a row of `PHASES`: either the best share of all accepted clips by one measure, or conditions of which at
least one must hold. A measure that is null holds no condition (a gate fails closed): without any of subtitles, SyncNet
and DOVER no clip of a mova preset goes past phase 1, and without DOVER none reaches phase 3.
Bounds of the mova presets stand in params assess.phase2 and assess.phase3.
Sources: MOVA report (arXiv:2602.08794) section 5 and table of phases; nano's shares are this project's own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mova_core.params import AssessParams, PresetName

Verdict = Mapping[str, Any]  # a row of table `verdicts`


@dataclass(frozen=True, slots=True)
class Everything:
    """All accepted clips."""

    def admitted(self, accepted: Sequence[Verdict]) -> set[str]:
        return {row["clip_id"] for row in accepted}

    def needs(self) -> list[set[str]]:
        return []


@dataclass(frozen=True, slots=True)
class Lowest:
    """The clips with the lowest values of a measure, rounded up to a whole clip; ties go by clip_id."""

    percent: int
    measure: str

    def admitted(self, accepted: Sequence[Verdict]) -> set[str]:
        measured = [row for row in accepted if row[self.measure] is not None]
        ordered = sorted(measured, key=lambda row: (row[self.measure], row["clip_id"]))
        return {row["clip_id"] for row in ordered[: -(-len(measured) * self.percent // 100)]}

    def needs(self) -> list[set[str]]:
        return [{self.measure}]


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

    def needs(self) -> list[set[str]]:
        """Measures of each filter."""
        return [{condition.measure for condition in conditions} for conditions in self.filters]


Rule = Everything | Lowest | AnyOf

PHASES = ("audio", "phase1", "phase2", "phase3")
NANO: dict[str, Rule] = {
    "audio": Everything(),
    "phase1": Everything(),
    "phase2": Lowest(80, "noise_sd"),
    "phase3": Lowest(60, "noise_sd"),
}


def phase_rules(preset: PresetName, limits: AssessParams) -> dict[str, Rule]:
    """Phase -> which clips it takes, in the order of training."""
    if preset == "nano":
        return NANO
    second, third = limits.phase2, limits.phase3
    return {
        "audio": Everything(),
        "phase1": Everything(),
        "phase2": AnyOf(
            (
                (Condition("subtitle_share", "at most", 0.0),),
                (
                    Condition("lse_d", "at most", second.lse_d_at_most),
                    Condition("lse_c", "at least", second.lse_c_at_least),
                ),
                (Condition("dover_technical", "above", second.dover_technical_above),),
            )
        ),
        "phase3": AnyOf(((Condition("dover_technical", "above", third.dover_technical_above),),)),
    }


def training_phases(
    preset: PresetName, accepted: Sequence[Verdict], limits: AssessParams | None = None
) -> dict[str, list[str]]:
    """The phases of each accepted clip.

    Args:
        preset: chooses the rules.
        accepted: rows of `verdicts` that are accepted, of any split.
        limits: the rules' bounds; None = their defaults.

    Returns:
        clip_id -> names of phases, in the order of training.
    """
    rules = phase_rules(preset, limits or AssessParams())
    admitted = {phase: rule.admitted(accepted) for phase, rule in rules.items()}
    return {row["clip_id"]: [phase for phase, clips in admitted.items() if row["clip_id"] in clips] for row in accepted}


def closed_phases(preset: PresetName, limits: AssessParams, unavailable: Collection[str]) -> dict[str, list[str]]:
    """Phase -> measures of which it needs some, where none of its filters has all that it needs.

    Args:
        preset: chooses the rules.
        limits: the rules' bounds.
        unavailable: measures that no clip has.
    """
    closed = {}
    for phase, rule in phase_rules(preset, limits).items():
        needs = rule.needs()
        if needs and all(any(measure in unavailable for measure in each) for each in needs):
            closed[phase] = sorted({measure for each in needs for measure in each if measure in unavailable})
    return closed
