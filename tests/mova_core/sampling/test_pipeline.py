"""From prompt to clip on a nano model: exact lengths, first frames, seeds, loudness, and again from a folder."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mova_core.errors import UsageError
from mova_core.media.audio.loudness import integrated_lufs
from mova_core.model.condition import fit_image, known_frames, white_image
from mova_core.model.pixels import to_bytes, to_unit_range
from mova_core.sampling.conditioning.encode_inputs import encode_inputs
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.sampling.sampler import GenerationCancelled
from tests.mova_core.sampling.flat_model import flat_copy

SHORT = {"frames": 5, "steps": 2}


@pytest.fixture(scope="module")
def pipeline(nano_model):
    return MovaPipeline(nano_model)


@pytest.fixture
def first_image():
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def test_video_and_audio_are_exactly_as_long_as_the_clip(pipeline):
    output = pipeline(["a", "b"], steps=1)
    assert [video.shape for video in output.videos] == [(33, 48, 48, 3)] * 2
    assert [audio.shape for audio in output.audios] == [(33_000,)] * 2
    assert output.video.dtype == np.uint8
    assert output.audio.dtype == np.float32
    assert np.abs(output.audio).max() <= 1


@pytest.mark.parametrize("frames", [1, 9, 37])
def test_lengths_whose_audio_is_no_whole_number_of_tokens(pipeline, frames):
    output = pipeline("a", frames=frames, steps=1)
    assert output.video.shape[0] == frames
    assert output.audio.shape == (frames * 1000,)


def test_the_same_seed_gives_the_same_clip_alone_or_in_a_batch(pipeline):
    batch = pipeline(["a", "b", "a"], seed=5, **SHORT)
    second = pipeline("b", seed=6, **SHORT)
    torch.testing.assert_close(second.latents.video[0], batch.latents.video[1], rtol=0, atol=1e-5)
    torch.testing.assert_close(second.latents.audio[0], batch.latents.audio[1], rtol=0, atol=1e-5)
    listed = pipeline(["a", "b"], seed=[7, 6], **SHORT)
    torch.testing.assert_close(listed.latents.video, batch.latents.video[[2, 1]], rtol=0, atol=1e-5)
    assert not np.array_equal(batch.videos[0], batch.videos[2])


def test_noise_is_the_seeds_own_video_first(pipeline):
    settings = pipeline.defaults
    noise = pipeline.clip_generator.noise([3], settings, settings.canvas(None))
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(noise.video[0], torch.randn(16, 9, 6, 6, generator=generator))
    assert torch.equal(noise.audio[0], torch.randn(16, 104, generator=generator))


def test_torchs_global_generator_is_left_alone(pipeline):
    before = torch.get_rng_state()
    pipeline("a", **SHORT)
    assert torch.equal(before, torch.get_rng_state())


def test_a_given_first_frame_comes_out_as_the_codec_has_it(pipeline, first_image):
    output = pipeline("a", first_image, **SHORT)
    codec = pipeline.model.video
    still = to_unit_range(torch.from_numpy(fit_image(first_image, 48, 48)[None].copy()))[None]
    alone = codec.encode(still)
    assert torch.equal(output.latents.video[:, :, :1], alone)
    assert np.array_equal(output.video[0], to_bytes(codec.decode(output.latents.video))[0, 0].numpy())


def test_a_last_frame_is_told_to_the_model_as_training_tells_it(pipeline, first_image):
    last_image = first_image[::-1].copy()
    canvas = pipeline.defaults.clip_geometry.canvases[0]
    plain, with_last = (ClipInputs("a", image=first_image, last_image=last) for last in (None, last_image))

    def encoded(*clips):
        settings = pipeline.defaults.changed(frames=5)
        return encode_inputs(pipeline.model, clips, "", settings, canvas, torch.device("cpu")).condition

    condition = encoded(plain, with_last)
    assert torch.equal(condition[0], encoded(plain)[0])
    assert torch.equal(condition[0, :, :-1], condition[1, :, :-1])
    assert condition[:, :4, -1, 0, 0].tolist() == [[0, 0, 0, 0], [0, 0, 0, 1]]
    first, last = (
        to_unit_range(torch.from_numpy(fit_image(i, 48, 48).copy())[None, None])[:, :, 0]
        for i in (first_image, last_image)
    )
    both = pipeline.model.video.encode(known_frames(first, 5, last))
    assert torch.equal(condition[1:, 4:], both)
    given, without = (pipeline("a", first_image, last_image=last, **SHORT) for last in (last_image, None))
    assert torch.equal(given.latents.video[:, :, :1], without.latents.video[:, :, :1])
    assert not torch.equal(given.latents.video, without.latents.video)


def test_text_alone_has_a_white_first_frame_that_is_not_kept(pipeline, first_image):
    white = white_image(48, 48)
    without, given = pipeline("a", **SHORT), pipeline("a", white, keep_first_latent=False, **SHORT)
    assert torch.equal(without.latents.video, given.latents.video)
    assert not torch.equal(without.latents.video, pipeline("a", white, **SHORT).latents.video)


def test_first_frames_and_texts_alone_in_one_batch(pipeline, first_image):
    mixed = pipeline(["a", "b"], [first_image, None], **SHORT)
    alone = pipeline("b", seed=1, **SHORT)
    torch.testing.assert_close(mixed.latents.video[1], alone.latents.video[0], rtol=0, atol=1e-5)


def test_every_setting_acts(pipeline):
    plain = pipeline("a", **SHORT).latents
    changes = [
        {"text_guidance_scale": 4.0},
        {"bridge_guidance_scale": 1.0},
        {"audio_text_guidance_scale": 4.0},
        {"audio_bridge_guidance_scale": 1.0},
        {"video_text_guidance_scale": 4.0},  # by the Bridge, from the second step on
        {"video_bridge_guidance_scale": 1.0},
        {"guidance_sigma_max": 0.9},
        {"guidance_sigma_min": 0.9},
        {"guidance_rescale": 0.7},
        {"audio_negative_prompt": "noise"},
        {"video_negative_prompt": "noise"},
        {"bridge": False},
        {"solver": "heun"},
        {"video_shift": 2.0},
        {"audio_shift": 2.0},
        {"negative_prompt": "noise"},
        {"seed": 1},
    ]
    for change in changes:
        other = pipeline("a", **SHORT, **change).latents
        assert not torch.equal(other.audio, plain.audio), change


def test_equal_negative_prompts_are_the_common_one(pipeline):
    common = pipeline("a", negative_prompt="noise", **SHORT)
    own = pipeline("a", video_negative_prompt="noise", audio_negative_prompt="noise", **SHORT)
    assert torch.equal(common.latents.video, own.latents.video)
    assert torch.equal(common.latents.audio, own.latents.audio)


def test_a_negative_prompt_of_one_modality_that_is_too_long_is_refused(pipeline):
    with pytest.raises(UsageError, match="10001 tokens"):
        pipeline("a", audio_negative_prompt="a" * 10_000, **SHORT)


def test_guidance_that_no_step_would_see_is_refused(pipeline):
    with pytest.raises(UsageError, match=r"0\.2 and guidance_sigma_max 0\.3, and no step"):
        pipeline("a", guidance_sigma_min=0.2, guidance_sigma_max=0.3, **SHORT)
    with pytest.raises(UsageError, match=r"the nearest is 1"):
        pipeline("a", steps=1, frames=5, guidance_sigma_max=0.99)


def test_guidance_of_a_given_modality_is_refused(pipeline):
    silence = np.zeros(5000, np.float32)
    with pytest.raises(UsageError, match="audio_text_guidance_scale has no part where the audio is given"):
        pipeline("a", audio=silence, audio_text_guidance_scale=2.0, **SHORT)
    assert pipeline("a", audio=silence, video_text_guidance_scale=2.0, **SHORT)


def test_names_of_diffusers_and_pillow_images_mean_the_same(pipeline, first_image):
    ours = pipeline("a", first_image, steps=2, text_guidance_scale=4.0, frames=5)
    image = Image.fromarray(first_image)
    theirs = pipeline("a", image, num_inference_steps=2, guidance_scale=4.0, num_frames=5)
    assert torch.equal(ours.latents.video, theirs.latents.video)
    assert torch.equal(ours.latents.audio, theirs.latents.audio)
    grey = pipeline("a", image.convert("L"), **SHORT)
    assert torch.equal(grey.latents.video, pipeline("a", image.convert("L").convert("RGB"), **SHORT).latents.video)
    assert pipeline.to("cpu") is pipeline


def test_loudness_target(pipeline):
    output = pipeline("a", steps=2, target_lufs=-30.0)
    assert integrated_lufs(output.audio, 16_000) == pytest.approx(-30, abs=0.3)


def test_cancelled(pipeline):
    with pytest.raises(GenerationCancelled):
        pipeline("a", cancelled=lambda: True)


def test_from_pretrained_gives_the_same_clip(pipeline, nano_folder):
    again = MovaPipeline.from_pretrained(nano_folder)
    assert again.defaults == pipeline.defaults
    ours, theirs = pipeline("a", seed=2), again("a", seed=2)
    assert np.array_equal(ours.video, theirs.video)
    assert np.array_equal(ours.audio, theirs.audio)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "x" * 128}, "129 tokens, the text encoder reads at most 128"),
        ({"prompt": []}, "no prompt"),
        ({"prompt": ["a", "b"], "seed": [1]}, "1 of seed for 2 prompts"),
        ({"prompt": "a", "image": [None, None]}, "2 of image for 1 prompts"),
        ({"prompt": "a", "image": np.zeros((8, 8), np.uint8)}, "RGB"),
        (
            {"prompt": "a", "frames": 1} | dict.fromkeys(("image", "last_image"), np.zeros((8, 8, 3), np.uint8)),
            "a clip of 1 frame, which is its first",
        ),
        ({"prompt": "a", "image": Image.new("RGBA", (32, 32))}, "transparent pixels"),
        ({"prompt": "a", "num_frames": 5, "frames": 5}, "num_frames and frames are one setting"),
        ({"prompt": "a", "num_images_per_prompt": 2}, "num_images_per_prompt"),
        ({"prompt": "a", "geometry": "mova-360p"}, "audio hop"),
    ],
)
def test_refused(pipeline, arguments, sentence):
    from mova_core.errors import MovaError

    with pytest.raises(MovaError, match=sentence) as refused:
        pipeline(**arguments)
    assert isinstance(refused.value, UsageError) or "hop" in sentence


@pytest.mark.parametrize("name", ["video", "audio"])
def test_a_given_modality_comes_out_exactly(pipeline, name):
    clip = getattr(pipeline("a", seed=3, **SHORT), name)
    loudness = {"target_lufs": -30.0} if name == "video" else {}  # of audio that is generated
    output = pipeline("a", seed=5, **loudness, **{name: clip}, **SHORT)
    assert np.array_equal(getattr(output, name), clip)
    made = output.latents
    pixels = to_unit_range(torch.from_numpy(clip)[None]) if name == "video" else torch.from_numpy(clip)[None]
    latents = getattr(pipeline.model, name).encode(pixels)
    torch.testing.assert_close(getattr(made, name)[..., : latents.shape[-1]], latents)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"video": np.zeros((4, 48, 48, 3), np.uint8)}, "a given video has 4 frames, the clip has 5"),
        ({"audio": np.zeros(7, np.float32)}, "expected one channel of 5000 samples at 16000 Hz"),
        ({"audio": [np.zeros(5000, np.float32)] * 2}, "got 2 of audio for 1 prompts"),
        (
            {"video": np.zeros((5, 48, 48, 3), np.uint8), "audio": np.zeros(5000, np.float32)},
            "nothing is left to generate",
        ),
    ],
)
def test_what_cannot_be_given(pipeline, given, sentence):
    with pytest.raises(UsageError, match=sentence):
        pipeline("a", **given, **SHORT)


def test_it_is_a_diffusers_pipeline(pipeline):
    from diffusers import DiffusionPipeline

    assert isinstance(pipeline, DiffusionPipeline)
    assert pipeline.components["video_dit"] is pipeline.model.towers.video_dit
    assert set(pipeline.components) == {
        *("video_dit", "video_dit_2", "audio_dit", "dual_tower_bridge", "video_vae", "audio_vae", "text_encoder"),
    }


def test_noise_by_a_generator_is_that_of_its_seed(pipeline):
    seeded = pipeline(["a", "b"], seed=[3, 9], **SHORT)
    drawn = pipeline(["a", "b"], generator=[torch.Generator().manual_seed(seed) for seed in (3, 9)], **SHORT)
    assert torch.equal(seeded.latents.video, drawn.latents.video)
    assert torch.equal(seeded.latents.audio, drawn.latents.audio)
    one = torch.Generator().manual_seed(3)
    again = pipeline(["a", "b"], generator=one, **SHORT)
    torch.testing.assert_close(again.latents.video[0], seeded.latents.video[0], rtol=0, atol=1e-5)
    assert not torch.equal(again.latents.video[1], seeded.latents.video[1])


def test_a_callback_sees_each_step_and_may_change_its_latents(pipeline):
    seen = []

    def watch(pipe, step, timesteps, values):
        seen.append((pipe is pipeline, step, timesteps.tolist()))
        return values

    plain = pipeline("a", callback_on_step_end=watch, **SHORT)
    assert [step for _, step, _ in seen] == [0, 1] and all(same for same, _, _ in seen)
    assert seen[0][2] == [1000.0, 1000.0] and seen[1][2][0] < 1000
    assert torch.equal(plain.latents.video, pipeline("a", **SHORT).latents.video)

    def zero_at_the_end(pipe, step, timesteps, values):
        latents = values["latents"]
        return {"latents": latents._replace(video=latents.video * (step != 1))}

    assert not pipeline("a", callback_on_step_end=zero_at_the_end, **SHORT).latents.video.any()


def test_another_attention_kernel(nano_model, pipeline):
    model = copy.deepcopy(nano_model.towers)
    for component in (model.video_dit, model.video_dit_2, model.audio_dit, model.dual_tower_bridge):
        component.set_attention_backend("_native_math")
    other = MovaPipeline(replace(nano_model, towers=model))("a", **SHORT)
    plain = pipeline("a", **SHORT)
    torch.testing.assert_close(other.latents.video, plain.latents.video, rtol=0, atol=1e-4)
    assert not torch.equal(other.latents.video, plain.latents.video)
    with pytest.raises(UsageError, match="attention backend 'fast' cannot be used"):
        model.video_dit.set_attention_backend("fast")


def test_further_seeds_are_tried_only_where_the_call_says_so(nano_folder, tmp_path):
    flat = MovaPipeline.from_pretrained(flat_copy(nano_folder, tmp_path / "flat"))
    plain, guarded = flat("red ball", seed=7, steps=1), flat("red ball", seed=7, steps=1, retries=1)
    assert plain.tries == [()]
    ((first, second),) = guarded.tries
    assert (first.seed, second.seed) == (7, 1007) and first.faults and second.faults
    np.testing.assert_array_equal(plain.video, guarded.video)
    with pytest.raises(UsageError, match="retries draws noise"):
        flat("red ball", steps=1, retries=1, generator=torch.Generator())
