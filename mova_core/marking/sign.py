"""A C2PA manifest for a generated clip, signed.

It says that a trained model made the clip (IPTC's `trainedAlgorithmicMedia`), which checkpoint, and the sha256 of the
prompt and of each file that the clip was made from. Those of these files that carry a manifest themselves stay with it
as ingredients. Source: C2PA specification 2.2, 18 (assertions).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import c2pa

from mova_core.errors import EndpointError, MediaError, MovaError
from mova_core.marking.credential import Credential
from mova_core.marking.manifest import GENERATION, OFFLINE, SOURCE_TYPE, read_manifest
from mova_core.media.provenance import Provenance, read_provenance
from mova_core.storage.atomic import atomic_path
from mova_core.version import __version__

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
GENERATOR = {"name": "mova-mlops", "version": __version__}
MAGIC = {
    (4, b"ftyp"): "video/mp4",
    (0, b"\x89PNG"): "image/png",
    (0, b"\xff\xd8\xff"): "image/jpeg",
    (8, b"WEBP"): "image/webp",
    (8, b"AVI "): "video/avi",
    (8, b"WAVE"): "audio/wav",
    (0, b"ID3"): "audio/mpeg",
    (0, b"fLaC"): "audio/flac",
}
"""Where a file of a kind has which bytes: the library keeps the manifest of an ingredient only under the right type."""
SETTINGS = {**OFFLINE, "builder": {"thumbnail": {"enabled": False}}}


def sign_clip(path: Path, given: Mapping[str, Path], credential: Credential, timestamp_url: str | None = None) -> None:
    """Put a signed manifest into an mp4 that carries its provenance; the file is replaced whole.

    Args:
        path: the clip.
        given: files that it was made from, by what they were given as.
        credential: signs it.
        timestamp_url: of an RFC 3161 authority that states when.

    Raises:
        MediaError: it carries no provenance (`no_provenance`).
        EndpointError: the authority does not answer.
        MovaError: it cannot be signed, or the marking of a given file cannot be kept.
    """
    provenance = read_provenance(path)
    if provenance is None:
        raise MediaError("no_provenance", f"{path} carries no provenance, so nothing can be said of what made it")
    try:
        with (
            c2pa.Context.from_dict(SETTINGS) as context,
            c2pa.Builder(_claim(provenance), context) as builder,
            c2pa.Signer.from_callback(
                credential.signature, c2pa.C2paSigningAlg.ES256, credential.chain, timestamp_url
            ) as signer,
            atomic_path(path) as temporary,
        ):
            for title, file in given.items():
                if _is_marked(file):
                    with file.open("rb") as stream:
                        builder.add_ingredient({"title": title, "relationship": "inputTo"}, _type_of(file), stream)
            with path.open("rb") as source, temporary.open("w+b") as signed:
                builder.sign(signer, "video/mp4", source, signed)
    except c2pa.C2paError as error:
        if timestamp_url is not None and "http" in str(error):
            raise EndpointError(f"the time stamp authority at {timestamp_url} gave no time stamp: {error}") from None
        raise MovaError(f"{path} could not be signed: {error}") from None


def _claim(provenance: Provenance) -> dict[str, Any]:
    created = {"action": "c2pa.created", SOURCE_TYPE: TRAINED, "softwareAgent": GENERATOR}
    generation: dict[str, Any] = {"checkpoint_id": provenance.checkpoint_id}
    if provenance.recipe is not None:
        prompt = provenance.recipe.prompt.encode("utf-8")
        generation |= {"prompt_sha256": hashlib.sha256(prompt).hexdigest(), "inputs": provenance.recipe.inputs}
    return {
        "claim_generator_info": [GENERATOR],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": GENERATION, "data": generation},
        ],
    }


def _type_of(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(16)
    for (at, magic), kind in MAGIC.items():
        if head[at:].startswith(magic):
            return kind
    raise MovaError(f"{path.name} carries a C2PA manifest in a kind of file whose marking cannot be kept here")


def _is_marked(path: Path) -> bool:
    try:
        return read_manifest(path) is not None
    except MediaError:  # a kind of file that carries none
        return False
