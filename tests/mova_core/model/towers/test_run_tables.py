"""What is computed once a run gives the bits that every step would have computed, and is not taken for another run."""

import pytest
import torch

from mova_core.errors import ShapeError
from mova_core.model.towers.bridge import BRIDGE_OFF, BRIDGE_ON, BridgeScale
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params

B, FPS = 3, 16.0


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=str)
def towers(request):
    made = preset_dual_tower(Params(seed=3)).to(request.param).eval()
    generator = torch.Generator().manual_seed(3)
    for name, parameter in made.dual_tower_bridge.named_parameters():
        if ".inner.o." in name:  # zero at first
            parameter.data.normal_(std=0.1, generator=generator)
    return made


def latents(frames=3, batch=B):
    generator = torch.Generator().manual_seed(5)
    video = torch.randn(batch, 16, frames, 4, 6, generator=generator)
    return LatentPair(video, torch.randn(batch, 16, 32, generator=generator))


def velocity(towers, text, *, noisy=None, expert="video_dit", fps=FPS, scale=BRIDGE_ON):
    noisy = noisy or latents()
    condition = torch.ones(len(noisy.video), 20, *noisy.video.shape[2:])
    timestep_B2 = torch.full((len(noisy.video), 2), 500.0)
    with torch.no_grad():
        return towers(noisy, timestep_B2, condition, text, expert=expert, video_fps=fps, bridge_scale=scale)


def texts(seed=7, batch=B):
    return torch.randn(batch, 6, 64, generator=torch.Generator().manual_seed(seed))


def tables(towers, expert="video_dit", **options):
    with torch.no_grad():
        return towers.tables(latents(), texts(), expert=expert, video_fps=FPS, **options)


@pytest.mark.parametrize("scale", [BRIDGE_ON, BRIDGE_OFF, BridgeScale(first=1), BridgeScale(0.5, 0.0)], ids=str)
@pytest.mark.parametrize("expert", ["video_dit", "video_dit_2"])
def test_a_step_with_them_is_the_step_without_bit_for_bit(towers, expert, scale):
    once = tables(towers, expert)
    plain = velocity(towers, texts(), expert=expert, scale=scale)
    for _ in range(2):  # a step leaves them as they are
        ours = velocity(towers, once, expert=expert, scale=scale)
        assert torch.equal(ours.video, plain.video) and torch.equal(ours.audio, plain.audio)


def test_a_step_does_not_touch_the_text_again(towers):
    once, touched = tables(towers), []
    for tower in (towers.video_dit, towers.audio_dit):
        for module in (tower.text_embedding, *(block.cross_attn.k for block in tower.blocks)):
            module.register_forward_hook(lambda *_: touched.append(1))
    velocity(towers, once)
    assert not touched
    velocity(towers, texts())
    assert touched


def test_modules_keep_nothing_of_a_run(towers):
    """Other weights, or another text, after tables were made: what is computed is theirs."""
    tables(towers)
    before = velocity(towers, texts(seed=8))
    with torch.no_grad():
        for block in towers.video_dit.blocks:
            block.cross_attn.v.weight.mul_(-1)
    after = velocity(towers, texts(seed=8))
    assert not torch.equal(before.video, after.video)


@pytest.mark.parametrize(
    "step",
    [{"expert": "video_dit_2"}, {"fps": 24.0}, {"noisy": latents(frames=4)}, {"noisy": latents(batch=2)}],
    ids=["expert", "frame rate", "grid", "batch"],
)
def test_they_are_refused_for_another_step(towers, step):
    with pytest.raises(ShapeError, match="the run's tables are for"):
        velocity(towers, tables(towers), **step)
