"""Which phases of training an accepted clip qualifies for.

A phase is a row of `phase_rules`: all accepted clips, the best share of them by one measure, or filters of which at
least one must hold. One rule about what is unavailable: a phase refuses a clip that lacks a measure which the phase's
filters need, unless params `assess.allow_unavailable` names the measure: where it is null, filters go without it. Every
phase of a mova preset also needs the measures of the limits that an accepted clip holds; nano needs the noise that it
ranks by.
Bounds of the mova presets stand in params assess.phase2 and assess.phase3.
Sources: MOVA report (arXiv:2602.08794) section 5 and table of phases; nano's shares are this project's own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mova_core.curation.tables import EITHER, LIMITED, MEASURE_NAMES
from mova_core.errors import UsageError
from mova_core.params import AssessParams, PresetName

Verdict = Mapping[str, Any]  # a row of table `verdicts`
Need = tuple[tuple[str, ...], ...]
"""Alternatives, each some measures: a clip must have all measures of at least one alternative."""

ACCEPTANCE: tuple[Need, ...] = (*(((measure.name,),) for measure in LIMITED), tuple((one.name,) for one in EITHER))


@dataclass(frozen=True, slots=True)
class Everything:
    """All accepted clips."""

    def admitted(self, accepted: Sequence[Verdict]) -> set[str]:
        return {row["clip_id"] for row in accepted}

    def needs(self) -> tuple[Need, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Lowest:
    """The clips with the lowest values of a measure, rounded up to a whole clip; ties go by clip_id."""

    percent: int
    measure: str

    def admitted(self, accepted: Sequence[Verdict]) -> set[str]:
        ordered = sorted(accepted, key=lambda row: (row[self.measure], row["clip_id"]))
        return {row["clip_id"] for row in ordered[: -(-len(accepted) * self.percent // 100)]}

    def needs(self) -> tuple[Need, ...]:
        return (((self.measure,),),)


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
    """Clips for which all conditions of at least one filter hold: the union of the filters.

    Args:
        filters: conditions of each.
        left_out: measures whose conditions are left out where they are null; a clip of which all are left out passes.
    """

    filters: tuple[tuple[Condition, ...], ...]
    left_out: tuple[str, ...] = ()

    def admitted(self, accepted: Sequence[Verdict]) -> set[str]:
        return {row["clip_id"] for row in accepted if self._holds(row)}

    def _holds(self, row: Verdict) -> bool:
        null = {measure for measure in self.left_out if row[measure] is None}
        filters = [[one for one in conditions if one.measure not in null] for conditions in self.filters]
        applied = [conditions for conditions in filters if conditions]
        return not applied or any(all(one.holds(row) for one in conditions) for conditions in applied)

    def needs(self) -> tuple[Need, ...]:
        return (tuple(tuple(condition.measure for condition in conditions) for conditions in self.filters),)


Rule = Everything | Lowest | AnyOf

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
    second, third, left_out = limits.phase2, limits.phase3, limits.allow_unavailable
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
            ),
            left_out,
        ),
        "phase3": AnyOf(((Condition("dover_technical", "above", third.dover_technical_above),),), left_out),
    }


def phase_needs(preset: PresetName, limits: AssessParams) -> dict[str, tuple[Need, ...]]:
    """Phase -> what its filters need."""
    of_acceptance = () if preset == "nano" else ACCEPTANCE
    return {phase: (*of_acceptance, *rule.needs()) for phase, rule in phase_rules(preset, limits).items()}


def check_allowed(limits: AssessParams) -> None:
    """Refuse params `assess.allow_unavailable` that name what no filter of a mova preset needs.

    Raises:
        UsageError: a name that is none of these measures.
    """
    needs = [need for needs in phase_needs("mova-720p", limits).values() for need in needs]
    known = sorted({measure for need in needs for alternative in need for measure in alternative})
    for name in limits.allow_unavailable:
        if name not in known:
            raise UsageError(
                f"params assess.allow_unavailable names {name!r}, expected measures that a filter needs: "
                f"{', '.join(known)}"
            )


def refusing_phases(preset: PresetName, limits: AssessParams, absent: Collection[str]) -> dict[str, list[str]]:
    """Phases that refuse a clip without some measures -> the measures that are missed, in the order of the table.

    Args:
        preset: chooses the phases' filters.
        limits: their bounds, and the measures that may be unavailable.
        absent: measures that the clip does not have.
    """
    left_out = set(absent).intersection(limits.allow_unavailable)
    missed = set(absent).difference(left_out)
    refusing = {}
    for phase, needs in phase_needs(preset, limits).items():
        named: set[str] = set()
        for need in needs:
            applied = [alternative for alternative in need if not left_out.issuperset(alternative)]
            if applied and all(missed.intersection(alternative) for alternative in applied):
                named.update(*applied)
        if named:
            refusing[phase] = [measure for measure in MEASURE_NAMES if measure in named & missed]
    return refusing


def refusals(preset: PresetName, limits: AssessParams, row: Verdict) -> dict[str, list[str]]:
    """Phases that refuse one clip because of measures that it does not have -> these measures."""
    return refusing_phases(preset, limits, [measure for measure in MEASURE_NAMES if row[measure] is None])


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

    Raises:
        UsageError: as `check_allowed`.
    """
    limits = limits or AssessParams()
    check_allowed(limits)
    refused = {row["clip_id"]: refusals(preset, limits, row) for row in accepted}
    admitted = {
        phase: rule.admitted([row for row in accepted if phase not in refused[row["clip_id"]]])
        for phase, rule in phase_rules(preset, limits).items()
    }
    return {row["clip_id"]: [phase for phase, clips in admitted.items() if row["clip_id"] in clips] for row in accepted}
