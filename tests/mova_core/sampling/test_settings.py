"""A folder's defaults, what a request may change, and what is refused."""

import subprocess
import sys

import pytest

from mova_core.errors import StaleError, UsageError
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params.generate import GenerateParams
from mova_core.sampling.settings import GenerateSettings, check_guided
from mova_core.sampling.tasks import CLIP_TASKS

NANO = {"geometry": "nano-48", "steps": 8, "keep_first_latent": True}

UNGUIDED = {"text_guidance_scale": 1.0, "bridge_guidance_scale": 1.0}


def of(generate, shift=5.0):
    return GenerateSettings.of(FolderIndex({"generate": generate} if generate else {}, shift))


def test_a_released_folder_has_the_reports_defaults_and_its_own_shift():
    settings = of(None, shift=3.0)
    assert (settings.steps, settings.text_guidance_scale, settings.bridge_guidance_scale) == (50, 5.0, 3.5)
    assert (settings.video_shift, settings.audio_shift) == (3.0, 3.0)
    assert not settings.keep_first_latent
    assert settings.clip_geometry.audio_samples == 386_000


def test_a_request_changes_what_it_names_and_nothing_else():
    changed = of(NANO).changed(steps=4, target_lufs=None, audio_shift=1.0)
    assert changed == of(NANO | {"steps": 4, "audio_shift": 1.0})


def scales_of(settings):
    return [settings.guidance_scale(modality, kind) for modality in ("video", "audio") for kind in ("text", "bridge")]


def test_a_modality_has_the_common_scale_unless_it_has_its_own():
    folder = of(NANO | {"text_guidance_scale": 4.0, "bridge_guidance_scale": 2.0, "audio_bridge_guidance_scale": 3.0})
    assert scales_of(folder) == [4.0, 2.0, 4.0, 3.0]
    assert scales_of(folder.changed(video_text_guidance_scale=1.0)) == [1.0, 2.0, 4.0, 3.0]
    assert scales_of(folder.changed(text_guidance_scale=1.0)) == [1.0, 2.0, 1.0, 3.0]


def test_a_common_scale_that_is_asked_for_goes_before_a_folders_own_one():
    folder = of(NANO | {"audio_bridge_guidance_scale": 3.0, "video_text_guidance_scale": 5.0})
    assert scales_of(folder.changed(bridge_guidance_scale=1.5)) == [5.0, 1.5, 3.0, 1.5]
    asked = {"bridge_guidance_scale": 1.5, "audio_bridge_guidance_scale": 0.5}
    assert scales_of(folder.changed(**asked)) == [5.0, 1.5, 3.0, 0.5]


def test_what_a_folder_sets_and_a_request_leaves_no_part_is_left_alone():
    """The Bridge guidance sweep asks for such scales of any model."""
    folder = of(NANO | {"guidance_rescale": 0.7, "guidance_sigma_max": 0.9})
    assert folder.changed(**UNGUIDED).guidance_rescale == 0.7
    assert folder.changed(bridge=False, text_guidance_scale=1.0).guidance_sigma_max == 0.9


@pytest.mark.parametrize(
    "setting", [{"guidance_rescale": 0.7}, {"guidance_sigma_min": 0.1}, {"guidance_sigma_max": 0.9}]
)
def test_params_that_change_guidance_where_there_is_none_are_refused(setting):
    assert GenerateParams(**setting)
    assert GenerateParams(**UNGUIDED, audio_text_guidance_scale=2.0, **setting)
    with pytest.raises(ValueError, match="every guidance scale is 1"):
        GenerateParams(**UNGUIDED, **setting)


def test_each_modality_has_its_own_negative_prompt_or_the_common_one():
    plain = of(NANO)
    assert plain.negative_prompts("") == []
    assert plain.negative_prompts("blurry") == ["blurry", "blurry"]
    own = plain.changed(audio_negative_prompt="hum", video_negative_prompt="")
    assert [own.negative_prompt(modality, "blurry") for modality in ("video", "audio")] == ["", "hum"]
    assert own.negative_prompts("blurry") == ["hum"]


@pytest.mark.parametrize("name", ["video_text_guidance_scale", "video_bridge_guidance_scale", "video_negative_prompt"])
def test_guidance_of_a_modality_that_is_not_generated_is_refused(name):
    for task in ("text_to_both", "retake", "extend", "video_from_audio", "first_frame"):
        check_guided([name], CLIP_TASKS[task])
    for task, role in (("audio_from_video", "given"), ("audio_alone", "absent")):
        with pytest.raises(UsageError, match=f"{name} has no part where the video is {role}"):
            check_guided(["steps", name], CLIP_TASKS[task])
    with pytest.raises(UsageError, match="bridge_guidance_scale has no part where one modality is absent"):
        check_guided(["bridge_guidance_scale"], CLIP_TASKS["video_alone"])


def test_another_size():
    geometry = of(NANO).changed(frames=17, height=64, width=32).clip_geometry
    assert (geometry.frames, geometry.audio_samples, geometry.audio_latents) == (17, 17_000, 54)
    (canvas,) = geometry.canvases
    assert (canvas.height_px, canvas.width_px) == (64, 32)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"text_guidance_scale": -1.0}, "text_guidance_scale is -1.0"),
        ({"bridge_guidance_scale": float("nan")}, "bridge_guidance_scale is nan"),
        ({"video_shift": 0.0}, "video_shift is 0.0"),
        ({"frames": 32}, r"frames is 32, must be 4k \+ 1"),
        ({"height": 64}, "together"),
        ({"height": 40, "width": 48}, "multiples of 16"),
        ({"target_lufs": 3.0}, "target_lufs is 3.0"),
        ({"stepps": 3}, "stepps"),
        ({"bridge": False, "bridge_guidance_scale": 2.0}, "leave one of the two out"),
        ({"bridge": False, "audio_bridge_guidance_scale": 2.0}, "audio_bridge_guidance_scale has no part"),
        ({"audio_text_guidance_scale": -1.0}, "audio_text_guidance_scale is -1.0"),
        (
            {"guidance_sigma_min": 0.6, "guidance_sigma_max": 0.5},
            "guidance_sigma_min is 0.6 and guidance_sigma_max 0.5",
        ),
        ({"guidance_sigma_max": 1.5}, "guidance_sigma_max is 1.5"),
        ({"guidance_rescale": 1.1}, "guidance_rescale is 1.1"),
        (UNGUIDED | {"guidance_rescale": 0.7}, "guidance_rescale has no part"),
        (UNGUIDED | {"guidance_sigma_min": 0.1}, "guidance_sigma_min has no part"),
        (UNGUIDED | {"audio_negative_prompt": "noise"}, "audio_negative_prompt has no part"),
        (UNGUIDED | {"audio_text_guidance_scale": 2.0, "video_negative_prompt": "noise"}, "video_negative_prompt has"),
        ({"bridge": False, "text_guidance_scale": 1.0, "guidance_rescale": 0.7}, "guidance_rescale has no part"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(changes, sentence):
    with pytest.raises(UsageError, match=sentence) as refused:
        of(NANO).changed(**changes)
    assert "\n" not in str(refused.value)


def test_defaults_of_another_version_are_stale():
    with pytest.raises(StaleError, match=r"generate\.solver"):
        of(NANO | {"solver": "magic"})


def test_settings_need_no_torch():
    script = "import sys, mova_core.sampling.request.request; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
