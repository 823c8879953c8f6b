"""What a preset chooses, and how it fills in what a file leaves out."""

import pytest

from mova_core.errors import UsageError
from mova_core.geometry import GEOMETRIES
from mova_core.params import PHASE_NAMES, PRESETS, Params, defaults_of, load_params, params_from, with_preset

MOVA = [name for name in PRESETS if name != "nano"]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_valid_choice_of_known_geometries(preset):
    params = params_from({"preset": preset})
    assert [geometry.name for geometry in params.geometries] == list(PRESETS[preset].geometries)
    assert set(PRESETS[preset].geometries) <= GEOMETRIES.keys()


@pytest.mark.parametrize("preset", MOVA)
def test_the_mova_presets_are_the_reports_recipe(preset):
    """MOVA report (arXiv:2602.08794), section 3: the table of phases; the loss of section 1."""
    train = params_from({"preset": preset}).train
    joint = [train.phase1, train.phase2, train.phase3]
    assert (train.loss.video_weight, train.loss.audio_weight, train.loss.first_latent_weight) == (1.0, 0.2, 1.0)
    assert (train.optimizer.lr, train.optimizer.lr * train.optimizer.bridge_lr_factor) == (1e-5, 2e-5)
    assert train.optimizer.weight_decay == 0.001
    assert [(phase.video_shift, phase.audio_shift) for phase in joint] == [(5, 1), (5, 5), (5, 5)]
    assert [phase.text_dropout for phase in joint] == [0.5, 0.2, 0.2]
    assert [phase.normalize_loudness for phase in joint] == [False, True, True]
    assert [phase.batch for phase in joint] == [128, 128, 64]


@pytest.mark.parametrize("preset", MOVA)
def test_the_mova_presets_have_the_released_sizes_and_sampler(preset):
    params = params_from({"preset": preset})
    video, audio = params.train.model.video, params.train.model.audio
    assert (video.width, video.heads, video.layers, video.mlp_width) == (5120, 40, 40, 13824)
    assert (audio.width, audio.heads, audio.layers, audio.mlp_width) == (1536, 12, 30, 8960)
    generate = params.generate
    assert (generate.steps, generate.text_guidance_scale, generate.bridge_guidance_scale) == (50, 5.0, 3.5)
    assert (generate.video_shift, generate.audio_shift) == (5.0, 5.0)


def test_nano_is_the_classes_defaults():
    assert PRESETS["nano"].values == {}
    assert params_from({}) == Params() == params_from({"preset": "nano"})


def test_what_is_given_goes_before_the_preset():
    params = params_from({"preset": "mova-360p", "train": {"optimizer": {"lr": 3e-4}, "phase1": {"steps": 9}}})
    assert (params.train.optimizer.lr, params.train.phase1.steps, params.train.phase1.batch) == (3e-4, 9, 128)


def test_another_preset_replaces_what_only_repeats_the_one_before():
    values = defaults_of("nano")
    values["train"]["optimizer"]["lr"] = 0.002
    values["encode"]["target_lufs"] = -20.0
    changed = with_preset(values, "mova-720p")
    expected = defaults_of("mova-720p")
    expected["train"]["optimizer"]["lr"] = 0.002
    expected["encode"]["target_lufs"] = -20.0
    assert params_from(changed) == params_from(expected)
    assert params_from(with_preset(changed, "nano")) == params_from(values)


def test_nano_takes_no_weights_of_another_preset(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("preset: mova-360p\nencode: {weights: models/MOVA-360p}\n")
    assert load_params(file, "mova-720p").encode.weights == "models/MOVA-360p"
    assert load_params(file, "nano") == params_from({"encode": {"geometries": ["nano-32", "nano-48"]}})
    with pytest.raises(UsageError, match="preset is 'mega', expected one of nano, mova-360p, mova-720p"):
        load_params(file, "mega")


def test_every_phase_has_a_section_of_train_and_of_select():
    for section in (Params().train, Params().select):
        assert [name for name in type(section).model_fields if name in PHASE_NAMES] == list(PHASE_NAMES)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            {"video": {"width": 100}},
            "100 in 3 heads gives 33.3333 channels a head, expected an even number",
        ),
        ({"audio": {"heads": 1}}, "a video head has 32 channels and an audio head 96: expected the same"),
        ({"video": {"width": 12}}, "gives 4 channels a head, expected an even number"),
    ],
)
def test_sizes_that_cannot_be(model, sentence):
    with pytest.raises(UsageError, match=sentence):
        params_from({"train": {"model": model}})


@pytest.mark.parametrize("preset", MOVA)
@pytest.mark.parametrize("phase", PHASE_NAMES)
def test_the_published_layouts_are_not_refused_for_the_micro_batches(preset, phase):
    """128 nodes of 8 GPUs, of which 8 or 16 share a clip: a clip a data rank, whatever the phase's batch."""
    from mova_core.training.strategy.layout import check_micro_batches

    train = params_from({"preset": preset}).train
    batch = getattr(train, phase).batch
    assert train.micro_batches_of(batch) == batch
    check_micro_batches(train.micro_batches_of(batch), batch, batch)
