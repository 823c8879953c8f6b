"""Every way of placing a model gives the clip of the resident one, and weights really wait where they are said to.

There is no second device here: layers that wait are written to disk and NaN put in their place, so a layer that was
used without its hook would spoil the clip.
"""

import pytest
import torch

from mova_core.model.model_folder import load_components, modules_of
from mova_core.model.placement import ONE_AT_A_TIME, offload_layers
from mova_core.params.runtime import MEMORY_MODES, RuntimeParams
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.pipeline import MovaPipeline

CPU = torch.device("cpu")
CLIPS = [ClipInputs("a dog barks", 3)]
SIZE = {"frames": 5, "height": 32, "width": 32, "steps": 4}  # 2 of 4 steps on each expert


@pytest.fixture(scope="module")
def resident(tiny_checkpoint):
    generator = ClipGenerator.load(tiny_checkpoint, RuntimeParams(device="cpu"))
    return generator.generate(CLIPS, generator.defaults.changed(**SIZE))


def clip_of(generator):
    return generator.generate(CLIPS, generator.defaults.changed(**SIZE))


def assert_same(output, resident):
    assert torch.equal(output.latents.video, resident.latents.video)
    assert torch.equal(output.latents.audio, resident.latents.audio)
    assert (output.video == resident.video).all()
    assert (output.audio == resident.audio).all()


@pytest.mark.parametrize("memory", [mode for mode in MEMORY_MODES if mode != "fp8"])
def test_the_same_clip_twice(tiny_checkpoint, resident, memory):
    generator = ClipGenerator.load(tiny_checkpoint, RuntimeParams(device="cpu", memory=memory))
    assert_same(clip_of(generator), resident)
    assert_same(clip_of(generator), resident)


def test_every_layer_that_waits_is_brought_by_its_hook(tiny_checkpoint, resident, tmp_path):
    model = load_components(tiny_checkpoint)
    modules = modules_of(model)
    del modules["text_encoder"]  # two of its layers share their weights, which diffusers writes to disk once only
    for name, module in modules.items():
        (tmp_path / name).mkdir()
        offload_layers(module, CPU, offload_to_disk_path=str(tmp_path / name))
        for parameter in module.parameters():
            parameter.data.fill_(float("nan"))
    assert_same(clip_of(ClipGenerator(model, CPU)), resident)


def test_offload_brings_each_component_and_sends_away_what_came_before(tiny_checkpoint, resident, monkeypatch):
    from accelerate.hooks import CpuOffload, UserCpuOffloadHook

    model = load_components(tiny_checkpoint)
    generator, names = ClipGenerator.of(model, RuntimeParams(device="cpu", memory="offload")), {}
    for name, module in modules_of(model).items():
        names[id(module)] = name
    came: list[str] = []
    bring = CpuOffload.pre_forward
    monkeypatch.setattr(
        CpuOffload,
        "pre_forward",
        lambda hook, module, *a, **k: (came.append(names[id(module)]), bring(hook, module, *a, **k))[1],
    )
    waits: list[str] = []
    send = UserCpuOffloadHook.offload
    monkeypatch.setattr(UserCpuOffloadHook, "offload", lambda hook: (waits.append(names[id(hook.model)]), send(hook)))
    assert_same(clip_of(generator), resident)
    assert set(came) == set(names.values())
    in_turn = list(dict.fromkeys(name for name in came if name in ONE_AT_A_TIME))
    assert in_turn == list(ONE_AT_A_TIME)
    assert set(waits) == set(names.values())  # after the clip all wait again


def test_weights_in_8_bits(tiny_checkpoint, resident):
    model = load_components(tiny_checkpoint)
    generator = ClipGenerator.of(model, RuntimeParams(device="cpu", memory="fp8"))
    stored = {parameter.dtype for parameter in model.towers.parameters()}
    assert stored == {torch.float8_e4m3fn, torch.float32}
    output = clip_of(generator)
    assert {parameter.dtype for parameter in model.towers.parameters()} == stored
    difference = (output.latents.video - resident.latents.video).square().mean().sqrt()
    assert 0 < difference < 0.3 * resident.latents.video.std()


def test_a_dtype_for_the_towers_and_another_for_the_codec(tiny_checkpoint, resident):
    model = load_components(tiny_checkpoint)
    output = clip_of(ClipGenerator.of(model, RuntimeParams(device="cpu", dtype="bfloat16,audio_vae=float32")))
    assert {parameter.dtype for parameter in model.towers.parameters()} == {torch.bfloat16}
    assert {parameter.dtype for parameter in modules_of(model)["audio_vae"].parameters()} == {torch.float32}
    assert output.latents.video.dtype == torch.float32
    assert not torch.equal(output.latents.video, resident.latents.video)


def test_nano_in_every_mode(nano_folder):
    outputs = [
        clip_of(ClipGenerator.load(nano_folder, RuntimeParams(device="cpu", memory=memory))) for memory in MEMORY_MODES
    ]
    for output in outputs[1:3]:
        assert_same(output, outputs[0])
    assert (outputs[3].video.shape, outputs[3].audio.shape) == (outputs[0].video.shape, outputs[0].audio.shape)


def test_diffusers_own_calls(tiny_checkpoint, resident):
    """`to`, `components`, model and group offload of diffusers' pipelines work on ours."""
    pipeline = MovaPipeline.from_pretrained(tiny_checkpoint)
    assert set(pipeline.components) == set(modules_of(pipeline.model))
    assert pipeline.to("cpu").device == CPU
    pipeline.enable_model_cpu_offload(device="cpu")
    assert_same(pipeline("a dog barks", seed=3, **SIZE), resident)
    pipeline.remove_all_hooks()
    pipeline.enable_group_offload(onload_device=CPU, offload_type="leaf_level")
    assert_same(pipeline("a dog barks", seed=3, **SIZE), resident)
    half = MovaPipeline.from_pretrained(tiny_checkpoint).to(torch.bfloat16)
    assert {parameter.dtype for module in half.components.values() for parameter in module.parameters()} == {
        torch.bfloat16
    }
