"""What params say of the clips of one origin: how often they are drawn, and on which captions they are trained.

The origin of a clip is what the sidecar of its file states (column `origin` of `sources`); without torch.
Shape suffix: N clips.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE
from mova_core.curation.tables import read_columns
from mova_core.errors import UsageError
from mova_core.params.model import AudioPhaseParams, CaptionWeights
from mova_core.places import DataFolder
from mova_core.training.data.index import Bucket, rows_of
from mova_core.training.recipe import Phase

NAMED = 8  # origins in an error's sentence


def weights_of(bucket: Bucket, own: AudioPhaseParams) -> NDArray[np.float64]:
    """How often each clip of a bucket is drawn, [N]; 1 unless its origin has a weight."""
    of_origin = [own.sources[origin].weight if origin in own.sources else 1.0 for origin in bucket.origins]
    return np.array(of_origin)[bucket.origin_of_N]


def kinds_of(weights: CaptionWeights, merged: str) -> dict[str, float]:
    """Weights by kind of text context, those above 0; `merged` is the form in which the phase takes that kind."""
    kinds = {merged if name == "merged" else name: weight for name, weight in weights.model_dump().items()}
    return {kind: weight for kind, weight in kinds.items() if weight}


def captions_of(origin: str | None, own: AudioPhaseParams) -> CaptionWeights:
    """Kinds of caption that clips of an origin are trained on."""
    source = own.sources.get(origin) if origin is not None else None
    return own.captions if source is None or source.captions is None else source.captions


def check_sources(phase: Phase, own: AudioPhaseParams, latents: Path, data: DataFolder) -> None:
    """Refuse params that name an origin that no clip has, or kinds of caption that no clip of an origin has.

    Args:
        phase: which.
        own: its section.
        latents: the folder that it reads.
        data: where table `captions` lies; without it kinds are not looked at.

    Raises:
        UsageError: one sentence about the first.
    """
    rows = rows_of(latents, phase.name, "train")
    origins: list[str | None] = sorted(
        rows["origin"].unique().to_pylist(), key=lambda origin: (origin is None, origin or "")
    )
    for name in own.sources:
        if name not in origins:
            there = ", ".join("none stated" if origin is None else repr(origin) for origin in origins[:NAMED])
            more = ", …" if len(origins) > NAMED else ""
            raise UsageError(
                f"train.{phase.name}.sources names {name!r}, and the training clips in {latents} are of these origins: "
                f"{there}{more}; expected one of them (sidecars state it, column origin of sources)"
            )
    if not data.table("captions").is_file():
        return
    every = _captions(latents, data)
    for origin in origins:
        kinds = list(kinds_of(captions_of(origin, own), "merged"))
        of_origin = rows.filter(pc.is_null(rows["origin"]) if origin is None else pc.equal(rows["origin"], origin))
        captions = every.filter(pc.is_in(every["clip_id"], of_origin["clip_id"].combine_chunks()))
        if not any(pc.any(pc.is_valid(captions[kind])).as_py() for kind in kinds):
            whose = "no training clip" if not own.sources else f"no training clip of origin {origin!r}"
            raise UsageError(
                f"train.{phase.name} trains on captions of kind {', '.join(kinds)} alone, and {whose} in {latents} has "
                "one: give a kind that is there a weight above 0"
            )


def _captions(latents: Path, data: DataFolder) -> pa.Table:
    """Captions of clips and of windows of audio alone: their ids, and each kind or null."""
    kinds = list(CaptionWeights.model_fields)
    captions = read_columns(data.table("captions"), "captions").select(["clip_id", *kinds])
    if not (latents / AUDIO_CLIPS_FILE).is_file():
        return captions
    alone = read_columns(latents / AUDIO_CLIPS_FILE, "audio_clips")
    nothing: Mapping[str, pa.Array] = {kind: pa.nulls(len(alone), pa.string()) for kind in kinds}
    columns = {kind: alone[kind] if kind in alone.column_names else nothing[kind] for kind in kinds}
    return pa.concat_tables([captions, pa.table({"clip_id": alone["clip_id"], **columns})])
