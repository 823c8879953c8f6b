"""What caches save in seconds of processor, and what they cost: event F1 of the suite, and how far latents move.

In a project whose last phase is selected, as `make demo` leaves it: minutes. At the steps of `generate` and at those of
the released model. Beside them the other way to be faster, fewer steps.
"""

import sys
import time
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.measure import Row, row
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import over_clips
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.suites.suite import Suite, suite_for
from mova_core.measures.clip import Asked, Clip
from mova_core.model.model_folder import load_components
from mova_core.model.single_thread import single_thread
from mova_core.params import load_params
from mova_core.params.runtime import RuntimeParams
from mova_core.places import MODELS, PARAMS, DataFolder
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.settings import GenerateSettings

EVENT_F1, BATCH, STEPS = CATALOGUE["event_f1"], 16, 50
TEXT_ALONE: dict[str, Any] = {"bridge_guidance_scale": 1.0}
RUNS: dict[str, dict[str, Any]] = {
    "null_branch": {"cache": "null_branch"},
    "velocity": {"cache": "velocity"},
    "velocity_2": {"cache": "velocity", "cache_interval": 2},
    "half_the_steps": {"steps": STEPS // 2},
    "heun_12": {"steps": 12, "solver": "heun"},
}


@dataclass(frozen=True, slots=True)
class Made:
    """The suite in some setting: F1 of its clips, all their latents as one row of numbers, seconds of processor."""

    f1: float
    latents: torch.Tensor
    seconds: float

    def cost(self, exact: "Made") -> str:
        """In words, against the run without a cache."""
        error = float((self.latents - exact.latents).square().mean().sqrt())
        return f"latents move by {error:.3f} RMS, event F1 {self.f1:.3f} instead of {exact.f1:.3f}"


def caches() -> list[Row]:
    """Measure them; nothing where there is no project."""
    folder = MODELS / "phase3"
    if not (PARAMS.is_file() and folder.is_dir()):
        print("sampler.caches: not measured, no models/phase3 in this folder: `make demo` makes one", file=sys.stderr)
        return []
    params, generator = load_params(), ClipGenerator.of(load_components(folder), RuntimeParams(device="cpu"))
    suite, found = suite_for(params.evaluate, DataFolder()), []
    with single_thread():
        for steps in (generator.defaults.steps, STEPS):
            settings = generator.defaults.changed(steps=steps)
            exact, text = (make(generator, suite, settings.changed(**changes)) for changes in ({}, TEXT_ALONE))
            found.append(_ratio(f"dual_guidance_{steps}", exact, text, 1.5, "text guidance alone"))
            for name, changes in RUNS.items():
                if "steps" in changes and steps != STEPS:
                    continue
                made = make(generator, suite, settings.changed(**changes))
                if name == "null_branch":
                    told = f"text guidance alone; {made.cost(exact)}"
                    found.append(_ratio(f"{name}_{steps}", made, text, 1.15, told))
                else:
                    found.append(_faster(f"{name}_{steps}", made, exact, 2.0 if "cache" in changes else None))
    return found


def make(generator: ClipGenerator, suite: Suite, settings: GenerateSettings) -> Made:
    """Generate the suite; measuring its clips does not count."""
    geometry, clips, latents, seconds = settings.clip_geometry, [], [], 0.0
    inputs = [ClipInputs(prompt, seed) for prompt, seed in zip(suite.prompts, suite.seeds, strict=True)]
    for start in range(0, len(inputs), BATCH):
        begun = time.process_time()
        output = generator.generate(inputs[start : start + BATCH], settings)
        seconds += time.process_time() - begun
        made = zip(output.videos, output.audios, suite.labels[start : start + BATCH], strict=True)
        clips += [
            Clip(video, audio, float(geometry.fps), geometry.audio_rate_hz, asked=Asked(label=of))
            for video, audio, of in made
        ]
        latents += [each.flatten() for each in output.latents]
    f1 = over_clips(EVENT_F1, clips, Context([], -60.0)).value
    assert f1 is not None, "the suite's clips have no event"
    return Made(f1, torch.cat(latents), seconds)


def _ratio(name: str, made: Made, other: Made, target: float, against: str) -> Row:
    return row(f"sampler.{name}", [made.seconds / other.seconds], against=against, better="lower", target=target)


def _faster(name: str, made: Made, exact: Made, target: float | None) -> Row:
    against = f"no cache; {made.cost(exact)}"
    return row(f"sampler.{name}", [exact.seconds / made.seconds], against=against, better="higher", target=target)
