"""A folder's defaults, what a request may change, and what is refused."""

import subprocess
import sys

import pytest

from mova_core.errors import StaleError, UsageError
from mova_core.model.pretrained.index import FolderIndex
from mova_core.sampling.settings import GenerateSettings

NANO = {"geometry": "nano-48", "steps": 8, "keep_first_latent": True}


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
    script = "import sys, mova_core.sampling.request; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
