"""Validation clips as a phase's model would make them at best: what generated clips are compared with."""

from mova_core.curation.encode.accepted_clips import canvas_of, load_clip, scaled_down
from mova_core.evaluation.suites.captioned import captioned_clips, class_of_caption
from mova_core.geometry import ClipGeometry
from mova_core.measures.clip import Asked, Clip
from mova_core.media.audio.loudness import normalise_loudness
from mova_core.params import Params
from mova_core.params.evaluation import EvaluateParams
from mova_core.places import DataFolder


def validation_clips(
    params: Params, section: EvaluateParams, geometry: ClipGeometry, data: DataFolder, *, normalize_loudness: bool
) -> list[Clip]:
    """Validation clips spread evenly over the table; [] if there are none.

    Args:
        params: `clip_geometry` (as which clips were cut) and `encode.target_lufs`.
        section: how many, and of which footage.
        geometry: of the phase.
        data: tables and clips.
        normalize_loudness: whether the phase trains on audio of one loudness.

    Raises:
        StaleError, MediaError: a clip is missing or cannot be read.
    """
    held_out = [row for row in captioned_clips(data) if row["split"] == "validation"]
    synthetic = section.footage == "synthetic"
    if synthetic and any(class_of_caption(row["merged"]) for row in held_out):
        # A clip of two classes has no single class to compare with.
        held_out = [row for row in held_out if class_of_caption(row["merged"])]
    count = min(section.data_clips, len(held_out))
    clips = []
    for row in (held_out[index * len(held_out) // count] for index in range(count)):
        frames, audio = load_clip(data.clips, row, params.clip_geometry)
        if normalize_loudness:
            audio = normalise_loudness(audio, geometry.audio_rate_hz, params.encode.target_lufs)
        label = class_of_caption(row["merged"]) if synthetic else None
        frames = scaled_down(frames, canvas_of(row, geometry))
        clips.append(Clip(frames, audio, float(geometry.fps), geometry.audio_rate_hz, asked=Asked(label=label)))
    return clips
