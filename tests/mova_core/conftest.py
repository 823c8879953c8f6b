"""A nano model to try things on (codecs fitted on noise, towers with drawn weights and a Bridge that acts), an S3
server, and endpoints of models, of which the environment names none.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from mova_core.endpoints.endpoint import MODELS
from mova_core.geometry import GEOMETRIES
from mova_core.training.strategy.base import Setup
from tests.mova_core.endpoints.model_server import ModelServer


@pytest.fixture(scope="session")
def nano_codec():
    """Both nano codecs, fitted on a little coloured noise: right in form, good for nothing."""
    from mova_core.model.codecs.nano.audio import NanoAudioCodec
    from mova_core.model.codecs.nano.codec import NanoCodec
    from mova_core.model.codecs.nano.video import NanoVideoCodec

    generator = torch.Generator().manual_seed(0)
    videos = [torch.rand(1, 3, 9, 48, 48, generator=generator) * 2 - 1 for _ in range(4)]
    audio = [0.3 * torch.randn(1, 8000, generator=generator) for _ in range(4)]
    return NanoCodec(NanoVideoCodec.fit(lambda: videos, 16), NanoAudioCodec.fit(lambda: audio, 320, 16))


@pytest.fixture(scope="session")
def nano_towers():
    """Nano towers whose Bridge and heads do something, unlike those of a model before its first step."""
    from mova_core.model.weights.fresh import preset_dual_tower
    from mova_core.params import Params

    towers = preset_dual_tower(Params(seed=3)).eval()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, parameter in towers.named_parameters():
            if ".inner.o." in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        for parameter in towers.video_dit_2.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    return towers


@pytest.fixture(scope="session")
def save_checkpoint():
    """Function that saves towers as a checkpoint of a run that has trained none of them."""
    from mova_core.params.model import OptimizerParams
    from mova_core.training.checkpoints.checkpoint import CheckpointManifest, finished
    from mova_core.training.checkpoints.saver import CheckpointSaver
    from mova_core.training.strategy.micro_batch import local_micro_batches
    from mova_core.training.strategy.single import SingleProcess

    cpu = torch.device("cpu")

    def write(folder, step, towers, fingerprint="fingerprint", validation_loss=None, keep=100):
        manifest = CheckpointManifest(
            phase="phase1",
            step=step,
            fingerprint=fingerprint,
            latents="0" * 64,
            clips=step,
            validation_loss=validation_loss,
        )
        weights = dict(towers.named_parameters())
        parts = local_micro_batches(1, 1, 0, 1, cpu)
        setup = Setup(copy.deepcopy(towers).to("meta"), weights.__getitem__, OptimizerParams(), parts, cpu)
        with (
            SingleProcess(setup) as strategy,
            CheckpointSaver(folder, keep, strategy) as saver,
        ):
            saver.save(manifest)
        return finished(folder)[-1]

    return write


@pytest.fixture(scope="session")
def nano_parts(nano_codec, tmp_path_factory):
    """`FrozenParts` of that codec. Tests only read their folder."""
    from mova_core.model.nano_folder import write_nano_parts
    from mova_core.model.pretrained.frozen_parts import FrozenParts

    folder = tmp_path_factory.mktemp("nano_parts")
    write_nano_parts(folder, nano_codec)
    return FrozenParts.open(folder)


@pytest.fixture(scope="session")
def nano_model(nano_towers, nano_parts):
    """`Components` of that model, 3 steps by default, as if it had been trained on red balls."""
    from mova_core.flow_matching import BOUNDARY_RATIO
    from mova_core.model.model_folder import new_components
    from mova_core.params.generate import GenerateParams

    generate = GenerateParams(steps=3)
    return new_components(nano_towers, nano_parts, GEOMETRIES["nano-48"], generate, BOUNDARY_RATIO, ["red ball"])


@pytest.fixture(scope="session")
def nano_folder(nano_model, tmp_path_factory):
    """That model as a folder. Tests only read it."""
    from mova_core.model.model_folder import save_components

    folder = tmp_path_factory.mktemp("nano") / "model"
    save_components(nano_model, folder)
    return folder


CLIP_S = 2.0
MEASURED = (
    {"clip_id": "loud", "lufs": -20.0, "silence_ratio": 0.1, "noise_sd": 1.0},
    {"clip_id": "quiet", "lufs": -40.0, "silence_ratio": 0.1, "noise_sd": 2.0},
    {"clip_id": "silent", "lufs": -60.0, "silence_ratio": 0.9, "noise_sd": 3.0},
    {"clip_id": "faint", "lufs": -60.0, "silence_ratio": 0.1, "noise_sd": 4.0},
    {"clip_id": "damaged", "rejections": {"damaged_clip": "it cannot be decoded"}},
)


@pytest.fixture(scope="session")
def small_curation() -> Callable[..., Any]:
    """Function that writes the tables of a finished curation, of clips back to back in one file, each as measured."""
    from mova_core.curation.assess.stage import judge_clips
    from mova_core.curation.recorded_params import write_made_with
    from mova_core.curation.tables import MEASURE_NAMES, write_table
    from mova_core.params import Params
    from mova_core.places import DataFolder

    def write(root: Path, measured: Sequence[dict[str, Any]] = MEASURED) -> DataFolder:
        data = DataFolder(root)
        rows = [dict.fromkeys(MEASURE_NAMES) | {"language": None, "rejections": {}} | row for row in measured]
        starts = {row["clip_id"]: CLIP_S * index for index, row in enumerate(rows)}
        windows = [
            {"window_id": f"w-{name}", "source_id": "s", "start_s": at, "end_s": at + CLIP_S}
            for name, at in starts.items()
        ]
        clips = [
            {"clip_id": name, "window_id": f"w-{name}", "source_id": "s", "path": f"{name}.mp4", "height_px": 48}
            for name in starts
        ]
        source = {"source_id": "s", "path": "<talk>.mp4", "duration_s": 60.0, "verdict": "accepted"}
        for name, table in {"sources": [source], "windows": windows, "clips": clips}.items():
            write_table(data.table(name), name, table)
        write_table(data.table("verdicts"), "verdicts", judge_clips(rows, Params()))
        write_made_with(Params(), root)
        return data

    return write


SOUND_CODECS = {
    ".wav": "pcm_s16le",
    ".flac": "flac",
    ".mka": "flac",
    ".mp3": "libmp3lame",
    ".opus": "libopus",
    ".m4a": "aac",
}


@pytest.fixture
def audio_file(tmp_path: Path) -> Callable[[str], Path]:
    """Write `name` in `tmp_path`: two seconds of stereo noise at 48 kHz, coded as its suffix says."""

    def write(name: str) -> Path:
        path = tmp_path / name
        samples = np.random.default_rng(0).normal(0, 3000, (1, 2 * 96_000)).astype(np.int16)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(SOUND_CODECS[path.suffix], rate=48_000, layout="stereo")
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            frame.sample_rate, frame.pts = 48_000, 0
            for one in (frame, None):
                container.mux(stream.encode(one))
        return path

    return write


@pytest.fixture
def server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.stop()


@pytest.fixture
def other_server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in MODELS:
        for name in ("URL", "MODEL", "KEY"):
            monkeypatch.delenv(f"MOVA_{kind}_{name}", raising=False)
