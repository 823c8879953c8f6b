"""Writes one checkpoint by `torch.distributed.checkpoint`: every process its own tensors, the first one the manifest.

The files are those of torch's HuggingFaceStorageReader: safetensors, the place of each piece in its whole tensor in
the header. They are not written by torch's HuggingFaceStorageWriter, because its headers have their keys in another
order every time: the same run is to give the same bytes. Of a tensor that several processes hold whole, the first of
them writes it, so that data parallel runs give the bytes of one process.
"""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.checkpoint.default_planner import DefaultSavePlanner
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.planner import SavePlan, SavePlanner, WriteItem
from torch.distributed.checkpoint.storage import StorageWriter, WriteResult
from torch.futures import Future

from mova_core.model.pretrained.component import Component
from mova_core.storage.atomic import fsync, room_for
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.manifest import MANIFEST_FILE, FileEntry, file_entry, write_manifest
from mova_core.training.checkpoints.checkpoint import CheckpointManifest, folder_name, part_name
from mova_core.training.checkpoints.retention import remove_older

PLACES_KEY, PLACE_KEY = "DCP_SHARDING_INFO", "saved_offsets"  # in a file's header, as torch's reader knows them


def save_planner() -> SavePlanner:
    """How tensors are shared out to the processes that write them."""
    return DefaultSavePlanner(dedup_save_to_lowest_rank=True)


class CheckpointWriter(StorageWriter):
    """One checkpoint being written.

    Args:
        folder: of the run's checkpoints.
        manifest: what is to stand in it, but for the files.
        components: by name, whose configs are written.
        keep: so many of the newest checkpoints stay.
    """

    def __init__(
        self, folder: Path, manifest: CheckpointManifest, components: Mapping[str, Component], keep: int
    ) -> None:
        self._folder, self._manifest, self._components, self._keep = folder, manifest, components, keep
        self._target = folder / folder_name(manifest.step)
        self._opened = ExitStack()

    def reset(self, checkpoint_id: Any = None) -> None:
        """A writer writes once."""

    def set_up_storage_writer(self, is_coordinator: bool, *args: Any, **kwargs: Any) -> None:
        """Nothing is written before the plan is known."""

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: Any) -> bool:
        return isinstance(checkpoint_id, Path)

    def prepare_local_plan(self, plan: SavePlan) -> SavePlan:
        return plan

    def prepare_global_plan(self, plans: list[SavePlan]) -> list[SavePlan]:
        """The first process makes the folder, and tells the others where."""
        self._temporary = self._opened.enter_context(atomic_folder(self._target, replace=True))
        return [replace(plan, storage_data=(self._temporary, part)) for part, plan in enumerate(plans)]

    def write_data(self, plan: SavePlan, planner: SavePlanner) -> Future[list[WriteResult]]:
        """Write this process's tensors, a file a kind; a result is the file, its size and its hash."""
        temporary, part = plan.storage_data
        of_kind: dict[str, list[WriteItem]] = {}
        for item in plan.items:
            of_kind.setdefault(item.index.fqn.partition(".")[0], []).append(item)
        results = []
        with room_for(self._target):
            for kind, items in of_kind.items():
                name = part_name(kind, part)
                entry = _write_file(temporary / name, items, planner)
                results.append(WriteResult(items[0].index, entry.bytes, (name, entry)))
        written: Future[list[WriteResult]] = Future()
        written.set_result(results)
        return written

    def finish(self, metadata: Metadata, results: list[list[WriteResult]]) -> None:
        """The first process, when all files are there: the configs, the manifest, the folder's name."""
        with self._opened:
            files: dict[str, FileEntry] = dict(result.storage_data for written in results for result in written)
            for name, component in self._components.items():
                component.write_config(self._temporary / name)
                config = f"{name}/{component.config_name}"
                files[config] = file_entry(self._temporary / config)
            files = dict(sorted(files.items()))
            write_manifest(self._temporary / MANIFEST_FILE, self._manifest.model_copy(update={"files": files}))
        remove_older(self._folder, self._keep)

    def abandon(self, error: BaseException) -> None:
        """Remove what is there of it."""
        self._opened.__exit__(type(error), error, error.__traceback__)


def _write_file(path: Path, items: list[WriteItem], planner: SavePlanner) -> FileEntry:
    tensors: dict[str, Tensor] = {}
    places: dict[str, dict[str, list[int]]] = {}
    for item in sorted(items, key=lambda item: item.index.fqn):
        value = planner.resolve_data(item)
        assert isinstance(value, torch.Tensor) and item.tensor_data is not None, "the state holds tensors only"
        value = value.detach().cpu().contiguous()
        whole = value.untyped_storage().nbytes() == value.nbytes
        tensors[item.index.fqn] = value if whole else value.clone()  # a view would be taken for shared memory
        places[item.index.fqn] = {PLACE_KEY: list(item.tensor_data.chunk.offsets)}
    save_file(tensors, path, metadata={PLACES_KEY: json.dumps(places)})
    fsync(path)
    return file_entry(path)
