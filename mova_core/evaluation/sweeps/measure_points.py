"""Measures the points of a sweep: the same clips from the same noise at each, a finished point kept.

A point is kept by checkpoint, suite, settings, device and metrics, so a killed sweep goes on with the next point, and
a larger grid measures what is new in it. Clips are measured as the model makes them, without a file between.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from mova_core.evaluation.measure import MeasuredClips, clip_values
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import ClipValue, MetricSpec
from mova_core.evaluation.scoring.measure_file import as_json, from_json
from mova_core.evaluation.sweeps.axes import GridPoint
from mova_core.measures.clip import Asked, Clip, Unavailable
from mova_core.model.single_thread import single_thread
from mova_core.progress import track
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.sampler import NotFinite
from mova_core.sampling.settings import GenerateSettings
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

Item = TypeVar("Item")
Row = dict[str, ClipValue]  # what a clip adds to each metric


@dataclass(frozen=True, slots=True)
class Batch:
    """Clips that are generated together: what each is made from, and what it was asked to be."""

    inputs: Sequence[ClipInputs]
    asked: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class PointMeter:
    """What measures a point.

    Args:
        generator: of the model.
        made_from: what decides the clips besides a point's settings, such as weights and prompts; part of the key.
        batches: of the suite.
        negative_prompt: text of the unconditional forwards.
        specs: metrics to measure.
        context: models that measure.
        cache: of finished points.
    """

    generator: ClipGenerator
    made_from: Mapping[str, Any]
    batches: Sequence[Batch]
    negative_prompt: str
    specs: Sequence[MetricSpec]
    context: Context
    cache: ResultCache

    @property
    def sets(self) -> list[str | None]:
        """The set of the suite that each clip is of."""
        return [asked.set for batch in self.batches for asked in batch.asked]

    def check(self, points: Sequence[GridPoint]) -> None:
        """Refuse a point that cannot be generated before the first one is; errors as of `ClipGenerator.check`."""
        for point in points:
            for batch in self.batches:
                self.generator.check(batch.inputs, self.negative_prompt, point.settings)

    def measure(self, points: Sequence[GridPoint]) -> list[MeasuredClips]:
        """What each clip adds to each metric, at each point."""
        keys = [self._key(point.settings) for point in points]
        kept = [self.cache.get(key) for key in keys]
        missing = [index for index, rows in enumerate(kept) if rows is None]
        found: list[list[Row]] = [[_from_json(row) for row in rows or ()] for rows in kept]
        with single_thread():
            clips = self._clips([points[index].settings for index in missing])
            made = track(clips, len(missing) * len(self.sets), "sweep")
            for index in missing:
                found[index] = [self._row(next(made)) for _ in self.sets]
                if not any(_passes(value) for row in found[index] for value in row.values()):
                    rows = [{name: as_json(value) for name, value in row.items()} for row in found[index]]
                    self.cache.put(keys[index], rows)
        return [
            MeasuredClips({spec.name: [row[spec.name] for row in rows] for spec in self.specs}, self.sets)
            for rows in found
        ]

    def _clips(self, settings: Sequence[GenerateSettings]) -> Iterator[Clip | Unavailable]:
        """The suite's clips with each of these settings in turn; as many batches at once as there are cores."""
        at_once = os.cpu_count() or 1 if self.generator.shareable else 1
        with ThreadPoolExecutor(at_once) as cores:
            for each in settings:
                for some in _pieces(self.batches, at_once):  # no more: their clips are held until they are measured
                    for clips in cores.map(self._generated, some, [each] * len(some)):
                        yield from clips

    def _generated(self, batch: Batch, settings: GenerateSettings) -> list[Clip | Unavailable]:
        """The clips of a batch; in place of one that the model fails at, as under extreme guidance, why."""
        geometry = settings.clip_geometry
        try:
            output = self.generator.generate(batch.inputs, settings, negative_prompt=self.negative_prompt)
        except NotFinite as error:
            if len(batch.inputs) == 1:
                return [Unavailable(str(error))]
            alone = [Batch([inputs], [asked]) for inputs, asked in zip(batch.inputs, batch.asked, strict=True)]
            return [clip for each in alone for clip in self._generated(each, settings)]
        fps, rate_hz = float(geometry.fps), geometry.audio_rate_hz
        made = zip(output.videos, output.audios, batch.asked, strict=True)
        return [Clip(frames, audio, fps, rate_hz, asked=asked) for frames, audio, asked in made]

    def _row(self, clip: Clip | Unavailable) -> Row:
        if isinstance(clip, Unavailable):
            return {spec.name: clip for spec in self.specs}
        return clip_values(clip, self.specs, self.context)

    def _key(self, settings: GenerateSettings) -> str:
        versions = [[spec.name, spec.version] for spec in self.specs]
        return sha256_json(
            *(dict(self.made_from), self.negative_prompt, settings, self.generator.computed_on),
            *([len(batch.inputs) for batch in self.batches], versions, self.context.measured_by),
        )


def _from_json(row: Mapping[str, Any]) -> Row:
    return {name: from_json(value) for name, value in row.items()}


def _passes(value: ClipValue) -> bool:
    """Whether it may be there another time, as where an endpoint did not answer."""
    return isinstance(value, Unavailable) and value.passing


def _pieces(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
