"""Checkpoints of a run: everything a stopped run needs to go on as if it had not stopped.

    step-000250/
        model-00001.safetensors …       weights, a file of each process that holds parts of them
        ema-00001.safetensors …         the same, averaged: what is evaluated and exported
        optimizer-00001.safetensors …   moments
        video_dit/config.json …         of each component, as in a model folder
        manifest.json                   step, what the run was made from, sizes and sha256

Tensors are named as by `Strategy.state()`. A folder appears whole or not at all, and a reader trusts only what the
manifest lists. There is no random state: everything random is a function of the step (`step_sampling.py`).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from mova_core.params import PhaseName
from mova_core.registry.manifests import CHECKPOINT_ID_DIGITS
from mova_core.storage.atomic import clear_temporary
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import MANIFEST_FILE, Files, Manifest, Sha256, read_manifest, verify

KINDS = ("model", "ema", "optimizer")  # of tensors, and so of files
NAME = re.compile(r"step-(\d{6,})")


class CheckpointManifest(Manifest):
    """What stands in a checkpoint's manifest.

    Args:
        phase: of training.
        step: optimizer steps done.
        fingerprint: of what the run was made from.
        latents: sha256 of the index of the latents that it was trained on.
        clips: clips that it was trained on so far, each as often as it came: the position in the order of the data.
        validation_loss: of the averaged weights; None where this step was not validated.
        files: size and sha256 by path within the folder.
    """

    SCHEMA: ClassVar = "checkpoint/2"
    phase: PhaseName
    step: int
    fingerprint: str
    latents: Sha256
    clips: int
    validation_loss: float | None
    files: Files = Field({})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A finished checkpoint on disk.

    Args:
        folder: where it lies.
        manifest: what its manifest says.
    """

    folder: Path
    manifest: CheckpointManifest

    @classmethod
    def read(cls, folder: Path) -> "Checkpoint":
        """What its manifest says; the files themselves are not looked at.

        Raises:
            StaleError: the manifest is missing or damaged.
        """
        return cls(folder, read_manifest(folder / MANIFEST_FILE, CheckpointManifest, remedy(folder))[0])

    @property
    def step(self) -> int:
        return self.manifest.step

    @property
    def fingerprint(self) -> str:
        return self.manifest.fingerprint

    @property
    def manifest_sha256(self) -> str:
        """Digest of the manifest, and so of all files."""
        return sha256_file(self.folder / MANIFEST_FILE)

    @property
    def checkpoint_id(self) -> str:
        """The first digits of the manifest's hash, as the registry names it."""
        return self.manifest_sha256[:CHECKPOINT_ID_DIGITS]

    def verify(self) -> None:
        """Compare every file with the manifest.

        Raises:
            StaleError: names the first file that is missing, truncated, altered or unknown.
        """
        verify(self.folder, self.manifest.files, remedy(self.folder), unlisted=(MANIFEST_FILE,))


def folder_name(step: int) -> str:
    """How the folder of a checkpoint is named."""
    return f"step-{step:06d}"


def part_name(kind: str, part: int) -> str:
    """How the file with one process's tensors of a kind is named.

    Args:
        kind: one of KINDS.
        part: rank of the process, from 0.
    """
    return f"{kind}-{part + 1:05d}.safetensors"


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder's manifest says that it is one, of whatever version; nothing else is looked at."""
    try:
        schema = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8")).get("schema")
    except (OSError, ValueError, AttributeError):
        return False
    return str(schema).startswith("checkpoint/")


def finished(folder: Path) -> list[Checkpoint]:
    """The checkpoints that are there, oldest first; what a killed run left half-written is removed.

    Raises:
        StaleError: one without a readable manifest.
    """
    if not folder.is_dir():
        return []
    clear_temporary(folder)
    return sorted(
        (Checkpoint.read(path) for path in folder.iterdir() if NAME.fullmatch(path.name)),
        key=lambda checkpoint: checkpoint.step,
    )


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest finished checkpoint, its files not looked at; None where there is none yet.

    Raises:
        StaleError: one without a readable manifest.
    """
    return next(reversed(finished(folder)), None)


def last_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest finished checkpoint, every file verified; None where there is none yet.

    Raises:
        StaleError: it is truncated, tampered with, or has no readable manifest.
    """
    checkpoint = newest_checkpoint(folder)
    if checkpoint is not None:
        checkpoint.verify()
    return checkpoint


def best(checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """The one of the lowest validation loss, the earlier of two alike; None where none was validated."""
    losses = [
        (loss, checkpoint.step)
        for checkpoint in checkpoints
        if (loss := checkpoint.manifest.validation_loss) is not None
    ]
    step = min(losses)[1] if losses else None
    return next((checkpoint for checkpoint in checkpoints if checkpoint.step == step), None)


def remedy(folder: Path) -> str:
    """What to do about a damaged checkpoint."""
    return f"remove {folder} to go on from the checkpoint before it"
