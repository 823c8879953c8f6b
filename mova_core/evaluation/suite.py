"""What is generated for an evaluation: texts, classes and seeds, always the same; and validation clips beside.

Suite `made`: 16 clips of each class of the made world. Suite `captions`: captions of the validation clips, where the
footage is not made; it has no classes, and no known events. The seeds are of the suite, apart from training's.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.caption.templates import synthetic_caption
from mova_core.curation.encode.accepted_clips import Row, accepted_clips, canvas_of, load_clip, scaled_down
from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import read_table
from mova_core.errors import MovaError
from mova_core.geometry import ClipGeometry
from mova_core.media.loudness import normalise_loudness
from mova_core.params import Params
from mova_core.params.model import EvaluateParams
from mova_core.progress import track
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.synthetic.world import KINDS

MADE, CAPTIONS = "made", "captions"
CAPTION_OF = {name: synthetic_caption([name], None).merged for name in KINDS}


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A clip to measure: frames uint8 [F, H, W, 3], sound float32 [S], and its class where it has a known one."""

    frames: NDArray[np.uint8]
    audio: NDArray[np.float32]
    label: str | None


@dataclass(frozen=True, slots=True)
class Suite:
    """Prompts to generate from, one a clip.

    Args:
        name: `made` or `captions`.
        prompts: texts.
        labels: the class of each, None in suite `captions`.
        seeds: of the noise.
    """

    name: str
    prompts: tuple[str, ...]
    labels: tuple[str | None, ...]
    seeds: tuple[int, ...]

    @property
    def made(self) -> bool:
        return self.name == MADE

    def described(self, settings: dict[str, Any]) -> dict[str, Any]:
        """As it stands in metrics.json; the sha256 is of all that decides what is generated but the weights."""
        values = {"prompts": self.prompts, "labels": self.labels, "seeds": self.seeds, "settings": settings}
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        return {"name": self.name, "seeds": list(self.seeds), "clips": len(self.prompts), "sha256": digest}


def suite_for(params: EvaluateParams, data: DataFolder) -> Suite:
    """The suite that suits the footage: `made` where every accepted clip's caption is of the made world.

    Raises:
        UsageError, MovaError: a table is missing, or there is no caption to generate from.
    """
    rows = _captioned(data)
    if rows and all(_is_made(row["merged"]) for row in rows):
        return made_suite(params)
    held_out = [row for row in rows if row["split"] == "validation"]
    if not held_out:
        raise MovaError(
            f"no validation clip in {data.table('clips')} has a caption: bring more footage, or raise "
            "cut.validation_share in params.yaml"
        )
    count = params.clips_per_class * len(KINDS)
    prompts = tuple(held_out[index * len(held_out) // count]["merged"] for index in range(count))
    return Suite(CAPTIONS, prompts, (None,) * count, _seeds(params, count))


def made_suite(params: EvaluateParams) -> Suite:
    """The made world's suite: the classes in turn."""
    labels = tuple(KINDS) * params.clips_per_class
    prompts = tuple(CAPTION_OF[label] for label in labels)
    return Suite(MADE, prompts, labels, _seeds(params, len(labels)))


def validation_clips(
    params: Params, section: EvaluateParams, geometry: ClipGeometry, data: DataFolder, *, normalize_loudness: bool
) -> list[LabelledClip]:
    """Validation clips as the phase's model would make them at best; spread over the table, [] if there are none.

    Args:
        params: `clip_geometry` (as which clips were cut) and `encode.target_lufs`.
        section: how many.
        geometry: of the phase.
        data: tables and clips.
        normalize_loudness: whether the phase trains on sound of one loudness.

    Raises:
        StaleError, MediaError: a clip is missing or cannot be read.
    """
    held_out = [row for row in _captioned(data) if row["split"] == "validation"]
    if any(_label(row["merged"]) for row in held_out):  # clips of two classes have no one class to compare with
        held_out = [row for row in held_out if _label(row["merged"])]
    count = min(section.data_clips, len(held_out))
    clips = []
    for row in (held_out[index * len(held_out) // count] for index in range(count)):
        frames, audio = load_clip(data.clips, row, params.clip_geometry)
        if normalize_loudness:
            audio = normalise_loudness(audio, geometry.audio_rate_hz, params.encode.target_lufs)
        clips.append(LabelledClip(scaled_down(frames, canvas_of(row, geometry)), audio, _label(row["merged"])))
    return clips


def generate_suite(
    pipeline: MovaPipeline, suite: Suite, section: EvaluateParams, label: str, changes: Mapping[str, Any]
) -> list[LabelledClip]:
    """The suite's clips, a batch a core; `changes` are fields of `GenerateSettings`. Call it inside `one_thread`."""
    clips: list[LabelledClip] = []
    parts = _batches(len(suite.prompts), section.batch)
    with ThreadPoolExecutor(os.cpu_count()) as cores:
        outputs = cores.map(lambda part: pipeline(suite.prompts[part], seed=suite.seeds[part], **changes), parts)
        for part, output in zip(parts, track(outputs, len(parts), label), strict=True):
            clips += map(LabelledClip, output.videos, output.audios, suite.labels[part])
    return clips


def _captioned(data: DataFolder) -> list[Row]:
    """Accepted clips with their caption, in the order of the table."""
    merged = {row["clip_id"]: row["merged"] for row in read_table(data.table("captions"), "captions")}
    return [row | {"merged": merged[row["clip_id"]]} for row in accepted_clips(data) if merged.get(row["clip_id"])]


def _label(caption: str) -> str | None:
    """The class of a caption that names one alone."""
    return next((name for name, known in CAPTION_OF.items() if caption == known), None)


def _is_made(caption: str) -> bool:
    return any(caption.startswith(known.rstrip(".")) for known in CAPTION_OF.values())


def _seeds(params: EvaluateParams, count: int) -> tuple[int, ...]:
    return tuple(params.seed + index for index in range(count))


def _batches(count: int, size: int) -> list[slice]:
    """Slices of at most `size`; fixed by the params, so that a rerun sums in the same order."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
