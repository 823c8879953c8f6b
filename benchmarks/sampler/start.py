"""Seconds of processor from `mova generate` to the end of its first step, for a nano model of fresh weights.

The command makes a clip of one step without guidance: what comes after the step (decoding, writing the file) is in it.
"""

import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.measure import Row, row
from benchmarks.spent import spent
from mova_core.flow_matching import BOUNDARY_RATIO
from mova_core.model.codecs.nano.audio import NanoAudioCodec
from mova_core.model.codecs.nano.codec import NanoCodec
from mova_core.model.codecs.nano.video import NanoVideoCodec
from mova_core.model.model_folder import new_components, save_components
from mova_core.model.nano_folder import write_nano_parts
from mova_core.model.pretrained.frozen_parts import FrozenParts
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params

REPEATS, TARGET_S = 5, 6.0
UNGUIDED = ("--steps", "1", "--text-guidance-scale", "1", "--bridge-guidance-scale", "1", "--retries", "0")


def start() -> list[Row]:
    """Run the command some times."""
    with tempfile.TemporaryDirectory() as folder:
        model, out = Path(folder, "model"), Path(folder, "clip.mp4")
        write_fresh_model(model, Path(folder, "parts"))
        mova = Path(sys.executable).parent / "mova"
        command = [mova, "generate", "--checkpoint", model, "--prompt", "a red ball", *UNGUIDED, "--out", out]
        seconds = [spent(command, env={"OMP_NUM_THREADS": "1"}).cpu_s for _ in range(REPEATS)]
    return [
        row(
            "sampler.start",
            seconds,
            against="none: seconds of processor of a whole command that makes a nano clip in one step",
            better="lower",
            target=TARGET_S,
            unit="s",
        )
    ]


def write_fresh_model(folder: Path, parts: Path) -> None:
    """A nano model folder whose codecs were fitted on noise."""
    generator, params = torch.Generator().manual_seed(0), Params()
    geometry, channels = params.clip_geometry, params.fit_codec.channels
    canvas = geometry.canvases[0]
    videos = [torch.rand(1, 3, 9, canvas.height_px, canvas.width_px, generator=generator) * 2 - 1 for _ in range(4)]
    audio = [0.3 * torch.randn(1, 8000, generator=generator) for _ in range(4)]
    codec = NanoCodec(
        NanoVideoCodec.fit(lambda: videos, channels), NanoAudioCodec.fit(lambda: audio, geometry.audio_hop, channels)
    )
    parts.mkdir()
    write_nano_parts(parts, codec)
    towers = preset_dual_tower(params).eval()
    opened = FrozenParts.open(parts)
    save_components(new_components(towers, opened, geometry, params.generate, BOUNDARY_RATIO, ["red ball"]), folder)
