"""Towers and Bridge against the golden tensors, key by key."""

import pytest
import torch

from mova_core.model.towers.audio_tower import AudioTower
from mova_core.model.towers.bridge import BRIDGE_OFF, BRIDGE_ON, Bridge, BridgeRope, BridgeScale, interacting_layers
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.model.towers.rope import video_angles
from mova_core.model.towers.tower import sinusoid
from mova_core.model.towers.video_tower import VideoTower

pytestmark = pytest.mark.usefixtures("no_grad")


@pytest.fixture
def no_grad():
    with torch.no_grad():
        yield


def test_video_tower(golden):
    case = golden("video_dit")
    tower = case.build(VideoTower, case.config, case.state())
    for name, timestep in (("b1", "b1"), ("b2", "b2"), ("b2same", "b2same")):
        source = "b2" if name == "b2same" else name
        ours = tower(case[f"in.{source}.x"], case[f"in.{timestep}.timestep"], case[f"in.{source}.context"])
        case.check(f"out.{name}", ours)


def test_video_tower_step_by_step(golden):
    case = golden("video_dit")
    tower = case.build(VideoTower, case.config, case.state())
    case.check("mid.b1.sinusoid", sinusoid(case["in.b1.timestep"], tower.freq_dim))
    state = tower.embed(case["in.b1.x"], case["in.b1.timestep"], case["in.b1.context"])
    case.check("mid.b1.tokens", state.tokens)
    case.check("mid.b1.text_embedding", state.context)
    case.check("mid.b1.time_embedding", state.time)
    case.check("mid.b1.time_projection", state.modulation.flatten(1))
    for index in range(case.config["num_layers"]):
        state = tower.run_block(index, state)
        case.check(f"mid.b1.block{index}", state.tokens)
    case.check("mid.b1.head", tower.head(state.tokens, state.time))
    start = 0
    for axis, name in enumerate("fhw"):  # frames, rows and columns: parts of the head, one after the other
        positions, width = case[f"mid.rope_{name}_re"].shape
        grid = [positions if index == axis else 1 for index in range(3)]
        angles = video_angles(*grid, tower.head_dim, tower.rope_theta)[:, start : start + width]
        case.check(f"mid.rope_{name}_re", angles.cos())
        case.check(f"mid.rope_{name}_im", angles.sin())
        start += width


@pytest.mark.parametrize(("vae_type", "out"), [("dac", "b1"), ("oobleck", "b1_oobleck")])
def test_audio_tower(golden, vae_type, out):
    case = golden("audio_dit")
    tower = case.build(AudioTower, {**case.config, "vae_type": vae_type}, case.state())
    case.check(f"out.{out}", tower(case["in.b1.x"], case["in.b1.timestep"], case["in.b1.context"]))
    if vae_type == "dac":
        case.check("out.b2", tower(case["in.b2.x"], case["in.b2.timestep"], case["in.b2.context"]))


def bridge_of(case, **changes) -> Bridge:
    config = {key: value for key, value in case.config.items() if not key.startswith("schedules_")}
    return case.build(Bridge, {**config, **changes}, case.state())


def test_bridge(golden):
    case = golden("bridge")
    bridge = bridge_of(case)
    video, audio, grid = case["in.visual"], case["in.audio"], tuple(case["in.grid"].tolist())
    rope = bridge.rope(grid, audio.shape[1], float(case["in.video_fps"]), video)
    for name, table in (("v", rope.video), ("a", rope.audio)):
        case.check(f"mid.cos_{name}", table[0][None])
        case.check(f"mid.sin_{name}", table[1][None])
    for layer in map(int, case.names(r"out\.layer(\d+)\.rope\.visual")):
        for name, tables in (("rope", rope), ("norope", BridgeRope())):
            ours = bridge(layer, video, audio, tables)
            case.check(f"out.layer{layer}.{name}.visual", ours[0])
            case.check(f"out.layer{layer}.{name}.audio", ours[1])
    ours = bridge(0, video, audio, rope, BridgeScale(0.5, 2.0))
    case.check("out.scaled_a2v0.5_v2a2.visual", ours[0])
    case.check("out.scaled_a2v0.5_v2a2.audio", ours[1])
    off = bridge(0, video, audio, rope, BRIDGE_OFF)
    assert torch.equal(off[0], case["out.off.visual"])
    assert torch.equal(off[1], case["out.off.audio"])


def test_bridge_with_first_frame_bias(golden):
    case = golden("bridge")
    bridge = bridge_of(case, apply_first_frame_bias_in_rope=True)
    grid, fps = tuple(case["in.grid"].tolist()), float(case["in.video_fps"])
    rope = bridge.rope(grid, case["in.audio"].shape[1], fps, case["in.visual"])
    case.check("mid.bias.cos_v", rope.video[0][None])
    ours = bridge(0, case["in.visual"], case["in.audio"], rope)
    case.check("out.layer0.firstframebias.visual", ours[0])
    case.check("out.layer0.firstframebias.audio", ours[1])


def test_bridge_positions_at_full_length(golden):
    """Bit for bit: both tables are float32 from the frequencies on."""
    case = golden("bridge")
    bridge = bridge_of(case)
    for fps in case.names(r"mid\.fullrate_fps(\d+)\.cos_v"):
        frames = case[f"mid.fullrate_fps{fps}.cos_v"].shape[1]
        rope = bridge.rope((frames, 1, 1), 1, float(fps), case["in.visual"])
        for name, table in zip(("cos", "sin"), rope.video, strict=True):
            assert torch.equal(table[None], case[f"mid.fullrate_fps{fps}.{name}_v"]), fps


def test_interacting_layers_of_the_full_size(golden):
    case = golden("bridge")
    for key in (key for key in case.config if key.startswith("schedules_")):
        video_layers, audio_layers = map(int, key.removeprefix("schedules_").split("_"))
        for strategy, layers in case.config[key].items():
            assert list(interacting_layers(strategy, video_layers, audio_layers)) == layers


def step(dual_tower, case, scale=BRIDGE_ON, context="in.context") -> LatentPair:
    timestep = torch.stack([case["in.timestep"], case["in.audio_timestep"]], dim=1)
    noisy, fps = LatentPair(case["in.video_latents"], case["in.audio_latents"]), case.config["video_fps"]
    return dual_tower(
        noisy, timestep, case["in.condition"], case[context], expert="video_dit", video_fps=fps, bridge_scale=scale
    )


def test_dual_step(golden, dual_tower):
    case = golden("dual_step")
    variants = {
        "on": (BRIDGE_ON, "in.context"),
        "off": (BRIDGE_OFF, "in.context"),
        "half": (BridgeScale(0.5, 0.5), "in.context"),
        "a2v_only": (BridgeScale(1, 0), "in.context"),
        "v2a_only": (BridgeScale(0, 1), "in.context"),
        "neg_on": (BRIDGE_ON, "in.negative_context"),
        "neg_off": (BRIDGE_OFF, "in.negative_context"),
    }
    for name, (scale, context) in variants.items():
        ours = step(dual_tower, case, scale, context)
        case.check(f"out.{name}.video", ours.video)
        case.check(f"out.{name}.audio", ours.audio)


def test_dual_step_without_cross_rope(golden, dual_tower, monkeypatch):
    case = golden("dual_step")
    monkeypatch.setattr(dual_tower.dual_tower_bridge, "apply_cross_rope", False)
    ours = step(dual_tower, case)
    case.check("out.on_norope.video", ours.video)
    case.check("out.on_norope.audio", ours.audio)


def test_dual_step_in_bfloat16(golden, dual_tower):
    from copy import deepcopy

    case, inputs = golden("dual_step_bf16"), golden("dual_step")
    model = deepcopy(dual_tower).to(torch.bfloat16)
    ours = step(model, inputs)
    case.check("out.on.video", ours.video)
    case.check("out.on.audio", ours.audio)
    for tower, name, column in (
        (model.video_dit, "video", "in.timestep"),
        (model.audio_dit, "audio", "in.audio_timestep"),
    ):
        time, modulation = tower.embed_time(inputs[column], torch.bfloat16)
        one_step_apart(time, case[f"mid.{name}.t"])
        one_step_apart(modulation, case[f"mid.{name}.t_mod"])
    sizes, patch = inputs["in.video_latents"].shape[2:], model.video_dit.patch_size
    grid = tuple(size // step for size, step in zip(sizes, patch, strict=True))
    audio_tokens = inputs["in.audio_latents"].shape[2] // model.audio_dit.patch_size
    fps, like = inputs.config["video_fps"], torch.zeros(1, dtype=torch.bfloat16)
    rope = model.dual_tower_bridge.rope(grid, audio_tokens, fps, like)
    for name, table in (("v", rope.video), ("a", rope.audio)):
        one_step_apart(table[0][None], case[f"mid.cos_{name}"])
        one_step_apart(table[1][None], case[f"mid.sin_{name}"])


def one_step_apart(ours: torch.Tensor, golden: torch.Tensor) -> None:
    """At most one bfloat16 step per value."""
    assert ours.dtype == golden.dtype == torch.bfloat16
    steps = (ours.view(torch.int16).int() - golden.view(torch.int16).int()).abs()
    near_zero = golden.float().abs() < 1e-6
    assert (steps[~near_zero] <= 1).all()
