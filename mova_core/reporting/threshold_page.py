"""`what-if.html`: what other limits would accept, beside what was accepted, with the clips whose verdict changes.

The page lies in the curated folder and plays the clips that lie there as files: nothing is decoded to write it. Clips
inside tars are named without a player.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mova_core.curation.assess.threshold_simulation import Amount, Change, Compared, WhatIf
from mova_core.params import AssessParams
from mova_core.places import DataFolder
from mova_core.printable import printable
from mova_core.reporting.charts.histogram import measure_histograms
from mova_core.reporting.samples import PIXELS_SHOWN_UP_TO
from mova_core.reporting.templates import render
from mova_core.reporting.wording import duration
from mova_core.storage.atomic import write_text

SHOWN = 24  # clips with a player, of those admitted and of those turned away; all are named


@dataclass(frozen=True, slots=True)
class ChangeCard:
    """A clip whose verdict changes; `player` is where its file lies, None for one inside a tar."""

    kind: str
    scaling: str
    player: str | None
    reason: str
    details: str


def write_page(answer: WhatIf, data: DataFolder, page: Path) -> None:
    """Write the page into the curated folder; its other files stay as they are."""
    former = AssessParams(
        **answer.params.assess.model_dump() | {name: then for name, (then, _) in answer.limits.items()}
    )
    histograms, unavailable = measure_histograms(answer.params, answer.rows, former)
    groups = (
        ("admitted", "Only the new limits accept", answer.admitted()),
        ("turned-away", "Only the old limits accepted", answer.turned_away()),
    )
    total = answer.clips.footage_s
    values = {
        "title": "mova: what other limits would accept",
        "preset": answer.params.preset,
        "headline": headline(answer),
        "navigation": [
            (name, name.replace("-", " ")) for name in ("limits", "reasons", "measures", *(each[0] for each in groups))
        ],
        "limits": [(name, _limit(then), _limit(now)) for name, (then, now) in answer.limits.items()],
        "accepted": [
            (when, f"{100 * amount.footage_s / total if total else 0:.2f}", _amount(amount))
            for when, amount in (("then", answer.accepted.then), ("now", answer.accepted.now))
        ],
        "reasons": [
            (each.code, _amount(each.turned_away.then), _amount(each.turned_away.now), _amount(each.alone))
            for each in answer.reasons
        ],
        "phases": [(name, then, now) for name, (then, now) in answer.phases.items()],
        "histograms": sorted(histograms, key=lambda each: not each.limit_changed),  # those that are tried come first
        "unavailable": ", ".join(name for names in unavailable.values() for name in names),
        "groups": [_group(id, title, changes, data, page) for id, title, changes in groups],
    }
    write_text(page, render("what-if.html", values))


def headline(answer: WhatIf) -> str:
    """The answer in one sentence."""
    then, now = answer.accepted.then, answer.accepted.now
    clips = f"{now.clips} of {answer.clips.clips} clips would be accepted instead of {then.clips}"
    seconds = f"{duration(now.footage_s)} of footage instead of {duration(then.footage_s)}"
    if not answer.limits:
        return (
            f"No limit differs: {then.clips} of {answer.clips.clips} clips stay accepted, {duration(then.footage_s)}."
        )
    if not answer.changes:
        return (
            f"No verdict changes: {then.clips} of {answer.clips.clips} clips stay accepted, {duration(then.footage_s)}."
        )
    changes = (f"{sign}{len(of)} clip{'s' * (len(of) != 1)}" for sign, of in _signed(answer))
    return f"{clips}: {seconds} ({', '.join(changes)})."


def told(answer: WhatIf, named: int) -> list[str]:
    """The answer for a terminal; `named` is how many changed clips are told."""
    lines = [headline(answer)]
    lines += [f"  {name}: {_limit(then)} -> {_limit(now)}" for name, (then, now) in answer.limits.items()]
    if answer.reasons:
        rows = [("accepted", answer.accepted), *((each.code, each.turned_away) for each in answer.reasons)]
        wide = max(len(code) for code, _ in rows)
        lines += [f"  {code:<{wide}}  {_amounts(compared)}" for code, compared in rows]
    moved = [f"{name} {then} -> {now}" for name, (then, now) in answer.phases.items() if then != now]
    if moved:
        lines.append(f"  clips by phase: {' · '.join(moved)}")
    for change in answer.changes[:named]:
        place = f"{printable(change.source_path)} @ {change.start_s:.1f} s"
        was = "now accepted, was" if change.now == "accepted" else "now rejected:"
        lines.append(f"  {change.clip['clip_id']} ({place}) {was} {change.reason}")
    if len(answer.changes) > named:
        lines.append(f"  and {len(answer.changes) - named} more clips: all are on the page, and in --json")
    return lines


def _signed(answer: WhatIf) -> tuple[tuple[str, tuple[Change, ...]], ...]:
    return ("+", answer.admitted()), ("−", answer.turned_away())


def _amounts(compared: Compared) -> str:
    then, now = compared.then, compared.now
    return f"{then.clips:>5} -> {now.clips:>5} clips   {duration(then.footage_s):>9} -> {duration(now.footage_s):>9}"


def _group(id: str, title: str, changes: Iterable[Change], data: DataFolder, page: Path) -> dict[str, Any]:
    every = list(changes)
    return {
        "id": id,
        "title": f"{title}: {len(every)} clips",
        "shown": [_card(change, data, page) for change in every[:SHOWN]],
        "others": [
            (change.clip["clip_id"], change.source_path, f"{change.start_s:.2f} s", change.reason)
            for change in every[SHOWN:]
        ],
    }


def _card(change: Change, data: DataFolder, page: Path) -> ChangeCard:
    accepted = change.now == "accepted"
    return ChangeCard(
        kind="kept" if accepted else "lost",
        scaling="pixels" if change.clip["height_px"] <= PIXELS_SHOWN_UP_TO else "",
        player=_player(change, data, page),
        reason=f"was: {change.reason}" if accepted else change.reason,
        details=f"{change.source_path} @ {change.start_s:.2f} s · clip {change.clip['clip_id']}",
    )


def _limit(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _amount(amount: Amount) -> str:
    return f"{amount.clips} clips, {duration(amount.footage_s)}"


def _player(change: Change, data: DataFolder, page: Path) -> str | None:
    """Where the page finds the clip's own file; None for one inside a tar."""
    if change.clip["member"] is not None:
        return None
    return quote(f"{data.clips.relative_to(page.parent)}/{change.clip['path']}")
