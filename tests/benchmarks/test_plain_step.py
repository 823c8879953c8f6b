"""The transcription that our sampler is measured against computes the same step: golden tensors, then ours at nano."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.baselines.plain_step import PlainModel, Text, dual_velocity, forward
from benchmarks.sampler.nano import BRIDGE_SCALE, TEXT_SCALE, made_sampler, made_start, open_nano_towers, plain_sample

FPS = 24.0
ON, OFF = (1.0, 1.0), (0.0, 0.0)
# Every output of case `dual_step` but the guided ones: context, Bridge's strength, cross rotation.
FORWARDS: dict[str, tuple[str, tuple[float, float], bool]] = {
    "on": ("in.context", ON, True),
    "off": ("in.context", OFF, True),
    "half": ("in.context", (0.5, 0.5), True),
    "a2v_only": ("in.context", (1.0, 0.0), True),
    "v2a_only": ("in.context", (0.0, 1.0), True),
    "neg_on": ("in.negative_context", ON, True),
    "neg_off": ("in.negative_context", OFF, True),
    "on_norope": ("in.context", ON, False),
}
GUIDED = {"dualcfg_sB1_sT5": (1.0, 5.0), "dualcfg_sB2_sT2": (2.0, 2.0), "dualcfg_sB3.5_sT5": (3.5, 5.0)}
MODALITIES = ("video", "audio")


@dataclass(frozen=True)
class Golden:
    """Case `dual_step`, its outputs and those of its bfloat16 form, and their tolerances."""

    tensors: dict[str, Tensor]
    half_precision: dict[str, Tensor]
    config: dict[str, Any]
    rel_max: float
    rel_rms: float

    def model(self, dtype: torch.dtype = torch.float32, *, cross_rope: bool = True) -> PlainModel:
        weights = {key.removeprefix("state."): value.to(dtype) for key, value in self.tensors.items()}
        bridge = {**self.config["dual_tower_bridge"], "apply_cross_rope": cross_rope}
        return PlainModel(weights, {**self.config, "dual_tower_bridge": bridge})

    @property
    def latents(self) -> tuple[Tensor, Tensor]:
        return self.tensors["in.video_latents"], self.tensors["in.audio_latents"]

    @property
    def timesteps(self) -> tuple[Tensor, Tensor]:
        return self.tensors["in.timestep"], self.tensors["in.audio_timestep"]

    def check(self, name: str, ours: tuple[Tensor, Tensor]) -> None:
        for modality, tensor in zip(MODALITIES, ours, strict=True):
            reference = self.tensors[f"out.{name}.{modality}"].double()
            error = (tensor.double() - reference).abs().max() / reference.abs().max()
            assert error <= self.rel_max, f"{name} {modality}"


@pytest.fixture(scope="module")
def golden(request: pytest.FixtureRequest) -> Golden:
    folder: Path = request.config.getoption("--golden")
    if not (folder / "index.json").exists():
        pytest.skip(f"no golden tensors at {folder.name}/ (give their folder with --golden)")
    cases = json.loads((folder / "index.json").read_text(encoding="utf-8"))["cases"]
    full, half = cases["dual_step"], cases["dual_step_bf16"]
    return Golden(
        load_file(folder / full["file"]),
        load_file(folder / half["file"]),
        json.loads((folder / full["config"]).read_text(encoding="utf-8")),
        full["tolerance"]["rel_max"],
        half["tolerance"]["rel_rms"],
    )


@pytest.fixture(autouse=True)
def one_thread_and_no_gradients():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        yield
    torch.set_num_threads(before)


def test_no_output_of_the_golden_step_is_left_out(golden):
    outputs = {key.split(".", 1)[1].rsplit(".", 1)[0] for key in golden.tensors if key.startswith("out.")}
    assert outputs == FORWARDS.keys() | GUIDED.keys()


@pytest.mark.parametrize("name", FORWARDS)
def test_golden_forwards(golden, name):
    context, bridge, cross_rope = FORWARDS[name]
    condition = golden.tensors["in.condition"]
    golden.check(
        name,
        forward(
            golden.model(cross_rope=cross_rope),
            "video_dit",
            golden.latents,
            golden.timesteps,
            condition,
            golden.tensors[context],
            FPS,
            bridge,
        ),
    )


@pytest.mark.parametrize("name", GUIDED)
def test_golden_guided_velocities(golden, name):
    text = Text(golden.tensors["in.context"], golden.tensors["in.negative_context"])
    sigma = golden.timesteps[0] / 1000, golden.timesteps[1] / 1000
    condition = golden.tensors["in.condition"]
    golden.check(
        name, dual_velocity(golden.model(), "video_dit", golden.latents, condition, text, FPS, sigma, *GUIDED[name])
    )


def test_golden_forward_in_bfloat16(golden):
    model, condition = golden.model(torch.bfloat16), golden.tensors["in.condition"]
    ours = forward(model, "video_dit", golden.latents, golden.timesteps, condition, golden.tensors["in.context"], FPS)
    for modality, tensor in zip(MODALITIES, ours, strict=True):
        reference = golden.half_precision[f"out.on.{modality}"].double()
        assert tensor.dtype == torch.bfloat16
        assert (tensor.double() - reference).norm() / reference.norm() <= golden.rel_rms


@pytest.mark.parametrize("clips", [1, 3])
def test_it_samples_what_our_sampler_samples(clips):
    """All steps of the default settings: both experts, both modalities, three passes each."""
    towers, start = open_nano_towers(), made_start(clips)
    ours = made_sampler(towers, BRIDGE_SCALE, TEXT_SCALE).sample(*start)
    video, audio = plain_sample(towers, *start)
    for mine, plain in ((ours.video, video), (ours.audio, audio)):
        torch.testing.assert_close(plain, mine, rtol=0, atol=2e-5 * float(mine.abs().max()))
