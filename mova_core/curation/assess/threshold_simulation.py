"""What other limits would accept: verdicts anew from stored measures, nothing decoded, no table changed.

Clips are judged by the function that judged them first (`assess.judge_clips`); under the old limits it must give the
stored verdicts again, else the answer would be about another curation. Seconds are of footage, counted once however
many windows overlap it, as in the funnel.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mova_core.curation.assess.phase_filters import phase_rules
from mova_core.curation.assess.stage import judge_clips
from mova_core.curation.funnel import covered_s
from mova_core.curation.recorded_params import differing_limits, read_made_with, under_other_limits
from mova_core.curation.tables import EITHER, read_table
from mova_core.errors import StaleError, UsageError
from mova_core.params import Params
from mova_core.places import DataFolder

Row = Mapping[str, Any]
JUDGED = ("rejections", "verdict", "phases")


@dataclass(frozen=True, slots=True)
class Amount:
    """Clips, and the footage that they cover."""

    clips: int
    footage_s: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One amount under the old limits and under the new ones."""

    then: Amount
    now: Amount


@dataclass(frozen=True, slots=True)
class Reason:
    """Clips by the first limit that they break; `alone` are those that no other limit turns away now."""

    code: str
    turned_away: Compared
    alone: Amount


@dataclass(frozen=True, slots=True)
class Change:
    """A clip whose verdict changes: `reason` is why it is rejected, now or then."""

    clip: Row
    source_path: str
    start_s: float
    now: str
    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Old verdicts beside new ones; `rows` are those of `verdicts` under the new limits."""

    params: Params
    limits: dict[str, tuple[float | str, float | str]]
    clips: Amount
    accepted: Compared
    reasons: tuple[Reason, ...]
    phases: dict[str, tuple[int, int]]
    changes: tuple[Change, ...]
    rows: tuple[Row, ...]

    def admitted(self) -> tuple[Change, ...]:
        """Clips that only the new limits accept."""
        return tuple(change for change in self.changes if change.now == "accepted")

    def turned_away(self) -> tuple[Change, ...]:
        """Clips that only the old limits accept."""
        return tuple(change for change in self.changes if change.now == "rejected")


def what_if(data: DataFolder, limits_file: Path, made_with: Path | None = None) -> WhatIf:
    """Judge the clips of a finished curation by the limits of another params file.

    Args:
        data: tables of the curation.
        limits_file: params whose limits of `assess` are tried; what it leaves out is as the curation had it.
        made_with: what the curation was made with, where its folder does not say so.

    Raises:
        UsageError: a table or params file is missing or wrong, or the params differ in what needs the media again.
        StaleError: the stored verdicts are not those that the old params give.
    """
    if not data.root.is_dir():
        raise UsageError(f"{data.root} is no folder: --out names an earlier curation")
    old = read_made_with(data.root, made_with)
    new = under_other_limits(old, limits_file, data.root)
    stored = read_table(data.table("verdicts"), "verdicts")
    _check(stored, judge_clips(stored, old), data)
    return _compare(stored, judge_clips(stored, new), old, new, data)


def as_json(answer: WhatIf) -> dict[str, Any]:
    """The whole answer as plain values."""
    return {
        "limits": {name: {"then": then, "now": now} for name, (then, now) in answer.limits.items()},
        "clips": answer.clips.clips,
        "accepted": asdict(answer.accepted),
        "rejected": {
            reason.code: asdict(reason.turned_away) | {"alone_now": asdict(reason.alone)} for reason in answer.reasons
        },
        "phases": {name: {"then": then, "now": now} for name, (then, now) in answer.phases.items()},
        "changed": [
            {
                "clip_id": change.clip["clip_id"],
                "path": change.source_path,
                "start_s": change.start_s,
                "now": change.now,
                "reason_code": change.reason_code,
                "reason": change.reason,
            }
            for change in answer.changes
        ],
    }


def _check(stored: list[dict[str, Any]], again: list[dict[str, Any]], data: DataFolder) -> None:
    for row, anew in zip(stored, again, strict=True):
        # The map's order is the order of the rules: the first one is the clip's reason.
        if any(row[name] != anew[name] for name in JUDGED) or list(row["rejections"]) != list(anew["rejections"]):
            raise StaleError(
                f"{data.table('verdicts')}: clip {row['clip_id']} is {_told(row)}, but by the params that the folder"
                f" was made with it is {_told(anew)}: make the verdicts again before asking what other limits would do"
            )


def _told(row: Row) -> str:
    said = "; ".join(row["rejections"].values()) or f"in phases {', '.join(row['phases']) or 'none'}"
    return f"{row['verdict']} ({said})"


def _compare(then: list[Any], now: list[Any], old: Params, new: Params, data: DataFolder) -> WhatIf:
    windows = {row["window_id"]: row for row in read_table(data.table("windows"), "windows")}
    clips = {row["clip_id"]: row for row in read_table(data.table("clips"), "clips")}
    paths = {row["source_id"]: row["path"] for row in reversed(read_table(data.table("sources"), "sources"))}

    def amount(rows: Iterable[Row]) -> Amount:
        of = [windows[clips[row["clip_id"]]["window_id"]] for row in rows]
        return Amount(len(of), round(covered_s(of), 6))

    def change(before: Row, after: Row) -> Change:
        broken = before["rejections"] or after["rejections"]
        clip = clips[after["clip_id"]]
        start_s = windows[clip["window_id"]]["start_s"]
        reason = "; ".join(broken.values())
        return Change(clip, paths[clip["source_id"]], start_s, after["verdict"], next(iter(broken)), reason)

    codes = dict.fromkeys(code for row in (*then, *now) if (code := _code(row)) is not None)
    reasons = [
        Reason(
            code,
            Compared(*(amount(row for row in rows if _code(row) == code) for rows in (then, now))),
            amount(row for row in now if _rules(row) == _rules({"rejections": [code]})),
        )
        for code in codes
    ]
    return WhatIf(
        params=new,
        limits=differing_limits(old, new),
        clips=amount(now),
        accepted=Compared(*(amount(row for row in rows if row["verdict"] == "accepted") for rows in (then, now))),
        reasons=tuple(sorted(reasons, key=lambda reason: (-reason.turned_away.now.clips, reason.code))),
        phases={name: (_in_phase(then, name), _in_phase(now, name)) for name in phase_rules(new.preset, new.assess)},
        changes=tuple(
            change(before, after)
            for before, after in zip(then, now, strict=True)
            if before["verdict"] != after["verdict"]
        ),
        rows=tuple(now),
    )


def _code(row: Row) -> str | None:
    return next(iter(row["rejections"]), None)


def _rules(row: Row) -> set[str]:
    """The rules a clip breaks; two measures of which either is enough are one rule."""
    either = {measure.name for measure in EITHER}
    return {"either" if code in either else code for code in row["rejections"]}


def _in_phase(rows: Iterable[Row], phase: str) -> int:
    return sum(phase in row["phases"] for row in rows)
