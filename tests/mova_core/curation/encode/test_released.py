"""Clips of the real geometries are encoded by the VAEs and the text encoder of a released folder, exactly as sampling
calls them; what is missing is said before anything is read."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mova_core.curation.encode.accepted_clips import load_clip, scaled_down
from mova_core.curation.encode.encodable import check_encodable
from mova_core.curation.encode.latent_shards import read_shard
from mova_core.curation.encode.latents_file import SHARD_PATTERN
from mova_core.curation.encode.latents_manifest import read_latents_manifest
from mova_core.curation.encode.stage import encode
from mova_core.curation.engine.base import Engine
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import StaleError, UsageError
from mova_core.geometry import GEOMETRIES, Canvas, ClipGeometry
from mova_core.media.audio.loudness import normalise_loudness
from mova_core.media.encode import write_media
from mova_core.model.condition import known_frames
from mova_core.model.pixels import to_unit_range
from mova_core.params import Params, params_from
from mova_core.places import DataFolder

# The real geometries but for length and size: 13 frames instead of 193, frames a tenth as wide.
SMALL = ClipGeometry("mova-360p", 13, 24, (Canvas(32, 64), Canvas(64, 32)), 48_000, 960, 1)
LARGE = ClipGeometry("mova-720p", 13, 24, (Canvas(64, 128), Canvas(128, 64)), 48_000, 960, 1)
CLIPS = 5  # the second and the fourth are portraits
CAPTIONS = ("A red ball bounces.", "It knocks twice &amp; stops.", "")


@pytest.fixture(autouse=True)
def short_geometries(monkeypatch: pytest.MonkeyPatch) -> None:
    for geometry in (SMALL, LARGE):
        monkeypatch.setitem(GEOMETRIES, geometry.name, geometry)


@pytest.fixture(scope="session")
def cut_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips as `cut` leaves them for preset mova-720p, with verdicts and captions."""
    root = tmp_path_factory.mktemp("released")
    data = DataFolder(root / "data")
    data.clips.mkdir(parents=True)
    clips, verdicts, captions = [], [], []
    for number in range(CLIPS):
        rng, canvas = np.random.default_rng([7, number]), LARGE.canvases[number % 2]
        path = data.clips / f"{number:016x}.mp4"
        shades = rng.integers(0, 256, (LARGE.frames, canvas.height_px // 16, canvas.width_px // 16, 3), np.uint8)
        frames = shades.repeat(16, 1).repeat(16, 2)
        audio = (0.3 * rng.standard_normal(LARGE.audio_samples)).clip(-1, 1).astype(np.float32)
        write_media(path, frames, LARGE.fps, audio, LARGE.audio_rate_hz)
        clip_id = {"clip_id": path.stem}
        clips.append(
            clip_id
            | {"window_id": path.stem, "source_id": path.stem, "path": path.name, "bytes": path.stat().st_size}
            | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "split": "train"}
            | {"width_px": canvas.width_px, "height_px": canvas.height_px, "orientation": canvas.orientation}
            | {"frames": LARGE.frames, "fps": float(LARGE.fps)}
            | {"audio_rate_hz": LARGE.audio_rate_hz, "audio_samples": LARGE.audio_samples}
        )
        verdicts.append(clip_id | {"verdict": "accepted", "phases": ["phase1"], "rejections": {}})
        text = CAPTIONS[number % len(CAPTIONS)]
        captions.append(clip_id | {"visual": text, "sound": None, "merged": text + " In the rain.", "kind": "template"})
    for name, rows in (("clips", clips), ("verdicts", verdicts), ("captions", captions)):
        write_table(data.table(name), name, rows)
    return root


@pytest.fixture
def cut(cut_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """A copy of its own, from whose folder the test runs."""
    shutil.copytree(cut_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return DataFolder(Path("data"))


def params(weights: Path, **encoding: object) -> Params:
    encoding = {"weights": str(weights), "clips_per_shard": 2} | encoding
    return params_from({"preset": "mova-720p", "encode": encoding})


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_latents_are_what_the_vaes_make_of_the_same_pixels_and_audio(cut, tiny_checkpoint):
    from mova_core.model.codecs.released_codecs import read_audio_vae, read_text, read_video_vae

    chosen = params(tiny_checkpoint)
    summary = encode(chosen, SMALL, cut, Engine(workers=1))
    assert (summary["clips"], summary["shards"]) == (CLIPS, 3)  # three landscapes in two shards, two portraits in one
    encode(chosen, LARGE, cut, Engine(workers=1))
    video_vae, audio_vae, text = (read(tiny_checkpoint) for read in (read_video_vae, read_audio_vae, read_text))
    clips = {row["clip_id"]: row for row in read_table(cut.table("clips"), "clips")}
    captions = {row["clip_id"]: row for row in read_table(cut.table("captions"), "captions")}
    for geometry in (SMALL, LARGE):
        folder = cut.latents(geometry.name)
        index = read_table(folder / "index.parquet", "latents")
        assert sorted(row["clip_id"] for row in index) == sorted(clips)
        for row in index:
            shard, clip = read_shard(folder / row["path"]), clips[row["clip_id"]]
            frames, audio = load_clip(cut.clips, clip, LARGE)
            canvas = next(one for one in geometry.canvases if one.orientation == clip["orientation"])
            pixels = to_unit_range(torch.from_numpy(scaled_down(frames, canvas)))[None]
            levelled = normalise_loudness(audio, geometry.audio_rate_hz, chosen.encode.target_lufs)
            with torch.no_grad():
                raw = video_vae.vae.encode(pixels).latent_dist.mode()
                mean, std = (torch.tensor(video_vae.vae.config[f"latents_{name}"]) for name in ("mean", "std"))
                expected = (raw - mean.view(1, -1, 1, 1, 1)) / std.view(1, -1, 1, 1, 1)
                condition = video_vae.encode(known_frames(pixels[:, :, 0], geometry.frames))
                both = video_vae.encode(known_frames(pixels[:, :, 0], geometry.frames, pixels[:, :, -1]))
                latents = audio_vae.vae.encode(torch.from_numpy(audio)[None, None])
                latents_levelled = audio_vae.vae.encode(torch.from_numpy(levelled)[None, None])
            assert torch.equal(shard.video[row["row"]], expected[0])
            assert torch.equal(shard.condition[row["row"]], condition[0])
            assert torch.equal(shard.condition_last[row["row"]], both[0, :, -1:])
            assert torch.equal(shard.audio[row["row"]], latents[0])
            assert torch.equal(shard.audio_lufs[row["row"]], latents_levelled[0])
            assert shard.audio.shape[2] == geometry.audio_latents == 28
            for kind in ("visual", "sound", "merged"):
                caption, context = captions[row["clip_id"]][kind], shard.contexts.of(row["row"], kind)
                assert (context is None) == (caption is None)
                if context is not None:
                    assert len(context) == text.count_tokens(caption)
                    whole = text.encode([caption])[0]
                    assert torch.equal(whole[: len(context)], context) and not whole[len(context) :].any()


@pytest.mark.soak  # of nano codecs in make test: test_stage.py
def test_neither_workers_nor_shards_change_a_bit(cut, tiny_checkpoint):
    folder = cut.latents(SMALL.name)
    encode(params(tiny_checkpoint), SMALL, cut, Engine(workers=1))
    once, rows = files(folder), latents_by_clip(folder)
    shutil.rmtree(folder)
    encode(params(tiny_checkpoint), SMALL, cut, Engine(workers=2))
    assert files(folder) == once
    assert encode(params(tiny_checkpoint, clips_per_shard=3), SMALL, cut, Engine(workers=1))["shards"] == 2
    again = latents_by_clip(folder)
    assert all(torch.equal(again[clip_id], latents) for clip_id, latents in rows.items())


def latents_by_clip(folder: Path) -> dict[str, torch.Tensor]:
    return {
        clip_id: shard.video[row]
        for path in sorted(folder.glob(SHARD_PATTERN))
        for shard in [read_shard(path)]
        for row, clip_id in enumerate(shard.header.clip_ids)
    }


def test_latents_are_bound_to_the_weights(cut, tiny_checkpoint, tmp_path):
    weights = tmp_path / "weights"
    shutil.copytree(tiny_checkpoint, weights, copy_function=shutil.copy)
    before = encode(params(weights), SMALL, cut, Engine(workers=1))
    assert encode(params(weights), SMALL, cut, Engine(workers=1))["kept_shards"] == 3
    damage(weights / "audio_vae" / "diffusion_pytorch_model.safetensors")
    after = encode(params(weights), SMALL, cut, Engine(workers=1))
    assert (after["kept_shards"], after["text_encoder"]) == (0, before["text_encoder"])
    assert after["codec"] != before["codec"]
    manifest = read_latents_manifest(cut.latents(SMALL.name))
    assert (manifest.codec, manifest.text_encoder) == (after["codec"], after["text_encoder"])
    assert manifest.params == after["params"]


def damage(path: Path) -> None:
    """Another last number, of the same length."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-4:] = np.float32(0.25).tobytes()
    path.write_bytes(data)


@pytest.fixture
def hollow(tmp_path: Path) -> Path:
    """The small files of a released folder, beside weights that nobody reads."""
    configs = {
        "video_vae": {"_class_name": "AutoencoderKLWan", "z_dim": 16},
        "audio_vae": {"encoder_rates": [2, 3, 4, 5, 8], "latent_dim": 128, "sample_rate": 48_000},
        "text_encoder": {"model_type": "umt5", "d_model": 4096},
    }
    folder = tmp_path / "weights"
    for name, config in configs.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(json.dumps(config))
        (folder / name / "model.safetensors").write_bytes(b"")
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    return folder


def test_a_missing_folder_or_part_is_refused(hollow):
    check_encodable(params(hollow), SMALL)
    with pytest.raises(UsageError, match=r"encode\.weights \(params.yaml\) is null: name the folder"):
        check_encodable(params_from({"preset": "mova-360p"}), SMALL)
    with pytest.raises(UsageError, match="nowhere is no folder, expected one with video_vae"):
        check_encodable(params(hollow / "nowhere"), SMALL)
    for part in ("video_vae", "audio_vae", "text_encoder", "tokenizer"):
        (hollow / part).rename(hollow / "away")
        with pytest.raises(UsageError, match=f"has no {part}"):
            check_encodable(params(hollow), SMALL)
        (hollow / "away").rename(hollow / part)
    (hollow / "video_vae" / "model.safetensors").rename(hollow / "video_vae" / "model.bin")
    with pytest.raises(UsageError, match="holds no safetensors weights"):
        check_encodable(params(hollow), SMALL)
    (hollow / "video_vae" / "model.safetensors").write_bytes(b"")
    with pytest.raises(UsageError, match="is a pickle"):
        check_encodable(params(hollow), SMALL)


def test_weights_of_another_model_are_refused(hollow):
    config = hollow / "audio_vae" / "config.json"
    right = json.loads(config.read_text())
    config.write_text(json.dumps(right | {"encoder_rates": [2, 4, 4, 5, 8]}))
    with pytest.raises(StaleError, match="samples a latent: 1280, geometry mova-360p has 960"):
        check_encodable(params(hollow), SMALL)
    config.write_text(json.dumps(right | {"_class_name": "NanoAudioCodec"}))
    with pytest.raises(StaleError, match="mixes codecs and text encoder of the nano preset with released ones"):
        check_encodable(params(hollow), SMALL)


def test_a_shard_that_no_worker_can_hold_is_refused(hollow):
    real = ClipGeometry("mova-720p", 193, 24, (Canvas(720, 1280), Canvas(1280, 720)), 48_000, 960, 1)
    GEOMETRIES[real.name] = real
    with pytest.raises(UsageError, match="a worker of 4096 MiB holds latents of at most 23 clips of mova-720p"):
        check_encodable(params(hollow, clips_per_shard=512), real)
    check_encodable(params(hollow, clips_per_shard=16), real)


def test_it_is_refused_before_anything_heavy_is_loaded(tmp_path):
    (tmp_path / "params.yaml").write_text("preset: mova-360p\nencode: {weights: nowhere}\n")
    script = (
        "import sys\nsys.argv = ['mova', 'encode', 'mova-360p']\nfrom mova_core.cli.main import main\n"
        "try: main()\nexcept SystemExit as end: code = end.code\n"
        "print(code, sorted({'torch', 'pyarrow', 'diffusers', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "2 []\n"
    assert done.stderr.startswith("mova encode: nowhere is no folder, expected one with")


def test_nano_takes_no_weights():
    with pytest.raises(UsageError, match="preset nano encodes with codecs of its own"):
        params_from({"encode": {"weights": "released"}})
