"""Known fronts: dominated points, ties, one point, none."""

import numpy as np
import pytest

from mova_core.evaluation.sweeps.pareto import pareto_front


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([], []),
        ([(0.2, 0.1)], [0]),
        ([(1, 3), (2, 2), (3, 1)], [0, 1, 2]),  # each is best at something
        ([(1, 3), (2, 2), (1, 2), (0, 3)], [0, 1]),
        ([(2, 2), (2, 2), (1, 1)], [0, 1]),  # equal points stay together
        ([(1, 1), (1, 1), (2, 1)], [2]),  # and go together
        ([(1, 2), (1, 1)], [0]),  # equal in one, beaten in the other
        ([(5,), (7,), (7,)], [1, 2]),
        ([(1, 1, 2), (1, 2, 1), (1, 1, 1)], [0, 1]),
    ],
)
def test_known_fronts(points, front) -> None:
    assert pareto_front(points) == front


def test_no_point_of_the_front_is_beaten_and_every_other_one_is() -> None:
    points = np.random.default_rng(0).integers(0, 5, (40, 3)).tolist()
    front = pareto_front(points)

    def beats(one, other) -> bool:
        return one != other and all(mine >= its for mine, its in zip(one, other, strict=True))

    for index, point in enumerate(points):
        assert any(beats(points[other], point) for other in front) == (index not in front)
