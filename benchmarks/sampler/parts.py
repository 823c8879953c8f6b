"""What a step of the sampler costs, what caches save and lose, and how long `mova generate` takes to begin.

Each part can be run by itself, as `python -m benchmarks sampler.step`.
"""

from collections.abc import Callable

from benchmarks.measure import Row
from benchmarks.sampler.caches import caches
from benchmarks.sampler.large_step import step
from benchmarks.sampler.nano import guidance_and_step
from benchmarks.sampler.start import start

PARTS: dict[str, Callable[[], list[Row]]] = {
    "nano": guidance_and_step,
    "step": step,
    "caches": caches,
    "start": start,
}
