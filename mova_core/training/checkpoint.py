"""Checkpoints of a run: everything a stopped run needs to go on as if it had not stopped.

    step-000250/
        video_dit/ video_dit_2/ audio_dit/ dual_tower_bridge/   weights, as in a model folder
        ema/                                                    the same, averaged: what is evaluated and exported
        optimizer.safetensors                                   moments by parameter name
        manifest.json                                           step, what the run was made from, sizes and sha256

A folder appears whole or not at all, and a reader trusts only what the manifest lists. There is no random state:
everything random is a function of the step (`step_sampling.py`).
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import safetensors.torch
from torch import Tensor

from mova_core.model.pretrained.component import WEIGHTS_FILE, Component
from mova_core.places import CHECKPOINTS, KEPT_RUNS
from mova_core.registry.manifests import CHECKPOINT_ID_DIGITS
from mova_core.storage.atomic import clear_temporary
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import (
    MANIFEST_FILE,
    Files,
    Manifest,
    file_entries,
    read_manifest,
    verify,
    write_manifest,
)
from mova_core.training.strategy.base import Strategy

EMA_FOLDER = "ema"
OPTIMIZER_FILE = "optimizer.safetensors"
NAME = re.compile(r"step-(\d{6,})")


class CheckpointManifest(Manifest):
    """What stands in a checkpoint's manifest."""

    SCHEMA: ClassVar = "checkpoint/1"
    step: int
    fingerprint: str
    files: Files


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A finished checkpoint on disk.

    Args:
        folder: where it lies.
        step: optimizer steps done.
        fingerprint: of what the run was made from.
        files: size and sha256 by path within the folder.
    """

    folder: Path
    step: int
    fingerprint: str
    files: Files

    @classmethod
    def read(cls, folder: Path) -> "Checkpoint":
        """What its manifest says; the files themselves are not looked at.

        Raises:
            StaleError: the manifest is missing or damaged.
        """
        manifest, _ = read_manifest(folder / MANIFEST_FILE, CheckpointManifest, _remedy(folder))
        return cls(folder, manifest.step, manifest.fingerprint, manifest.files)

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
        verify(self.folder, self.files, _remedy(self.folder), unlisted=(MANIFEST_FILE,))

    def state(self) -> dict[str, Tensor]:
        """The tensors that a strategy saved, by name."""
        tensors: dict[str, Tensor] = {}
        for kind, folder in (("model", self.folder), ("ema", self.folder / EMA_FOLDER)):
            for path in sorted(folder.glob(f"*/{WEIGHTS_FILE}")):
                weights = safetensors.torch.load_file(path)
                tensors |= {f"{kind}.{path.parent.name}.{name}": tensor for name, tensor in weights.items()}
        moments = safetensors.torch.load_file(self.folder / OPTIMIZER_FILE)
        return tensors | {f"optimizer.{name}": tensor for name, tensor in moments.items()}


def save(folder: Path, step: int, fingerprint: str, strategy: Strategy) -> Checkpoint:
    """Write a checkpoint.

    Args:
        folder: of the run's checkpoints.
        step: optimizer steps done.
        fingerprint: of what the run was made from.
        strategy: holds everything that goes into it.
    """
    target = folder / f"step-{step:06d}"
    with atomic_folder(target, replace=True) as temporary:
        for model, into in ((strategy.module, temporary), (strategy.average, temporary / EMA_FOLDER)):
            for name, component in model.named_children():
                cast(Component, component).save_pretrained(into / name)
        moments = {
            name.removeprefix("optimizer."): tensor
            for name, tensor in strategy.state().items()
            if name.startswith("optimizer.")
        }
        safetensors.torch.save_file(moments, temporary / OPTIMIZER_FILE)
        files = file_entries(temporary)
        manifest = CheckpointManifest(step=step, fingerprint=fingerprint, files=files)
        write_manifest(temporary / MANIFEST_FILE, manifest)
    return Checkpoint(target, step, fingerprint, files)


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


def last_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest finished checkpoint, every file verified; None where there is none yet.

    Raises:
        StaleError: it is truncated, tampered with, or has no readable manifest.
    """
    checkpoints = finished(folder)
    if not checkpoints:
        return None
    checkpoints[-1].verify()
    return checkpoints[-1]


def make_way(run: Path, fingerprint: str) -> Path | None:
    """Put a run of other inputs, params or code aside, and bring back the one of this fingerprint if it lies there.

    Nothing is removed: `mova gc` lists what may go.

    Args:
        run: the run's folder.
        fingerprint: of the run that is to be there.

    Returns:
        Where the run lies that was there before; None if there was none, or it is the one asked for.

    Raises:
        StaleError: a checkpoint without a readable manifest.
    """
    there = finished(run / CHECKPOINTS)
    if there and there[-1].fingerprint == fingerprint:
        return None
    aside = None
    if there:
        aside = _kept(run, there[-1].fingerprint)
        aside.parent.mkdir(exist_ok=True)
        run.rename(aside)
    if (earlier := _kept(run, fingerprint)).is_dir() and not run.exists():
        earlier.rename(run)
    return aside


def kept_runs(run: Path) -> list[Path]:
    """Earlier runs in place of this one that were put aside."""
    return sorted((run.parent / KEPT_RUNS).glob(f"{run.name}-*"))


def remove_older(folder: Path, keep: int) -> None:
    """Remove all but the newest `keep`."""
    for checkpoint in finished(folder)[:-keep]:
        shutil.rmtree(checkpoint.folder)


def _kept(run: Path, fingerprint: str) -> Path:
    return run.parent / KEPT_RUNS / f"{run.name}-{fingerprint[:CHECKPOINT_ID_DIGITS]}"


def _remedy(folder: Path) -> str:
    return f"remove {folder} to go on from the checkpoint before it"
