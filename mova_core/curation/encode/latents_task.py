"""What every task that makes one file of a folder of latents knows: where to, by which encoder, of what size."""

from dataclasses import dataclass
from pathlib import Path

from mova_core.curation.encode.clip_encoder import EncoderFolder
from mova_core.curation.encode.latents_file import FileHeader
from mova_core.geometry import ClipGeometry


@dataclass(frozen=True, slots=True)
class LatentsTask:
    """One file, made in a worker.

    Args:
        path: where to.
        encoder: what encodes it, with the header's fingerprints.
        header: what the file says about itself.
        geometry: of the latents.
    """

    path: Path
    encoder: EncoderFolder
    header: FileHeader
    geometry: ClipGeometry
