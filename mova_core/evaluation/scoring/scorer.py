"""What measures files: in workers, each file once, and what was measured of it kept by the sha256 of its bytes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.engine.worker import TaskResult
from mova_core.evaluation.availability import lacking_needs, unavailable_metrics
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.configured_context import configured_context
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.scoring.measure_file import FileTask, measure_file, unavailable_in_all
from mova_core.evaluation.scoring.scored import Scored, as_asked, transcript_json
from mova_core.evaluation.scoring.videos import Video
from mova_core.params import Params
from mova_core.places import RESULT_CACHE
from mova_core.progress import track
from mova_core.storage.code_version import code_version
from mova_core.storage.hashing import sha256_file, sha256_json
from mova_core.storage.result_cache import ResultCache, version_folder

MEASURES = "mova_core.evaluation.scoring.measure_file"
NO_CLIP = "there is no clip of this prompt"


@dataclass(frozen=True, slots=True)
class Scorer:
    """What measures files.

    Args:
        params: `evaluate` and `limits`.
        engine: where workers run.
        context: models that measure.
        cache: folder of what was measured before.
    """

    params: Params
    engine: Engine
    context: Context
    cache: Path = RESULT_CACHE

    @classmethod
    def of(cls, params: Params, engine: Engine, cache: Path = RESULT_CACHE) -> "Scorer":
        """With the models whose weights the params configure.

        Raises:
            UsageError: weights that are missing or not those of their sha256, or resources that the engine has not.
        """
        return cls(params, engine.with_resources(params.engine.evaluate), configured_context(params, cache), cache)

    def unavailable(self, videos: Sequence[Video], compared: bool) -> dict[str, str]:
        """Metric -> why none of these clips can be measured by it.

        Raises:
            UsageError: `evaluate.metrics` names one that the catalogue does not have.
        """
        there = {Need.VIDEO, Need.REFERENCE} if compared else {Need.VIDEO}
        lacking = lacking_needs([video.asked for video in videos], there)
        return unavailable_metrics(lacking, self.params.evaluate.metrics or CATALOGUE, self.context.models)

    def scored(self, videos: Sequence[Video], metrics: Sequence[str], label: str) -> list[Scored]:
        """Each clip's values; a file that fails is unavailable in every metric, with the reason."""
        tasks = [None if video.path is None else self._task(video, metrics) for video in videos]
        results = self._results([task for task in tasks if task is not None], label)
        return [
            Scored(video, None, unavailable_in_all(metrics, NO_CLIP))
            if task is None
            else Scored(video, task.sha256, _values(next(results), metrics))
            for video, task in zip(videos, tasks, strict=True)
        ]

    def _task(self, video: Video, metrics: Sequence[str]) -> FileTask:
        assert video.path is not None
        path, digest = video.path.resolve(), sha256_file(video.path)
        return FileTask(path, digest, video.asked, video.transcript, tuple(metrics), self.context)

    def _results(self, tasks: Sequence[FileTask], label: str) -> Iterator[TaskResult]:
        cache = ResultCache(f"score/{version_folder(code_version(MEASURES))}", self.cache)
        keys = [_key(task) for task in tasks]
        found = [cache.get(key) for key in keys]
        missing = [task for task, kept in zip(tasks, found, strict=True) if kept is None]
        fresh = run(measure_file, missing, engine=self.engine, limits=self.params.limits, preload=("av", MEASURES))
        for key, kept in track(zip(keys, found, strict=True), len(keys), label):
            if kept is not None:
                yield TaskResult(kept)
                continue
            result = next(fresh)
            if not result.failed and not _passes(result.value):
                cache.put(key, result.value)
            yield result


def _values(result: TaskResult, metrics: Sequence[str]) -> Mapping[str, Any]:
    return unavailable_in_all(metrics, f"{result.reason}") if result.failed else dict(result.value)


def _passes(values: Mapping[str, Any]) -> bool:
    """Whether something is unavailable that may not be at the next try."""
    return any(isinstance(value, Mapping) and value.get("passing", False) for value in values.values())


def _key(task: FileTask) -> str:
    versions = [[name, CATALOGUE[name].version] for name in task.metrics]
    given = transcript_json(task.transcript)
    return sha256_json(task.sha256, as_asked(task.asked), given, versions, task.context.measured_by)
