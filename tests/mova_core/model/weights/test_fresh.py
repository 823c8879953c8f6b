"""Fresh weights: the same for the same seed and name whatever else is built, and drawn as PyTorch's layers draw."""

import pytest
import torch
from torch import nn

from mova_core.model.towers.tower_configs import preset_configs
from mova_core.model.weights.blueprint import audio_blueprint, joint_blueprint
from mova_core.model.weights.fresh import FreshWeights, preset_dual_tower
from mova_core.params import PRESETS, Params, defaults_of, params_from

CONFIGS = preset_configs(Params())


@pytest.fixture(scope="module")
def towers():
    return preset_dual_tower(Params(seed=1))


def test_a_start_depends_on_seed_and_name_alone(towers):
    alone = audio_blueprint(CONFIGS["audio_dit"])
    weights, other = FreshWeights(1, alone), FreshWeights(2, alone)
    names = [name for name, _ in alone.named_parameters()]
    whole = towers.state_dict()
    assert all(torch.equal(weights(name), whole[name]) for name in reversed(names))
    assert not torch.equal(other("audio_dit.head.head.weight"), whole["audio_dit.head.head.weight"])


def test_torchs_own_generator_is_left_alone():
    before = torch.get_rng_state()
    preset_dual_tower(Params())
    assert torch.equal(before, torch.get_rng_state())


def test_both_experts_start_alike(towers):
    high, low = towers.video_dit.state_dict(), towers.video_dit_2.state_dict()
    assert all(torch.equal(high[key], low[key]) for key in high)


def test_the_bridges_outputs_start_at_zero(towers):
    outputs = {name: weight for name, weight in towers.named_parameters() if ".inner.o." in name}
    assert len(outputs) == 2 * 2 * 4  # directions, weight and bias, layers
    assert not any(weight.any() for weight in outputs.values())


def test_weights_are_drawn_as_torchs_layers_draw_them(towers):
    """Bounds and spread of a uniform distribution, seen on the largest layers, and the norms' constants."""
    tower = towers.audio_dit
    for layer, inputs in ((tower.blocks[0].ffn[2], 384), (tower.patch_embedding, 16 * 4)):
        bound = inputs**-0.5
        assert layer.weight.abs().max() <= bound
        assert layer.bias.abs().max() <= bound
        assert float(layer.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.02)
    assert float(tower.blocks[1].modulation.detach().std()) == pytest.approx(96**-0.5, rel=0.1)
    norms = [module for module in towers.modules() if isinstance(module, nn.LayerNorm | nn.RMSNorm)]
    assert all(bool((norm.weight == 1).all()) for norm in norms if norm.weight is not None)
    assert not any(norm.bias.any() for norm in norms if getattr(norm, "bias", None) is not None)
    drawn = [weight for name, weight in tower.named_parameters() if name.endswith(".q.weight")]
    assert not any(torch.equal(drawn[0], other) for other in drawn[1:])


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_start_fresh(preset):
    """At its full size, without memory for it: one parameter at a time is drawn."""
    blueprint = joint_blueprint(preset_configs(params_from(defaults_of(preset))))
    weights = FreshWeights(0, blueprint)
    assert all(parameter.is_meta for parameter in blueprint.parameters())
    for name in ("video_dit_2.head.modulation", "audio_dit.patch_embedding.bias"):
        assert weights(name).shape == blueprint.get_parameter(name).shape
