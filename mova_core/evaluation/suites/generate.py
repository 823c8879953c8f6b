"""Generate the clips of a suite."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mova_core.evaluation.suites.suite import Suite
from mova_core.geometry import ClipGeometry
from mova_core.measures.clip import Asked, Clip
from mova_core.params.evaluation import EvaluateParams
from mova_core.progress import track
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.output import Output


def generate_suite(
    generator: ClipGenerator,
    suite: Suite,
    section: EvaluateParams,
    geometry: ClipGeometry,
    label: str,
    changes: Mapping[str, Any],
) -> list[Clip]:
    """The suite's clips, a batch a core; to be called inside `single_thread`.

    Args:
        generator: of the model.
        suite: what to generate.
        section: size of a batch.
        geometry: of the clips.
        label: of the progress bar.
        changes: fields of `GenerateSettings` that differ from the generator's defaults.
    """
    fps, rate_hz = float(geometry.fps), geometry.audio_rate_hz
    settings, clips = generator.defaults.changed(**changes), list[Clip]()
    inputs = [ClipInputs(prompt, seed) for prompt, seed in zip(suite.prompts, suite.seeds, strict=True)]
    batches = _batches(len(inputs), section.batch)

    def generated(batch: slice) -> Output:
        return generator.generate(inputs[batch], settings)

    at_once = os.cpu_count() if generator.shareable else 1
    with ThreadPoolExecutor(at_once) as cores:
        outputs = cores.map(generated, batches)
        for batch, output in zip(batches, track(outputs, len(batches), label), strict=True):
            asked = map(Asked, suite.prompts[batch], suite.labels[batch])
            made = zip(output.videos, output.audios, asked, strict=True)
            clips += [Clip(frames, audio, fps, rate_hz, asked=each) for frames, audio, each in made]
    return clips


def _batches(count: int, size: int) -> list[slice]:
    """Slices of at most `size`; fixed by the params, so that a rerun sums in the same order."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
