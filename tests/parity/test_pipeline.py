"""The whole run and guidance against the golden tensors."""

import pytest
import torch

from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling import MovaPipeline, dual_guidance
from mova_core.sampling.conditioning.conditioning import Conditioning
from mova_core.sampling.guidance import Guidance, Scales
from mova_core.sampling.sampler import Sampler


@pytest.fixture(scope="module")
def pipeline(tiny_checkpoint) -> MovaPipeline:
    return MovaPipeline.from_pretrained(tiny_checkpoint)


@pytest.fixture
def golden_run(golden, pipeline):
    """The golden run by our pipeline: its output, and every forward as (expert, timestep, batch)."""
    case, forwards = golden("pipeline"), []
    model = pipeline.model.towers
    settings = {
        "negative_prompt": case.config["negative_prompt"],
        "steps": case.config["num_inference_steps"],
        "text_guidance_scale": case.config["cfg_scale"],
        "bridge_guidance_scale": 1.0,
        "frames": case.config["num_frames"],
        "height": case.config["height"],
        "width": case.config["width"],
    }

    def seen(module, arguments, options):
        forwards.append((options["expert"], arguments[1][0], len(arguments[1])))

    hook = model.register_forward_pre_hook(seen, with_kwargs=True)
    noise = LatentPair(case["in.video_noise"], case["in.audio_noise"])
    output = pipeline(case.config["prompt"], case["in.image_u8"].numpy(), noise=noise, **settings)
    hook.remove()
    return output, forwards


def test_whole_run(golden, pipeline, golden_run):
    case, (output, _) = golden("pipeline"), golden_run
    case.check("out.video_latents", output.latents.video)
    case.check("out.audio_latents", output.latents.audio)
    difference = (torch.from_numpy(output.video).int() - case["out.video_u8"].int()).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() <= 0.005
    # The public system leaves the audio up to a hop longer than the video; ours is cut to it.
    samples = case.config["audio_samples"]
    assert output.audio.shape == (samples,)
    with torch.no_grad():
        whole = pipeline.model.audio.decode(output.latents.audio, case["out.audio"].shape[-1])
    case.check("out.audio", whole[:, None])
    assert torch.equal(torch.from_numpy(output.audio), whole[0, :samples])


def test_experts_and_timesteps(golden, golden_run):
    """The two forwards of a step run as one batch of two."""
    case, (_, forwards) = golden("pipeline"), golden_run
    assert [batch for _, _, batch in forwards] == [2] * case.config["num_inference_steps"]
    experts = [["video_dit", "video_dit_2"][int(index)] for index in case["mid.expert_per_forward"][::2]]
    assert [expert for expert, _, _ in forwards] == experts
    case_timesteps = case["mid.timestep_per_forward"][::2]
    torch.testing.assert_close(torch.stack([timestep for _, timestep, _ in forwards]), case_timesteps)


def test_text_path_of_the_run(golden, pipeline):
    case = golden("pipeline")
    context = pipeline.model.text.encode([case.config["prompt"], case.config["negative_prompt"]])
    positions = case["mid.context_first64"].shape[1]
    case.check("mid.context_first64", context[:, :positions])
    assert not context[:, positions:].any()


def test_dual_guidance(golden, dual_tower):
    """The formula on the golden velocities, and the sampler's own branches whatever it leaves out."""
    case = golden("dual_step")
    conditioning = Conditioning(case["in.context"], case["in.negative_context"], case["in.condition"])
    timestep = torch.cat([case["in.timestep"], case["in.audio_timestep"]])
    latents = LatentPair(case["in.video_latents"], case["in.audio_latents"])
    for scales in case.names(r"out\.dualcfg_sB(.*)\.video"):
        bridge_scale, text_scale = map(float, scales.split("_sT"))
        sampler = Sampler(dual_tower, None, Guidance(bridge_scale, text_scale), case.config["video_fps"])
        with torch.no_grad():
            ours = sampler.velocity(latents, timestep, conditioning, "video_dit")
        for modality in ("video", "audio"):
            branches = (case[f"out.{name}.{modality}"] for name in ("neg_off", "neg_on", "on"))
            guided = dual_guidance(*branches, bridge_scale=bridge_scale, text_scale=text_scale)
            case.check(f"out.dualcfg_sB{scales}.{modality}", guided)
            case.check(f"out.dualcfg_sB{scales}.{modality}", getattr(ours, modality))


def test_guidance_of_each_modality_by_its_own_scales(golden, dual_tower):
    """Video at one pair of the golden scales and audio at the next: the golden velocities of either."""
    case = golden("dual_step")
    conditioning = Conditioning(case["in.context"], case["in.negative_context"], case["in.condition"])
    timestep = torch.cat([case["in.timestep"], case["in.audio_timestep"]])
    latents = LatentPair(case["in.video_latents"], case["in.audio_latents"])
    every = case.names(r"out\.dualcfg_sB(.*)\.video")
    for of_video, of_audio in zip(every, [*every[1:], every[0]], strict=True):
        own = {
            modality: Scales(*map(float, scales.split("_sT")))
            for modality, scales in (("video", of_video), ("audio", of_audio))
        }
        sampler = Sampler(dual_tower, None, Guidance(1.0, 1.0, own_scales=own), case.config["video_fps"])
        with torch.no_grad():
            ours = sampler.velocity(latents, timestep, conditioning, "video_dit")
        case.check(f"out.dualcfg_sB{of_video}.video", ours.video)
        case.check(f"out.dualcfg_sB{of_audio}.audio", ours.audio)
