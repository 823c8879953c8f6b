"""How many clips made from text alone collapse: one flat colour, silence, clipped audio. Each of its first seed.

In a project whose last phase is selected, as `make demo` leaves it: 64 clips in the settings of `generate`, a minute.
"""

import sys

from benchmarks.measure import Row, row
from mova_core.errors import UsageError
from mova_core.evaluation.suites.captioned import CAPTION_OF
from mova_core.model.single_thread import single_thread
from mova_core.params.runtime import RuntimeParams
from mova_core.places import CANDIDATE
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.collapse.judge import judge
from mova_core.sampling.inputs import ClipInputs

CLIPS, BATCH, FIRST_SEED = 64, 16, 40_000


def rows() -> list[Row]:
    """Generate and judge; nothing where there is no model."""
    try:
        generator = ClipGenerator.load(CANDIDATE, RuntimeParams())
    except UsageError as error:
        print(f"collapse: not measured, {error}", file=sys.stderr)
        return []
    captions, settings = list(CAPTION_OF.values()), generator.defaults
    clips = [ClipInputs(captions[index % len(captions)], FIRST_SEED + index) for index in range(CLIPS)]
    faults: list[tuple[str, ...]] = []
    with single_thread():
        for start in range(0, CLIPS, BATCH):
            batch = clips[start : start + BATCH]
            output = generator.generate(batch, settings)
            made = zip(batch, output.videos, output.audios, strict=True)
            faults += [judge(*clip, output.geometry) for clip in made]
    return [
        row(
            "collapse.share",
            [sum(map(bool, faults)) / CLIPS],
            against=f"no clip: {CLIPS} clips from text alone, that is from a white first frame, without further seeds",
            better="lower",
            target=0.0,
            unit="of clips",
        )
    ]
