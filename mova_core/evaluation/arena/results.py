"""`mova arena results`: ratings from the votes in the registry, people and models apart, dimension by dimension."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from mova_core.evaluation.arena.bradley_terry import bradley_terry
from mova_core.evaluation.arena.comparison import LOSS, TIE, WIN, Comparison, Votes
from mova_core.evaluation.arena.dimensions import DIMENSIONS, OVERALL
from mova_core.evaluation.arena.elo import Rating, elo
from mova_core.evaluation.arena.win_rates import Record, win_rates
from mova_core.measures.clip import Unavailable
from mova_core.printable import printable
from mova_core.registry.arena.ballots import all_pairs
from mova_core.registry.database.tables import ARENA_JUDGES, ArenaBallot, ArenaClip

SCORES = {"a": WIN, "tie": TIE, "b": LOSS}  # of the contender at side A
NO_VOTES = "no votes yet: run `mova arena serve` and vote"


def results(session: Session, seed: int) -> dict[str, Any]:
    """Ratings of every judge and dimension.

    Args:
        session: any session of the registry.
        seed: of Elo's bootstrap.

    Returns:
        `contenders`, clips of each; `pairs`, how many there are; `judges`, by name: `votes`, `sessions`, and
        `dimensions` by name, each with `elo`, `bradley_terry` and `win_rates` by contender; `text` is for people.
    """
    counted = sa.select(ArenaClip.contender, sa.func.count()).group_by(ArenaClip.contender)
    contenders = {name: clips for name, clips in session.execute(counted.order_by(ArenaClip.contender))}
    pairs = sum(1 for _ in all_pairs(session))
    judges = {judge: _judged(session, judge, seed) for judge in ARENA_JUDGES}
    arena = f"{len(contenders)} contenders, {pairs} pairs"
    return {"contenders": contenders, "pairs": pairs, "judges": judges, "text": f"{arena}\n\n{_text(judges)}"}


def comparisons(session: Session, judge: str, dimension: str) -> list[Comparison]:
    """The votes of people (`human`) or of models (`model`) in one dimension, in the order of time."""
    first, second = aliased(ArenaClip), aliased(ArenaClip)
    query = (
        sa.select(first.contender, second.contender, ArenaBallot.choices)
        .join(first, ArenaBallot.clip_a == first.clip_id)
        .join(second, ArenaBallot.clip_b == second.clip_id)
        .where(ArenaBallot.judge == judge, ArenaBallot.voted_at.is_not(None))
        .order_by(ArenaBallot.voted_at, ArenaBallot.ballot_id)
    )
    return [
        Comparison(name_a, name_b, SCORES[choices[dimension]])
        for name_a, name_b, choices in session.execute(query)
        if choices and dimension in choices
    ]


def _judged(session: Session, judge: str, seed: int) -> dict[str, Any]:
    counted = sa.select(sa.func.count(), sa.func.count(sa.distinct(ArenaBallot.session)))
    votes, sessions = session.execute(
        counted.where(ArenaBallot.judge == judge, ArenaBallot.voted_at.is_not(None))
    ).one()
    dimensions = {one.name: _rated(comparisons(session, judge, one.name), seed) for one in DIMENSIONS}
    return {"votes": votes, "sessions": sessions, "dimensions": dimensions}


def _rated(votes: Sequence[Comparison], seed: int) -> dict[str, Any]:
    if not votes:
        return {"votes": 0, **dict.fromkeys(("elo", "bradley_terry", "win_rates")), "unavailable": NO_VOTES}
    arrays = Votes.of(votes)
    strengths = bradley_terry(arrays)
    found: dict[str, Any] = {"votes": len(votes), "elo": _plain(elo(arrays, seed)), "bradley_terry": None}
    if isinstance(strengths, Unavailable):
        found["bradley_terry_unavailable"] = strengths.reason
    else:
        found["bradley_terry"] = _plain(strengths)
    rates = win_rates(arrays)
    found["win_rates"] = {
        name: {other: asdict(record) | {"rate": record.rate} for other, record in row.items()}
        for name, row in rates.items()
    }
    return found


def _plain(ratings: dict[str, Rating]) -> dict[str, Any]:
    return {name: {"value": rating.value, "interval": [rating.low, rating.high]} for name, rating in ratings.items()}


def _text(judges: dict[str, Any]) -> str:
    parts = []
    for judge, title in zip(ARENA_JUDGES, ("People", "Models as judges, apart from people"), strict=True):
        found = judges[judge]
        if not found["votes"]:
            parts += [f"{title}: {NO_VOTES}"] if judge == ARENA_JUDGES[0] else []
            continue
        parts.append(f"{title}: {found['votes']} votes in {found['sessions']} sessions")
        for name in _headlines(found["dimensions"]):
            parts += [_ratings_text(name, found["dimensions"][name]), _matrix_text(found["dimensions"][name])]
        parts.append(_dimensions_text(found["dimensions"]))
    return "\n\n".join(parts)


def _headlines(dimensions: dict[str, Any]) -> list[str]:
    """The overall preference; of judges that have none, every dimension in which they voted."""
    voted = [one.name for one in DIMENSIONS if dimensions[one.name]["votes"]]
    return [OVERALL] if OVERALL in voted else voted


def _ratings_text(dimension: str, rated: dict[str, Any]) -> str:
    strengths = rated["bradley_terry"]
    rows = [[dimension, "Elo", "95 %", "Bradley-Terry", "95 %"]]
    for name in _ranked(rated["elo"]):
        cells = ["unavailable", ""] if strengths is None else _cells(strengths[name])
        rows.append([printable(name), *_cells(rated["elo"][name]), *cells])
    text = _aligned(rows)
    return text if strengths is not None else f"{text}\nBradley-Terry: {rated['bradley_terry_unavailable']}"


def _matrix_text(rated: dict[str, Any]) -> str:
    names = _ranked(rated["elo"])
    rows = [["row beats column", *map(printable, names)]]
    for name in names:
        row = rated["win_rates"][name]
        rows.append([printable(name), *("" if other == name else _rate_cell(row[other]) for other in names)])
    return _aligned(rows)


def _dimensions_text(dimensions: dict[str, Any]) -> str:
    names = _ranked(dimensions[_headlines(dimensions)[0]]["elo"])
    rows = [["Elo by dimension", *map(printable, names)]]
    for one in DIMENSIONS:
        ratings = dimensions[one.name]["elo"] or {}
        rows.append([one.name, *(f"{ratings[name]['value']:.1f}" if name in ratings else "-" for name in names)])
    return _aligned(rows)


def _ranked(ratings: dict[str, Any]) -> list[str]:
    return sorted(ratings, key=lambda name: (-ratings[name]["value"], name))


def _cells(rating: dict[str, Any]) -> list[str]:
    low, high = rating["interval"]
    return [f"{rating['value']:.1f}", f"{low:.1f} to {high:.1f}"]


def _rate_cell(record: dict[str, Any]) -> str:
    counted = Record(record["wins"], record["ties"], record["losses"])
    if counted.rate is None:
        return "-"
    return f"{counted.rate:.0%} ({counted.wins}/{counted.ties}/{counted.losses})"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
