"""What `mova evaluate` wrote of its clips, read as it stands; nothing is measured here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from mova_core.errors import StaleError, first_fault
from mova_core.evaluation.scoring.files import AGAINST_FILE, CLIPS_FILE, clip_value
from mova_core.evaluation.scoring.paired import Difference
from mova_core.registry.manifests import METRICS_FILE, Metric
from mova_core.storage.manifest import Manifest, read_manifest

VALIDATION = "validation clips"  # what a phase is compared with


class ScoredSuite(Manifest):
    """What the clips are: `name` and `checkpoint_id` of a suite that was generated, None of a folder as it is."""

    clips: int
    missing: int = 0
    name: str | None = None
    checkpoint_id: str | None = None


class Against(Manifest):
    """The reference folder, and how the clips differ from those of the same names in it, by metric."""

    folder: str
    differences: dict[str, Difference]


class Scores(Manifest):
    """metrics.json of a folder of clips, or of a training phase: one of both is named."""

    folder: str | None = None
    phase: str | None = None
    checkpoint_id: str | None = None
    suite: ScoredSuite
    metrics: dict[str, Metric]
    against: Against | None = None


class AskedOf(Manifest):
    """What the page shows of what a clip was asked to be."""

    prompt: str | None = None
    label: str | None = None
    set: str | None = None


def _file_name(name: str) -> str:
    if "/" in name or "\0" in name or name in ("", ".", ".."):
        raise ValueError(f"got file {name!r}, expected the name of a file in the folder")
    return name


class ClipScores(Manifest):
    """A line of clips.jsonl; `metrics` holds what the clip adds to numerator and denominator of each."""

    name: str
    file: Annotated[str, AfterValidator(_file_name)] | None
    sha256: str | None
    asked: AskedOf = AskedOf()
    metrics: dict[str, tuple[float, float]] = Field(default_factory=dict)
    unavailable: dict[str, str] = Field(default_factory=dict)

    def value(self, metric: str) -> float | None:
        """The clip's own value; None where it has none."""
        return clip_value(*self.metrics.get(metric, (0.0, 0.0)))


@dataclass(frozen=True, slots=True)
class Results:
    """All there is of one evaluation; `reference` are the clips of the folder that they are compared with."""

    scores: Scores
    clips: tuple[ClipScores, ...]
    reference: tuple[ClipScores, ...]

    @property
    def name(self) -> str:
        """Of the phase, or else of the suite, or else of the folder."""
        return self.scores.phase or self.scores.suite.name or str(self.scores.folder)

    @property
    def reference_name(self) -> str | None:
        """Of what the clips are compared with; None where there is nothing."""
        if self.scores.against is not None:
            return self.scores.against.folder
        return VALIDATION if self.reference else None

    @property
    def sets(self) -> tuple[str, ...]:
        """Those of the suite that clips are of, sorted; () for a suite without sets."""
        return tuple(sorted({clip.asked.set for clip in self.clips if clip.asked.set is not None}))


def read_results(folder: Path) -> Results:
    """Read an evaluation's folder.

    Raises:
        StaleError: a file is missing or cannot be read.
    """
    scores, _ = read_manifest(folder / METRICS_FILE, Scores)
    reference = _lines(folder / AGAINST_FILE) if (folder / AGAINST_FILE).is_file() else ()
    return Results(scores, _lines(folder / CLIPS_FILE), reference)


def known_values(clips: Sequence[ClipScores], metric: str) -> list[tuple[ClipScores, float]]:
    """The clips that have a value of a metric, with it."""
    return [(clip, value) for clip in clips if (value := clip.value(metric)) is not None]


def _lines(path: Path) -> tuple[ClipScores, ...]:
    try:
        return tuple(
            ClipScores.model_validate(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()
        )
    except FileNotFoundError as error:
        raise StaleError(f"{path} is missing: evaluate again") from error
    except JSONDecodeError as error:
        raise StaleError(f"{path} is no list of clips ({error}): evaluate again") from error
    except ValidationError as error:
        raise StaleError(f"{path} is no list of clips ({first_fault(error)}): evaluate again") from error
