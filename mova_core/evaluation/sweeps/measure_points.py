"""Measures the points of a sweep: the same clips from the same noise at each, a finished point kept.

A point is kept by checkpoint, suite, settings, device and metrics, so a killed sweep goes on with the next point, and
a larger grid measures what is new in it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from mova_core.evaluation.measure import MeasuredClips, clip_values
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.evaluation.scoring.measure_file import as_json, from_json
from mova_core.evaluation.suites.suite import Suite
from mova_core.evaluation.sweeps.axes import GridPoint
from mova_core.measures.clip import Asked, Clip
from mova_core.model.single_thread import single_thread
from mova_core.progress import track
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.settings import GenerateSettings
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

Wanted = tuple[ClipInputs, Asked]  # what a clip is made from, and what it should be
Item = TypeVar("Item")
Rows = list[dict[str, Any]]  # what each clip adds to each metric, as JSON


@dataclass(frozen=True, slots=True)
class PointMeter:
    """What measures a point.

    Args:
        generator: of the model.
        checkpoint_id: of its weights.
        suite: what is generated at each point.
        batch: clips generated together.
        specs: metrics to measure.
        context: models that measure.
        cache: of finished points.
    """

    generator: ClipGenerator
    checkpoint_id: str
    suite: Suite
    batch: int
    specs: Sequence[MetricSpec]
    context: Context
    cache: ResultCache

    def check(self, points: Sequence[GridPoint]) -> None:
        """Refuse a point that cannot be generated before the first one is; errors as of `ClipGenerator.check`."""
        for point in points:
            self.generator.check([inputs for inputs, _ in self._wanted()], "", point.settings)

    def measure(self, points: Sequence[GridPoint]) -> list[MeasuredClips]:
        """What each clip adds to each metric, at each point."""
        keys = [self._key(point.settings) for point in points]
        found: list[Rows | None] = [self.cache.get(key) for key in keys]
        missing = [index for index, rows in enumerate(found) if rows is None]
        with single_thread():
            clips = self._clips([points[index].settings for index in missing])
            made = track(clips, len(missing) * len(self.suite.prompts), "sweep")
            for index in missing:
                rows = [self._row(next(made)) for _ in self.suite.prompts]
                self.cache.put(keys[index], rows)
                found[index] = rows
        return [self._measured(rows) for rows in found if rows is not None]

    def _clips(self, settings: Sequence[GenerateSettings]) -> Iterator[Clip]:
        """The suite's clips with each of these settings in turn; as many batches at once as there are cores."""
        at_once = os.cpu_count() or 1 if self.generator.shareable else 1
        batches = _pieces(self._wanted(), self.batch)
        with ThreadPoolExecutor(at_once) as cores:
            for each in settings:
                for some in _pieces(batches, at_once):  # no more at once: their clips are held until they are measured
                    for clips in cores.map(self._generated, some, [each] * len(some)):
                        yield from clips

    def _generated(self, wanted: Sequence[Wanted], settings: GenerateSettings) -> list[Clip]:
        output, geometry = self.generator.generate([inputs for inputs, _ in wanted], settings), settings.clip_geometry
        fps, rate_hz = float(geometry.fps), geometry.audio_rate_hz
        made = zip(output.videos, output.audios, wanted, strict=True)
        return [Clip(frames, audio, fps, rate_hz, asked=asked) for frames, audio, (_, asked) in made]

    def _row(self, clip: Clip) -> dict[str, Any]:
        values = clip_values(clip, self.specs, self.context)
        return {name: as_json(value) for name, value in values.items()}

    def _measured(self, rows: Sequence[Mapping[str, Any]]) -> MeasuredClips:
        values = {spec.name: [from_json(row[spec.name]) for row in rows] for spec in self.specs}
        return MeasuredClips(values, [None] * len(rows))

    def _wanted(self) -> list[Wanted]:
        clips = zip(self.suite.prompts, self.suite.seeds, self.suite.labels, strict=True)
        return [(ClipInputs(prompt, seed), Asked(prompt, label)) for prompt, seed, label in clips]

    def _key(self, settings: GenerateSettings) -> str:
        made_from = self.suite.described(settings.model_dump(mode="json"))["sha256"]
        versions = [[spec.name, spec.version] for spec in self.specs]
        models = [[name, model.sha256] for name, model in sorted(self.context.models.items())]
        speech = self.context.speech
        endpoint = None if speech.endpoint is None else [speech.endpoint.url, speech.endpoint.model]
        said_by = [speech.params.model_dump(mode="json"), str(speech.parts), endpoint]
        limit = self.context.audible_above_lufs
        return sha256_json(
            *(self.checkpoint_id, made_from, self.batch, self.generator.computed_on),
            *(versions, models, said_by, limit),
        )


def _pieces(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
