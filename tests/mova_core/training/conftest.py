"""A project that can be trained on: random latents at both nano geometries, their codec, and selected start weights."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mova_core.curation.encode.folder_constants import CONSTANTS_FILE, EMPTY, FolderConstants, white_name
from mova_core.curation.encode.latent_shards import LatentShard, TextContexts, write_shard
from mova_core.curation.encode.latents_file import FileHeader, shard_name
from mova_core.curation.encode.latents_manifest import INDEX_FILE, write_latents_manifest
from mova_core.curation.tables import write_table
from mova_core.flow_matching import BOUNDARY_RATIO
from mova_core.geometry import GEOMETRIES, ClipGeometry
from mova_core.model.codecs.nano.audio import NanoAudioCodec
from mova_core.model.codecs.nano.codec import NanoCodec
from mova_core.model.codecs.nano.video import NanoVideoCodec
from mova_core.model.model_folder import new_components, save_components
from mova_core.model.nano_folder import write_nano_parts
from mova_core.model.pretrained.frozen_parts import FrozenParts
from mova_core.model.single_thread import single_thread
from mova_core.model.text.nano_encoder import TEXT_WIDTH, NanoTextEncoder
from mova_core.model.text.nano_text import NanoText
from mova_core.model.text.prompt import with_duration
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.params.generate import GenerateParams
from mova_core.params.model import TrainParams
from mova_core.places import DataFolder
from mova_core.storage.hashing import sha256_json
from mova_core.storage.manifest import file_entries, write_manifest
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.checkpoints.reader import CheckpointReader
from mova_core.training.loop import train
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES

CLIPS = 7  # the last one is for validation
TEXTS = ("A red ball bounces.", "A green box bounces.", None)


TINY = {"width": 24, "heads": 2, "layers": 1, "mlp_width": 32}
MODEL = {"video": TINY, "audio": TINY}


def small_section(steps: int = 6, batch: int = 2, save_every: int = 2, **changes: object) -> TrainParams:
    """Section `train` at the smallest sizes."""
    phase = {"steps": steps, "batch": batch}
    return TrainParams.model_validate(
        {
            "model": MODEL,
            "checkpoints": {"save_every": save_every, "validate_every": 4},
            "optimizer": {"warmup_steps": 1},
            "monitor": {"log_every": 0},
            "audio": phase,
            "phase1": phase,
            "phase2": phase,
            "phase3": phase,
            **changes,
        }
    )


@dataclass(frozen=True)
class Project:
    """A folder from which training runs."""

    root: Path

    @property
    def places(self) -> Places:
        return Places()

    def train(self, phase: str, section: TrainParams | None = None, out: Path | None = None) -> dict:
        return train(PHASES[phase], Params(train=section or small_section()), self.places, out)

    def write_latents(self, geometry: ClipGeometry, codec: NanoCodec) -> None:
        """One shard of random latents."""
        data, canvas = DataFolder(self.root / "data"), geometry.canvases[0]
        inputs = {
            "geometry": geometry.name,
            "codec": codec.fingerprint,
            "text_encoder": NanoTextEncoder().fingerprint,
            "params": sha256_json(Params().encode.target_lufs),
        }
        generator = torch.Generator().manual_seed(canvas.height_px)
        video = torch.randn(
            CLIPS, 16, geometry.latent_frames, canvas.latent_height, canvas.latent_width, generator=generator
        )
        audio = torch.randn(CLIPS, 16, geometry.audio_latents, generator=generator)
        clip_ids = tuple(f"{number:016x}" for number in range(CLIPS))
        merged = [TEXTS[number % len(TEXTS)] for number in range(CLIPS)]
        texts = [
            (None, None, None, text, None if text is None else with_duration(text, geometry.duration_s), text)
            for text in merged
        ]
        contexts = {text: NanoTextEncoder().encode(text) for row in texts for text in row if text is not None}
        gathered = TextContexts.gather(texts, contexts, TEXT_WIDTH)
        header = FileHeader(fingerprint=sha256_json(inputs), clip_ids=clip_ids, **inputs)
        shard = LatentShard(header, video, video.flip(0), video[:, :, -1:].contiguous(), audio, 0.5 * audio, gathered)
        folder = data.latents(geometry.name)
        write_shard(folder / shard_name(0), shard)
        white = white_name(canvas.latent_height, canvas.latent_width)
        constants = FolderConstants({EMPTY: NanoText().encode([""])[0], white: video[0].flip(0)})
        constants.write(folder / CONSTANTS_FILE, replace(header, clip_ids=()))
        rows = [
            {
                "clip_id": clip_id,
                "path": shard_name(0),
                "row": row,
                "orientation": "square",
                "split": "validation" if row == CLIPS - 1 else "train",
                "phases": ["audio", "phase1", "phase2", "phase3"][: 4 if row else 2],
            }
            for row, clip_id in enumerate(clip_ids)
        ]
        write_table(folder / INDEX_FILE, "latents", rows)
        write_latents_manifest(folder, [shard_name(0), CONSTANTS_FILE], inputs)


def small_codec(seed: int) -> NanoCodec:
    generator = torch.Generator().manual_seed(seed)
    videos = [torch.rand(1, 3, 5, 32, 32, generator=generator) for _ in range(2)]
    audios = [torch.randn(1, 16_000, generator=generator) for _ in range(2)]
    return NanoCodec(
        NanoVideoCodec.fit(lambda: videos, 16), NanoAudioCodec.fit(lambda: audios, GEOMETRIES["nano-32"].audio_hop, 16)
    )


@pytest.fixture(scope="session")
def project_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `project` copies: latents, codec, and selected weights of `audio`."""
    project = Project(tmp_path_factory.mktemp("trainable"))
    with single_thread():
        codec = small_codec(0)
    write_nano_parts(project.root / "models/codec", codec)
    for name in ("nano-32", "nano-48"):
        project.write_latents(GEOMETRIES[name], codec)
    select(project.root, "audio")
    return project.root


@pytest.fixture
def project(project_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of its own, from whose folder the test runs."""
    shutil.copytree(project_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.fixture(scope="session")
def section() -> Callable[..., TrainParams]:
    """`small_section`, for tests."""
    return small_section


@pytest.fixture(scope="session")
def averaged_weights() -> Callable[[Path], dict[str, torch.Tensor]]:
    """Function that reads whole tensors of a checkpoint's average, however many processes wrote it."""

    def read(folder: Path) -> dict[str, torch.Tensor]:
        reader = CheckpointReader(Checkpoint.read(folder))
        weights = {name: torch.empty(stored.size) for name, stored in reader.stored.items() if name.startswith("ema.")}
        reader.into(weights, alone=True)
        return weights

    return read


def select(root: Path, phase: str) -> None:
    """Fresh weights as if `mova select` had exported them."""
    components = new_components(
        preset_dual_tower(Params(train=small_section())),
        FrozenParts.open(root / "models/codec"),
        GEOMETRIES["nano-32"],
        GenerateParams(),
        BOUNDARY_RATIO,
    )
    folder = root / "models" / phase
    save_components(components, folder)
    write_manifest(folder / "selection.json", selection_of(phase) | {"files": file_entries(folder)})


def selection_of(phase: str, passed: bool = True) -> dict[str, Any]:
    """What `mova select` writes of a phase."""
    return {
        "phase": phase,
        "checkpoint_id": "0" * 16,
        "manifest_sha256": "0" * 64,
        "evaluation_sha256": "0" * 64,
        "gates": [],
        "passed": passed,
        "reason": "passes all 0 gates" if passed else "fails 1 of 1 gates (event_f1)",
    }


@pytest.fixture(scope="session")
def run_alone() -> Callable[..., None]:
    """Function that runs a program in a session of its own, so that all it forked ends with it; it must exit 0."""

    def run(command: list[str], environment: dict[str, str], cwd: Path | None = None) -> None:
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=cwd, env=environment, stderr=pipe, text=True, start_new_session=True
        ) as process:
            try:
                _, errors = process.communicate(timeout=600)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        assert process.returncode == 0, errors[-5000:]

    return run
