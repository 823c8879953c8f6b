"""What a sweep found, as `sweep.json` holds it."""

from typing import Any

from pydantic import Field

from mova_core.registry.manifests import Metric
from mova_core.storage.manifest import Manifest

SWEEP_FILE = "sweep.json"


class Behind(Manifest):
    """How a point differs from the one where a metric is best: the same clips in pairs, 95 % bootstrap interval.

    `worse` says whether the interval holds no 0; None values: fewer than two clips can be compared.
    """

    value: float | None
    low: float | None
    high: float | None
    worse: bool


class SweptPoint(Manifest):
    """One point of the grid, or with `bridge` False a control without the Bridge.

    `settings` of the axes that have a part; `passes` of the towers for a clip; `metrics` by name; `behind` the best
    point, by metric that has a direction and comes clip by clip. A control is behind nothing.
    """

    settings: dict[str, float]
    bridge: bool
    passes: int
    metrics: dict[str, Metric]
    behind: dict[str, Behind] = Field(default_factory=dict)

    def value(self, name: str) -> float | None:
        """The value of a metric; None where it is unavailable."""
        metric = self.metrics.get(name)
        return None if metric is None else metric.value


class Front(Manifest):
    """The Pareto front of sync and text following.

    `points` are numbers of points; `left_out` those that have no value, with the reason; `unavailable` says why there
    is no front.
    """

    points: list[int]
    left_out: dict[int, str]
    unavailable: str | None


class Suggestion(Manifest):
    """Settings suggested as a model's defaults, by `rule`; `cost` is what they give up, a sentence each.

    `point` is None, and `settings` empty, where `unavailable` says why there is none.
    """

    point: int | None
    settings: dict[str, float]
    rule: str
    reason: str
    cost: list[str]
    unavailable: str | None


class SweptSuite(Manifest):
    """What is generated at every point; `sha256` is of what the suite says, `settings` those of no axis included."""

    name: str
    clips: int
    sha256: str
    negative_prompt: str
    loras: list[dict[str, Any]]
    settings: dict[str, Any]


class Sweep(Manifest):
    """A sweep.

    `axes`: values of each setting; `defaults`: what the model has without one. It is judged by `sync_metric` and
    `text_metrics`; `best`: the number of the point where each metric is best; `unavailable`: metric -> why no point
    has it.
    """

    checkpoint_id: str
    suite: SweptSuite
    axes: dict[str, list[float]]
    defaults: dict[str, float | None]
    points: list[SweptPoint]
    sync_metric: str | None
    text_metrics: list[str]
    best: dict[str, int]
    front: Front
    suggestion: Suggestion
    unavailable: dict[str, str]

    @property
    def grid(self) -> list[tuple[int, SweptPoint]]:
        """The points that are no controls, with their numbers."""
        return [(number, point) for number, point in enumerate(self.points) if point.bridge]
