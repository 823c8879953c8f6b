"""How often each contender was preferred to each other one."""

from dataclasses import dataclass

import numpy as np

from mova_core.evaluation.arena.comparison import LOSS, TIE, WIN, Votes


@dataclass(frozen=True, slots=True)
class Record:
    """Votes on one contender against another."""

    wins: int = 0
    ties: int = 0
    losses: int = 0

    @property
    def rate(self) -> float | None:
        """Share of wins, ties counted half; None where nobody compared the two."""
        count = self.wins + self.ties + self.losses
        return (self.wins + TIE * self.ties) / count if count else None


def win_rates(votes: Votes) -> dict[str, dict[str, Record]]:
    """The record of each contender against each other one."""
    found: dict[str, dict[str, Record]] = {}
    for place, name in enumerate(votes.contenders):
        found[name] = {
            other: _record(votes, place, against) for against, other in enumerate(votes.contenders) if against != place
        }
    return found


def _record(votes: Votes, contender: int, other: int) -> Record:
    as_first_V = (votes.first_V == contender) & (votes.second_V == other)
    as_second_V = (votes.first_V == other) & (votes.second_V == contender)
    scores = np.concatenate([votes.score_V[as_first_V], WIN - votes.score_V[as_second_V]])
    return Record(*(int((scores == score).sum()) for score in (WIN, TIE, LOSS)))
