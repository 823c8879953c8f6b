"""Ratings against known answers: closed forms, symmetry, and votes drawn from known strengths."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from mova_core.evaluation.arena.bradley_terry import POINTS_PER_STRENGTH, bradley_terry
from mova_core.evaluation.arena.comparison import LOSS, TIE, WIN, Comparison, Votes
from mova_core.evaluation.arena.elo import elo
from mova_core.evaluation.arena.win_rates import Record, win_rates

NAMES = ("a", "b", "c", "d")
STRENGTHS = (-0.8, -0.1, 0.3, 0.6)  # of NAMES; mean 0


def votes_of(*comparisons: tuple[str, str, float]) -> Votes:
    return Votes.of([Comparison(*comparison) for comparison in comparisons])


def drawn_votes(count: int, seed: int, ties: float = 0.0) -> list[Comparison]:
    """Votes on pairs of NAMES that follow the Bradley-Terry model with STRENGTHS."""
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(count):
        first, second = rng.choice(len(NAMES), 2, replace=False)
        wins = rng.random() < 1 / (1 + math.exp(STRENGTHS[second] - STRENGTHS[first]))
        score = TIE if rng.random() < ties else WIN if wins else LOSS
        drawn.append(Comparison(NAMES[first], NAMES[second], score))
    return drawn


def mirrored(votes: Sequence[Comparison]) -> list[Comparison]:
    """The same votes with the sides swapped."""
    return [Comparison(vote.second, vote.first, WIN - vote.score) for vote in votes]


def test_elo_of_a_few_votes_by_hand() -> None:
    ratings = elo(votes_of(("a", "b", WIN), ("a", "b", TIE), ("b", "c", LOSS)), seed=0)
    after_win = 4 * 0.5
    after_tie = after_win + 4 * (0.5 - 1 / (1 + 10 ** (-2 * after_win / 400)))
    b_lost = 4 * (0 - 1 / (1 + 10 ** (after_tie / 400)))  # b has 1000 - after_tie, c 1000
    assert ratings["a"].value == pytest.approx(1000 + after_tie, abs=1e-9)
    assert ratings["b"].value == pytest.approx(1000 - after_tie + b_lost, abs=1e-9)
    assert ratings["c"].value == pytest.approx(1000 - b_lost, abs=1e-9)


def test_elo_of_ties_alone_stays_at_the_start() -> None:
    assert all(
        (rating.value, rating.low, rating.high) == (1000, 1000, 1000)
        for rating in elo(votes_of(*[("a", "b", TIE)] * 20), seed=0).values()
    )


def test_elo_neither_makes_nor_loses_points_and_does_not_care_who_is_named_first() -> None:
    votes = drawn_votes(200, seed=1, ties=0.2)
    ratings, swapped = elo(Votes.of(votes), seed=3), elo(Votes.of(mirrored(votes)), seed=3)
    assert sum(rating.value for rating in ratings.values()) == pytest.approx(4000)
    for name in NAMES:
        assert ratings[name].value == pytest.approx(swapped[name].value)


def test_elo_depends_on_the_order_of_votes_a_little_and_bradley_terry_does_not() -> None:
    votes = drawn_votes(300, seed=2)
    forwards, backwards = elo(Votes.of(votes), seed=0), elo(Votes.of(votes[::-1]), seed=0)
    apart = max(abs(forwards[name].value - backwards[name].value) for name in NAMES)
    assert 0 < apart < 30
    strengths, reversed_strengths = bradley_terry(Votes.of(votes)), bradley_terry(Votes.of(votes[::-1]))
    assert isinstance(strengths, dict) and isinstance(reversed_strengths, dict)
    for name in NAMES:
        assert strengths[name].value == pytest.approx(reversed_strengths[name].value, abs=1e-6)


def test_the_bootstrap_is_seeded_and_its_interval_holds_the_rating() -> None:
    votes = Votes.of(drawn_votes(400, seed=4))
    ratings = elo(votes, seed=5)
    assert ratings == elo(votes, seed=5) != elo(votes, seed=6)
    assert all(rating.low < rating.value < rating.high for rating in ratings.values())


def test_elo_approaches_the_gap_that_explains_the_votes() -> None:
    votes = drawn_votes(6000, seed=7)
    ratings = elo(Votes.of(votes), seed=0, rounds=2)
    for name, strength in zip(NAMES, STRENGTHS, strict=True):
        assert ratings[name].value == pytest.approx(1000 + POINTS_PER_STRENGTH * strength, abs=40)


def test_bradley_terry_of_two_is_their_log_odds() -> None:
    ratings = bradley_terry(votes_of(*[("a", "b", WIN)] * 30, *[("b", "a", WIN)] * 10))
    assert isinstance(ratings, dict)
    assert ratings["a"].value - ratings["b"].value == pytest.approx(400 * math.log10(3))
    # The log odds of 30 to 10 vary by 1 / 30 + 1 / 10; each contender has half of the difference.
    deviation = 400 / math.log(10) * math.sqrt(1 / 30 + 1 / 10) / 2
    assert ratings["a"].high - ratings["a"].value == pytest.approx(1.959964 * deviation)


def test_a_tie_is_half_a_win_of_each() -> None:
    with_ties = bradley_terry(votes_of(("a", "b", WIN), ("a", "b", TIE), ("a", "b", TIE)))
    without = bradley_terry(votes_of(("a", "b", WIN), ("a", "b", WIN), ("a", "b", LOSS)))
    assert with_ties == without


def test_bradley_terry_finds_the_strengths_that_votes_were_drawn_from() -> None:
    ratings = bradley_terry(Votes.of(drawn_votes(4000, seed=8)))
    assert isinstance(ratings, dict)
    for name, strength in zip(NAMES, STRENGTHS, strict=True):
        wanted = 1000 + POINTS_PER_STRENGTH * strength
        assert ratings[name].low < wanted < ratings[name].high
        assert ratings[name].high - ratings[name].low < 40


def test_at_the_maximum_expected_points_are_those_scored() -> None:
    votes = Votes.of(drawn_votes(60, seed=9, ties=0.3))
    ratings = bradley_terry(votes)
    assert isinstance(ratings, dict)
    points = votes.points_CC
    for place, name in enumerate(NAMES):
        expected = sum(
            (points + points.T)[place, other] / (1 + 10 ** ((ratings[rival].value - ratings[name].value) / 400))
            for other, rival in enumerate(NAMES)
        )
        assert expected == pytest.approx(points[place].sum(), abs=1e-6)


def test_one_sided_votes_of_many_still_converge() -> None:
    ratings = bradley_terry(votes_of(*[("a", "b", WIN)] * 5000, ("b", "a", WIN)))
    assert isinstance(ratings, dict)
    assert ratings["a"].value - ratings["b"].value == pytest.approx(400 * math.log10(5000), rel=1e-6)


@pytest.mark.parametrize(
    ("votes", "reason"),
    [
        ([("a", "b", TIE), ("c", "d", TIE)], "nobody compared a, b with the other contenders"),
        ([("a", "b", WIN)], "b scored no point against the others"),
        ([("a", "b", TIE), ("a", "c", WIN), ("b", "c", WIN)], "c scored no point against the others"),
        ([("a", "b", TIE), ("a", "c", LOSS), ("c", "d", TIE)], "a, b scored no point against the others"),
    ],
)
def test_where_the_likelihood_has_no_maximum_the_reason_is_told(
    votes: list[tuple[str, str, float]], reason: str
) -> None:
    told = bradley_terry(votes_of(*votes))
    assert not isinstance(told, dict) and reason in told.reason


def test_win_rates_count_votes_of_both_sides() -> None:
    rates = win_rates(votes_of(("a", "b", WIN), ("b", "a", WIN), ("b", "a", TIE), ("a", "b", WIN), ("c", "a", LOSS)))
    assert rates["a"]["b"] == Record(2, 1, 1) and rates["b"]["a"] == Record(1, 1, 2)
    assert rates["a"]["b"].rate == 0.625 and rates["b"]["a"].rate == 0.375
    assert rates["a"]["c"] == Record(1, 0, 0)
    assert rates["b"]["c"].rate is None  # nobody compared them: not 0
