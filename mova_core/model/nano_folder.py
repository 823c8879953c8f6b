"""The nano preset's frozen parts as a folder: both codecs, the text encoder's name, the scheduler, and an index.

`video_vae/` and `audio_vae/` share the fingerprint of the codec they are halves of; `text_encoder/` has no weights,
only what its table is drawn from and the table's fingerprint.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from mova_core.errors import StaleError
from mova_core.model.codecs.nano.codec import TENSORS, NanoCodec
from mova_core.model.pretrained.component import WEIGHTS_FILE
from mova_core.model.pretrained.index import INDEX_FILE, NANO_CLASSES, read_json, write_scheduler
from mova_core.model.tensor_digest import tensor_digest
from mova_core.model.text.nano_encoder import TABLE_SEED, TEXT_WIDTH, NanoTextEncoder
from mova_core.model.text.nano_text import NanoText
from mova_core.model.text.prompt import NANO_CONTEXT_LENGTH

CODEC_COMPONENTS = {"video_vae": "video_", "audio_vae": "audio_"}  # and how the names of their tensors start
CLASSES = {
    "video_vae": ["mova_core.model.codecs.nano.video", NANO_CLASSES["video_vae"]],
    "audio_vae": ["mova_core.model.codecs.nano.audio", NANO_CLASSES["audio_vae"]],
    "text_encoder": ["mova_core.model.text.nano_encoder", NANO_CLASSES["text_encoder"]],
    "scheduler": ["mova_core.flow_matching.schedule", "PairSchedule"],
}
# Defaults of generation with these codecs. A given first frame is kept: at the end its latent is the image's own, not
# the one that the model generated. Enlarged, so that a person can see a clip: 48 pixels are shown as 384.
GENERATE = {"keep_first_latent": True, "enlarge": 8}


def write_nano_parts(folder: Path, codec: NanoCodec, fitted_on: Mapping[str, Any] | None = None) -> None:
    """Write the codecs, the text encoder's config, the scheduler's and the index.

    Args:
        folder: being made.
        codec: both codecs.
        fitted_on: what the fit saw, kept in the index.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = codec.tensors()
    for component, prefix in CODEC_COMPONENTS.items():
        part = {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        config = {"fingerprint": codec.fingerprint, "channels": codec.audio.hop.basis_CD.shape[0]}
        if component == "audio_vae":
            config["audio_hop"] = codec.audio.hop_samples
        _write_config(folder / component, NANO_CLASSES[component], config)
        safetensors.torch.save_file(part, folder / component / WEIGHTS_FILE)
    _write_config(
        folder / "text_encoder",
        NANO_CLASSES["text_encoder"],
        {
            "seed": TABLE_SEED,
            "width": TEXT_WIDTH,
            "context_length": NANO_CONTEXT_LENGTH,
            "fingerprint": NanoTextEncoder().fingerprint,
        },
    )
    write_scheduler(folder)
    _write_json(folder / INDEX_FILE, {**CLASSES, "generate": GENERATE, "fitted_on": dict(fitted_on or {})})


def read_nano_codec(folder: Path) -> NanoCodec:
    """Both codecs of a model folder.

    Raises:
        StaleError: a file is damaged, or its tensors do not have the fingerprint in the codecs' configs.
    """
    tensors: dict[str, Tensor] = {}
    fingerprints = []
    for component in CODEC_COMPONENTS:
        path = folder / component / WEIGHTS_FILE
        try:
            tensors |= safetensors.torch.load(path.read_bytes())
        except (SafetensorError, OSError, ValueError) as error:
            raise StaleError(f"{path} is not a readable safetensors file ({error}): fetch the folder again") from None
        fingerprints.append(read_json(folder / component / "config.json").get("fingerprint"))
    got = tensor_digest(tensors)
    if set(tensors) != set(TENSORS) or fingerprints != [got, got]:
        named = " and ".join(str(fingerprint)[:12] for fingerprint in fingerprints)
        raise StaleError(
            f"{folder}: the codec's tensors have fingerprint {got[:12]}, the configs of video_vae and audio_vae say "
            f"{named}: the folder mixes two codecs, or a file is damaged"
        )
    return NanoCodec.from_tensors(tensors)


def read_nano_text(folder: Path) -> NanoText:
    """The text encoder of a model folder; StaleError unless it is this version's."""
    config = read_json(folder / "text_encoder" / "config.json")
    encoder = NanoTextEncoder().fingerprint
    if config.get("fingerprint") != encoder or config.get("context_length") != NANO_CONTEXT_LENGTH:
        raise StaleError(
            f"{folder}/text_encoder has fingerprint {str(config.get('fingerprint'))[:12]} and "
            f"{config.get('context_length')} positions, this version has {encoder[:12]} and {NANO_CONTEXT_LENGTH}: "
            "the model was trained with another text encoder"
        )
    return NanoText()


def _write_config(folder: Path, class_name: str, values: Mapping[str, Any]) -> None:
    folder.mkdir()
    _write_json(folder / "config.json", {"_class_name": class_name, **values})


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
