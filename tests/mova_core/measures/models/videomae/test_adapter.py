"""A video's embedding is that of transformers' VideoMAE on the published inputs, by weights of either spelling."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import VideoMAEConfig, VideoMAEForVideoClassification

from mova_core.errors import UsageError
from mova_core.measures.clip import Unavailable
from mova_core.measures.models.videomae import adapter
from mova_core.measures.models.videomae.adapter import RGB_MEAN, RGB_STD, check, inputs_of, load

SIZES = {"num_hidden_layers": 1, "intermediate_size": 8, "patch_size": 56}


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A width of 8 beside the published ones."""
    monkeypatch.setitem(adapter.HEADS, 8, 2)


def model(mean_pooling=True):
    torch.manual_seed(0)
    config = VideoMAEConfig(hidden_size=8, num_attention_heads=2, use_mean_pooling=mean_pooling, **SIZES)
    return VideoMAEForVideoClassification(config).eval()


def written(folder, state):
    save_file({name: each.contiguous() for name, each in state.items()}, folder / "model.safetensors")
    return folder / "model.safetensors"


def older(state):
    """Names as files before version 5 have them."""
    return {
        name.replace("attention.query.bias", "attention.q_bias").replace(
            "attention.value.bias", "attention.v_bias"
        ): each
        for name, each in state.items()
    }


def moving(count):
    return np.random.default_rng(0).integers(0, 255, (count, 24, 32, 3)).astype(np.uint8)


def numbers(frames):
    """Which frames the inputs hold, for frames whose brightness is their number."""
    taken = torch.stack(list(inputs_of(frames)))
    return (taken[:, :, 0, 0, 0] * RGB_STD[0] + RGB_MEAN[0]).mul(255).round().int().tolist()


@pytest.mark.parametrize(
    ("count", "first_and_last"),
    [
        (16, [(0, 15)]),
        (30, [(0, 15)]),
        (31, [(0, 30)]),
        (61, [(0, 60)]),
        (125, [(0, 60), (64, 124)]),
        (193, [(0, 60), (64, 124), (128, 188)]),
    ],
)
def test_inputs_are_every_fourth_frame_without_overlap(count, first_and_last):
    frames = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    found = numbers(frames)
    assert [len(each) for each in found] == [16] * len(first_and_last)
    assert [(each[0], each[-1]) for each in found] == first_and_last


@pytest.mark.parametrize("spelling", [dict, older])
def test_the_embedding_is_what_the_classifier_is_given(tmp_path, spelling):
    whole = model()
    path = written(tmp_path, spelling(whole.state_dict()))
    check(path)
    frames = moving(130)
    given = []
    whole.classifier.register_forward_hook(lambda _, inputs, __: given.append(inputs[0]))
    with torch.inference_mode():
        whole(torch.stack(list(inputs_of(frames))))
    embedding = load(path).embed_video(frames, 25.0)
    assert embedding.shape == (8,) and embedding.dtype == np.float32
    np.testing.assert_allclose(embedding, given[0].mean(dim=0).numpy(), atol=1e-5)


def test_weights_without_the_last_norm_are_those_of_pre_training(tmp_path):
    path = written(tmp_path, {**model(mean_pooling=False).state_dict(), "mask_token": torch.zeros(1, 1, 4)})
    check(path)
    assert np.isfinite(load(path).embed_video(moving(16), 25.0)).all()


def test_other_weights_are_refused(tmp_path):
    state = model().state_dict()
    with pytest.raises(UsageError, match=r"weights\.videomae\.path .* has no videomae\.embeddings"):
        check(written(tmp_path, {"other": torch.zeros(2)}))
    with pytest.raises(UsageError, match=r"has no fc_norm\.bias"):
        check(written(tmp_path, {name: each for name, each in state.items() if name != "fc_norm.bias"}))
    adapter.HEADS.pop(8)
    with pytest.raises(UsageError, match="is 8 wide, not one of 384, 768, 1024, 1280"):
        check(written(tmp_path, state))


def test_a_short_video_is_unavailable(tmp_path):
    embed = load(written(tmp_path, model().state_dict())).embed_video
    assert embed(moving(1), 25.0) == Unavailable("it has 1 frame, no video")
    assert embed(moving(15), 25.0) == Unavailable("it has 15 frames, and the model needs 16")
