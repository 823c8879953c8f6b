"""Params, code and data of two checkpoints, side by side."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mova_core.params.nested import flat
from mova_core.registry.database.tables import Run
from mova_core.registry.lineage.origins import Origins

COUNTED = ("sources", "clips")  # tables whose rows are told even where both are the same


@dataclass(frozen=True, slots=True)
class Param:
    """A param that differs; None where a run has no such param.

    Args:
        name: phase and key, such as `phase2.lr`.
        a: value of the first checkpoint's run of that phase.
        b: of the second's.
    """

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Code:
    """The code that a phase was trained by, as a hash; None where the checkpoint has no run of that phase."""

    phase: str
    a: str | None
    b: str | None
    same: bool


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a table or of latents; `rows` is None where the registry has no row of it."""

    sha256: str
    rows: int | None


@dataclass(frozen=True, slots=True)
class Data:
    """The versions of one table, or of latents at one geometry, behind each checkpoint."""

    name: str
    a: tuple[Version, ...]
    b: tuple[Version, ...]
    same: bool


def differing_params(a: Origins, b: Origins) -> list[Param]:
    """Every param of a phase that both were trained in and whose values differ, by name."""
    ours, theirs = _by_phase(a), _by_phase(b)
    found = []
    for phase in sorted(ours.keys() & theirs.keys()):
        values, others = flat(ours[phase].params), flat(theirs[phase].params)
        for name in sorted(values.keys() | others.keys()):
            if values.get(name) != others.get(name):
                found.append(Param(f"{phase}.{name}", values.get(name), others.get(name)))
    return found


def code_of(a: Origins, b: Origins) -> list[Code]:
    """The code of each phase that either was trained in."""
    ours, theirs = _by_phase(a), _by_phase(b)
    hashes = ((phase, _code(ours, phase), _code(theirs, phase)) for phase in sorted(ours.keys() | theirs.keys()))
    return [Code(phase, one, other, one == other) for phase, one, other in hashes]


def data_of(a: Origins, b: Origins) -> list[Data]:
    """Versions of data by name."""
    ours, theirs = _versions(a), _versions(b)
    names = sorted(ours.keys() | theirs.keys())
    return [Data(name, ours[name], theirs[name], ours[name] == theirs[name]) for name in names]


def _by_phase(origins: Origins) -> dict[str, Run]:
    """The latest run of each phase."""
    return {run.phase: run for run in reversed(origins.runs)}


def _code(runs: Mapping[str, Run], phase: str) -> str | None:
    return runs[phase].code if phase in runs else None


def _versions(origins: Origins) -> dict[str, tuple[Version, ...]]:
    found: dict[str, tuple[Version, ...]] = defaultdict(tuple)
    for (name, sha256), dataset in sorted(origins.datasets.items(), key=lambda item: item[0]):
        found[name] += (Version(sha256, None if dataset is None else dataset.rows),)
    return found
