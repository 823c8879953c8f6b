"""The nano model: its sizes, and that its text and batches behave."""

import torch

from mova_core.geometry import GEOMETRIES
from mova_core.model.text.nano_text import NanoText
from mova_core.model.text.padding import pad_context
from mova_core.model.text.prompt import NANO_CONTEXT_LENGTH
from mova_core.model.towers.bridge import BRIDGE_OFF, BRIDGE_ON
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params


def forward(towers, geometry, bridge_scale=BRIDGE_ON):
    generator = torch.Generator().manual_seed(0)
    (canvas,) = geometry.canvases
    grid = geometry.latent_frames, canvas.latent_height, canvas.latent_width
    noisy = LatentPair(
        torch.randn(2, 16, *grid, generator=generator), torch.randn(2, 16, geometry.audio_latents, generator=generator)
    )
    timestep = torch.tensor([[900.0, 300.0], [20.0, 999.0]])
    condition, context = torch.randn(2, 20, *grid, generator=generator), NanoText().encode(["a", "b"])
    options = {"expert": "video_dit", "video_fps": float(geometry.fps), "bridge_scale": bridge_scale}
    with torch.no_grad():
        return towers(noisy, timestep, condition, context, **options)


def test_the_same_weights_run_at_both_sizes():
    towers = preset_dual_tower(Params())
    for name, shape in (("nano-32", (2, 16, 9, 4, 4)), ("nano-48", (2, 16, 9, 6, 6))):
        velocity = forward(towers, GEOMETRIES[name])
        assert velocity.video.shape == shape
        assert velocity.audio.shape == (2, 16, 104)


def test_the_bridge_sits_on_the_audio_tokens_clock():
    bridge = preset_dual_tower(Params()).dual_tower_bridge
    assert bridge.audio_fps == 12.5
    torch.testing.assert_close(bridge.video_positions(3, 16.0), torch.tensor([0.0, 3.125, 6.25]))


def test_the_bridge_starts_silent():
    towers = preset_dual_tower(Params())
    on, off = (forward(towers, GEOMETRIES["nano-32"], scale) for scale in (BRIDGE_ON, BRIDGE_OFF))
    assert torch.equal(on.video, off.video)
    assert torch.equal(on.audio, off.audio)


def test_every_weight_gets_a_gradient_but_the_idle_experts():
    towers = preset_dual_tower(Params())
    with torch.no_grad():
        for name, parameter in towers.named_parameters():
            if ".inner.o." in name:
                parameter.add_(0.1)
    geometry = GEOMETRIES["nano-32"]
    noisy = LatentPair(torch.randn(1, 16, 9, 4, 4), torch.randn(1, 16, geometry.audio_latents))
    velocity = towers(
        noisy,
        torch.tensor([[500.0, 500.0]]),
        torch.randn(1, 20, 9, 4, 4),
        NanoText().encode(["x"]),
        expert="video_dit",
        video_fps=16.0,
    )
    (velocity.video.square().mean() + velocity.audio.square().mean()).backward()
    without = {name.split(".")[0] for name, parameter in towers.named_parameters() if parameter.grad is None}
    assert without == {"video_dit_2"}


def test_contexts_have_one_length_and_keep_the_end():
    text = NanoText()
    contexts = text.encode(["", "a red ball", "x" * 500])
    assert contexts.shape == (3, NANO_CONTEXT_LENGTH, 64)
    end = text.encoder.encode("")[0]
    assert torch.equal(contexts[0, 0], end)
    assert not contexts[0, 1:].any()
    assert torch.equal(contexts[1, 10], end)
    assert torch.equal(contexts[2, -1], end)
    assert text.count_tokens("a red ball") == 11
    torch.testing.assert_close(pad_context(contexts[1], NANO_CONTEXT_LENGTH), contexts[1])
