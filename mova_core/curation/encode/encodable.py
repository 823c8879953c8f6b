"""Whether a geometry can be encoded, by params and small files alone: refused in the first second, without torch."""

from mova_core.errors import UsageError
from mova_core.geometry import ClipGeometry
from mova_core.model.pretrained.frozen_parts import FrozenParts
from mova_core.params import PRESETS, Params
from mova_core.places import DataFolder

COPIES_IN_MEMORY = 2  # of a shard's latents while it is put together


def check_encodable(params: Params, geometry: ClipGeometry) -> None:
    """Refuse what small files already tell.

    Raises:
        UsageError: a geometry that the preset does not train on; no codecs, or a part of them is missing; a shard that
            does not fit a worker's memory.
        StaleError: codecs of another model.
    """
    if geometry not in params.geometries:
        names = ", ".join(known.name for known in params.geometries)
        raise UsageError(f"geometry is {geometry.name!r}, preset {params.preset} trains on {names}")
    if params.encode.weights is None and not PRESETS[params.preset].fits_codecs:
        raise UsageError(
            f"{geometry.name} is encoded by the released Wan VAE, DAC VAE and UMT5 text encoder, and encode.weights "
            "(params.yaml) is null: name the folder of a released model, with video_vae, audio_vae, text_encoder and "
            "tokenizer"
        )
    parts = FrozenParts.of(params, DataFolder())
    parts.check_fits(geometry)
    of_a_clip = COPIES_IN_MEMORY * parts.clip_bytes(geometry)
    memory_mb = params.engine.encode.memory_mb or params.limits.memory_mb
    if params.encode.clips_per_shard * of_a_clip > memory_mb * 2**20:
        raise UsageError(
            f"encode.clips_per_shard is {params.encode.clips_per_shard}, but a worker of {memory_mb} MiB holds latents "
            f"of at most {memory_mb * 2**20 // of_a_clip} clips of {geometry.name}, less the model: lower it, or raise "
            "engine.encode.memory_mb (params.yaml)"
        )
