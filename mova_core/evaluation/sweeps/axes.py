"""The grid of a sweep: settings of generation and their values, from words such as `video_shift=1,3,5`.

Light: read and checked before torch is loaded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isfinite
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from mova_core.errors import UsageError
from mova_core.sampling.settings import BRIDGE_SCALE, CLIP_SETTINGS, GenerateSettings

# Retries have no part (each clip is of its own seed), and height and width do not go apart.
_NOT_SWEPT = ("retries", "height", "width")


@dataclass(frozen=True, slots=True)
class Axis:
    """One setting, a name of `SWEEPABLE`, and its values in rising order."""

    name: str
    values: tuple[float, ...]

    @property
    def of_bridge(self) -> bool:
        """Whether it is a scale of the Bridge, which has no part in the control."""
        return self.name.endswith(BRIDGE_SCALE)


@dataclass(frozen=True, slots=True)
class GridPoint:
    """One combination of values.

    Args:
        values: of each axis that has a part.
        bridge: False for a control: the Bridge is off in every pass, v(T,0).
        settings: the model's own, changed by these values.
    """

    values: Mapping[str, float]
    bridge: bool
    settings: GenerateSettings


def parse_axes(words: Sequence[str]) -> tuple[Axis, ...]:
    """The axes that `--sweep NAME=VALUE,VALUE` name, in their order.

    Raises:
        UsageError: a setting that cannot be swept or is named twice, or values that are no different numbers.
    """
    axes: list[Axis] = []
    for word in words:
        name, _, listed = word.partition("=")
        name = name.strip().replace("-", "_")
        if name not in SWEEPABLE:
            raise UsageError(f"--sweep names {name!r}, which cannot be swept: expected one of {', '.join(SWEEPABLE)}")
        if any(axis.name == name for axis in axes):
            raise UsageError(f"--sweep names {name} twice: give all its values at once, as {name}=1,2,3")
        axes.append(Axis(name, _values(name, listed)))
    return tuple(axes)


def grid(axes: Sequence[Axis], defaults: GenerateSettings) -> list[GridPoint]:
    """Every combination of values, and where a scale of the Bridge is swept, the controls with the Bridge off first.

    Args:
        axes: at least one.
        defaults: the model's own settings, of which a point changes those of the axes.

    Raises:
        UsageError: a value out of its range, or a combination that cannot be; it names the point.
    """
    points = [_point(values, defaults) for values in _combinations(axes)]
    if not any(axis.of_bridge for axis in axes):
        return points
    return [*_controls([axis for axis in axes if not axis.of_bridge], defaults), *points]


def described(values: Mapping[str, float], bridge: bool = True) -> str:
    """A point as a person reads it, such as `video_shift 5, Bridge off`."""
    return ", ".join([f"{name} {value:g}" for name, value in values.items()] + ([] if bridge else ["Bridge off"]))


def _point(values: Mapping[str, float], defaults: GenerateSettings) -> GridPoint:
    try:
        return GridPoint(values, True, defaults.changed(**values, retries=0))
    except UsageError as error:
        raise UsageError(f"--sweep at {described(values)}: {error}") from None


def _controls(axes: Sequence[Axis], defaults: GenerateSettings) -> Iterator[GridPoint]:
    for values in _combinations(axes):
        try:
            yield GridPoint(values, False, defaults.changed(**values, bridge=False, retries=0))
        except UsageError:  # a setting of guidance that has no part without the Bridge: the point is no other control
            continue


def _combinations(axes: Sequence[Axis]) -> list[dict[str, float]]:
    names = [axis.name for axis in axes]
    return [dict(zip(names, values, strict=True)) for values in product(*(axis.values for axis in axes))]


def _values(name: str, listed: str) -> tuple[float, ...]:
    kind = SWEEPABLE[name]
    try:
        values = [kind(part) for part in listed.split(",")]
        if not all(map(isfinite, values)):
            raise ValueError
    except ValueError:
        numbers = "whole numbers" if kind is int else "numbers"
        raise UsageError(
            f"--sweep has {name}={listed}, expected {numbers} with commas between, as {name}=1,2"
        ) from None
    if len(set(values)) < len(values):
        raise UsageError(f"--sweep has {name}={listed}, which names a value twice: leave one out")
    return tuple(sorted(values))


def _number(annotation: Any) -> type[int] | type[float] | None:
    """The class of number of a field, None for any other field."""
    if get_origin(annotation) is Annotated:
        return _number(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return next((kind for part in get_args(annotation) if (kind := _number(part)) is not None), None)
    return annotation if annotation in (int, float) else None


SWEEPABLE = {
    name: kind
    for name in CLIP_SETTINGS
    if name not in _NOT_SWEPT and (kind := _number(GenerateSettings.model_fields[name].annotation)) is not None
}
"""Settings that can be swept, and their class: every number that decides a clip."""
