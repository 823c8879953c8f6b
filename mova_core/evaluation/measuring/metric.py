"""What a metric is: how it is called, what one clip adds to it, how clips are put together, what it needs.

A metric is either a ratio of sums over clips (a mean, a share, an F1: `ratio_metric.py`) or a statistic of the
embeddings of all clips together (`Distribution`). What cannot be measured in one clip is `Unavailable` with the reason;
the other clips still count, and the result says how many of how many they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.ratio_metric import NOTHING, Ratio
from mova_core.evaluation.measuring.shuffled import Pair
from mova_core.measures.clip import Clip, Unavailable

SHARE, DIFFERENCE, COSINE = (0.0, 1.0), (-1.0, 1.0), (-1.0, 1.0)  # ranges, ends included
AMOUNT, ANY = (0.0, inf), (-inf, inf)

Embedding = NDArray[np.float32]  # [D], or rows [N, D] where a clip has several
Direction = Literal["higher", "lower", "neither"]  # which is better; neither: it describes a clip
ClipValue = Ratio | Embedding | Unavailable  # what one clip adds


class Need(StrEnum):
    """What a metric needs besides clips; the value is the reason that is told where it is not there."""

    VIDEO = "phase audio trains the audio tower alone: there is no video to measure"
    KNOWN_EVENTS = "the footage is not synthetic: its classes and events are not known"
    VALIDATION_CLIPS = "there is no validation clip to compare with"
    REFERENCE = "there are no reference clips to compare with: name a folder of them (--against)"
    PROMPTS = "the prompts of the clips are not known: name them (--prompts)"
    TRANSCRIPTS = "no prompt says what is spoken: a suite with transcripts has `speech` in its lines"


class GateKind(StrEnum):
    """Sections of `select` in params.yaml that may hold a limit for a metric."""

    AUDIO = "audio"
    JOINT = "phase1, phase2, phase3"
    OTHER_FOOTAGE = "other_footage"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A statistic of the embeddings of all clips.

    Args:
        embedding: of one clip.
        statistic: from rows [N, D] of the clips, and of the reference clips where it compares with them (else None).
        bootstrap_samples: at most so many, because it costs more than a ratio.
        compares: whether it needs reference clips.
    """

    embedding: Callable[[Clip, Context], Embedding | Unavailable]
    statistic: Callable[[Embedding, Embedding | None], float | Unavailable]
    bootstrap_samples: int = 100
    compares: bool = True


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric.

    Args:
        name: key in metrics.json; limits in params are called NAME_at_least or NAME_at_most.
        label: for people.
        meaning: one sentence: its row in docs/metrics.md.
        better: direction; one with a gate or a place among the headlines has one.
        range: least and largest possible value.
        unit: empty for shares and other numbers without one.
        source: of the definition; empty for this project's own.
        version: raised whenever the same clips give another value: results of two versions are never compared.
        ratio: what a pair of clips adds to it, the first giving the video and the second the audio.
        distribution: in place of `ratio`. Both None: it does not come from clips alone (see `evaluate`).
        shuffle: wrong pairs for its baseline; None where it has none.
        needs: what must be there for it.
        model: whose weights it needs, a key of `measures.models.table.MODELS`.
        packages: that it needs, and that are optional for this project.
        gates: sections of `select` that may ask for it.
        headline: whether it stands in the report's main table and in `dvc metrics`.
        swept: whether it is measured at every Bridge guidance scale.
        chosen: measured after a phase only where params `evaluate.metrics` name it, or with a mova preset.
        mean_of_sets: whether the value is the mean of the means of the suite's sets, as the MOVA report has it.
        agreement: what it says agrees, where it does: `sync` video with audio, `text` a clip with its prompt.
        only_set: the one set of suite verse-bench that it is measured on; other suites are measured whole.
    """

    name: str
    label: str
    meaning: str
    better: Direction
    range: tuple[float, float]
    unit: str = ""
    source: str = ""
    version: int = 1
    ratio: Callable[[Clip, Clip, Context], Ratio | Unavailable] | None = None
    distribution: Distribution | None = None
    shuffle: Callable[[Sequence[Clip]], list[Pair]] | None = None
    needs: tuple[Need, ...] = ()
    model: str | None = None
    packages: tuple[str, ...] = ()
    gates: tuple[GateKind, ...] = ()
    headline: bool = False
    swept: bool = False
    chosen: bool = False
    mean_of_sets: bool = False
    agreement: Literal["sync", "text"] | None = None
    only_set: str | None = None

    @property
    def title(self) -> str:
        """The label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def of_clips(self) -> bool:
        """Whether it comes from clips alone."""
        return self.ratio is not None or self.distribution is not None


def mean_of(
    measure: Callable[[Clip], float | Unavailable | None],
) -> Callable[[Clip, Clip, Context], Ratio | Unavailable]:
    """The mean over clips of what one measure says; None: there is nothing to measure in a clip."""

    def ratio(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
        return _as_ratio(audio.get(measure))

    return ratio


def mean_over_pairs(
    measure: Callable[[Clip, Clip], float | Unavailable],
) -> Callable[[Clip, Clip, Context], Ratio | Unavailable]:
    """The mean over clips, or wrong pairs, of what one measure says of the video of one and the audio of another."""

    def ratio(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
        return _as_ratio(measure(video, audio))

    return ratio


def mean_by_model(model: str, measure: str) -> Callable[[Clip, Clip, Context], Ratio | Unavailable]:
    """The mean over clips of one of the measures that a model with weights takes.

    Args:
        model: a key of `MODELS`.
        measure: one of those that its adapter gives.
    """

    def ratio(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
        return _as_ratio(audio.get(context.adapter(model))[measure])

    return ratio


def _as_ratio(value: float | Unavailable | None) -> Ratio | Unavailable:
    if isinstance(value, Unavailable):
        return value
    return NOTHING if value is None else (float(value), 1.0)
