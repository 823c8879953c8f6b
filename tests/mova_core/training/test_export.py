"""A checkpoint as a model folder: whole, with the weights asked for, one file of them in memory at a time."""

import errno
import os
from pathlib import Path

import pytest
from safetensors.torch import load_file

from mova_core.cli.model.export import export
from mova_core.errors import DiskFull, StaleError, UsageError
from mova_core.model.weights import write
from mova_core.model.weights.fresh import FreshWeights
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.training.checkpoints.checkpoint import finished
from mova_core.training.export import parts_of, write_model
from mova_core.training.recipe import PHASES


@pytest.fixture
def trained(project, section):
    """Function that trains two steps of a phase; the params and the checkpoint's folder."""

    def run(phase: str) -> tuple[Params, Path]:
        params = Params(train=section(steps=2))
        project.train(phase, params.train)
        # As DVC's params are not this test's, they go by file.
        Path("small.yaml").write_text(params.model_dump_json())
        return params, project.root / "runs" / phase / "checkpoints/step-000002"

    return run


def weights_of(folder: Path, kind: str | None = None) -> dict:
    """Of the audio tower: in a model folder, or those of a kind in a checkpoint."""
    if kind is None:
        return load_file(folder / "audio_dit/diffusion_pytorch_model.safetensors")
    prefix = f"{kind}.audio_dit."
    stored = load_file(folder / f"{kind}-00001.safetensors")
    return {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}


def test_averaged_or_learning_weights_as_a_model_that_generates(trained, project):
    _, checkpoint = trained("phase1")
    options = {"params_file": Path("small.yaml"), "data": Path("data")}
    for weights, kind in ((None, "ema"), ("ema", "ema"), ("raw", "model")):
        summary = export(str(checkpoint), Path(f"out-{weights}"), weights, **options)
        got, expected = weights_of(Path(f"out-{weights}")), weights_of(checkpoint, kind)
        assert got.keys() == expected.keys() and all((got[name] == expected[name]).all() for name in got)
    assert any((weights_of(Path("out-ema"))[name] != weights_of(Path("out-raw"))[name]).any() for name in got)
    pipeline = MovaPipeline.from_pretrained("out-raw")
    assert summary["parameters"] == sum(each.numel() for each in pipeline.model.towers.parameters())
    assert pipeline.model.index.fields["audio_dit"][1] == "WanAudioModel"
    assert pipeline("A red ball bounces.", steps=1).video.shape[1:] == (32, 32, 3)

    with pytest.raises(UsageError, match=r"^out-ema is not empty: choose another place"):
        export(str(checkpoint), Path("out-ema"), **options)
    with pytest.raises(UsageError, match=r"runs/phase1 is neither a model folder .*nor a run's checkpoint"):
        export("runs/phase1", Path("out"), **options)
    with pytest.raises(UsageError, match=r"--weights raw is for a run's checkpoint; out-ema is a model"):
        export("out-ema", Path("out"), "raw", **options)
    (checkpoint / "ema-00001.safetensors").write_bytes(b"x")
    with pytest.raises(StaleError, match=r"ema-00001.safetensors has 1 bytes, the manifest lists \d+: remove "):
        export(str(checkpoint), Path("out"), **options)
    assert not Path("out").exists()


def test_a_model_of_the_audio_tower_has_fresh_parts_beside_it(trained, project, monkeypatch):
    """As large as the rest of the model is, it is drawn and written tensor by tensor, and no audio tower is drawn."""
    params, folder = trained("audio")
    (checkpoint,) = finished(folder.parent)
    drawn = []
    draw = FreshWeights.__call__
    monkeypatch.setattr(FreshWeights, "__call__", lambda self, name: drawn.append(name) or draw(self, name))
    write_model(checkpoint, "ema", params, parts_of(checkpoint, params, DataFolder()), Path("models/new"))
    assert {name.partition(".")[0] for name in drawn} == {"video_dit", "video_dit_2", "dual_tower_bridge"}
    assert len(drawn) == len(set(drawn))
    for name in PHASES["phase1"].trains:  # in models/audio the project has a fresh model of the same seed
        new, fresh = (
            (Path("models") / model / name / "diffusion_pytorch_model.safetensors").read_bytes()
            for model in ("new", "audio")
        )
        assert (new == fresh) == (name != "audio_dit")
    assert MovaPipeline.from_pretrained("models/new")("A ball.", steps=1).video.shape[1:] == (32, 32, 3)


def test_without_room_nothing_is_left(trained, monkeypatch):
    params, folder = trained("phase1")
    (checkpoint,) = finished(folder.parent)
    Path("models/audio/selection.json").unlink()

    def full(tensors, path, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(write, "save_file", full)
    with pytest.raises(DiskFull, match=r"has no room for new \(\d+ MiB free"):
        write_model(checkpoint, "ema", params, parts_of(checkpoint, params, DataFolder()), Path("models/new"))
    assert sorted(os.listdir("models")) == ["audio", "codec"]
    with pytest.raises(DiskFull):
        export("models/audio", Path("out"))
    assert not [name for name in os.listdir() if name.startswith((".tmp", "out"))]


def test_a_checkpoint_of_another_codec_is_refused(trained, project):
    params, folder = trained("phase1")
    (checkpoint,) = finished(folder.parent)
    path = Path("models/codec/video_vae/config.json")
    path.write_text(path.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    with pytest.raises(
        StaleError, match=r"step-000002 was trained with codec \w{12}, models/codec is now 0\w{11}: run"
    ):
        parts_of(checkpoint, params, DataFolder())
