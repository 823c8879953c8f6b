"""One process: micro-batches, who moves, state that survives a round trip."""

import torch
from torch import nn

from mova_core.params.model import OptimizerParams
from mova_core.training.strategy import single
from mova_core.training.strategy.base import Setup
from mova_core.training.strategy.micro_batch import local_micro_batches
from mova_core.training.strategy.single import SingleProcess

PARAMS = OptimizerParams(warmup_steps=50)
CPU = torch.device("cpu")
ROWS = torch.arange(12.0).view(4, 3)


class Two(nn.Module):
    """Two components, named as two of MOVA's."""

    def __init__(self) -> None:
        super().__init__()
        self.audio_dit, self.dual_tower_bridge = nn.Linear(3, 2), nn.Linear(3, 2)


def opened(micro_batches: int = 1) -> SingleProcess:
    torch.manual_seed(0)
    weights = dict(Two().named_parameters())
    parts = local_micro_batches(micro_batches, 4, 0, 1, CPU)
    return SingleProcess(Setup(Two().to("meta"), weights.__getitem__, PARAMS, parts, CPU))


def step(strategy: SingleProcess, number: int, *names: str) -> None:
    strategy.backward(
        lambda model, part: (sum(model.get_submodule(name)(ROWS[part.rows]).square().mean() for name in names), None)
    )
    strategy.grad_norm()
    strategy.step(number, 1.0)


def test_micro_batches_give_the_gradient_of_the_whole_batch():
    gradients = []
    for micro_batches in (1, 2, 4):
        with opened(micro_batches) as strategy:
            strategy.backward(lambda model, part: (model.audio_dit(ROWS[part.rows]).square().mean(), None))
            gradients.append(strategy.module.audio_dit.weight.grad)
    for other in gradients[1:]:
        torch.testing.assert_close(gradients[0], other)


def test_in_turn_and_side_by_side_are_the_same_bits(monkeypatch):
    gradients = []
    for most in (4, 3):
        monkeypatch.setattr(single, "MOST_AT_ONCE", most)
        with opened(4) as strategy:
            strategy.backward(lambda model, part: (model.audio_dit(ROWS[part.rows]).square().mean(), None))
            gradients.append(strategy.module.audio_dit.weight.grad)
    assert torch.equal(*gradients)


def test_a_component_without_gradients_does_not_move():
    with opened() as strategy:
        step(strategy, 0, "audio_dit", "dual_tower_bridge")
        before = {name: value.clone() for name, value in strategy.state().items()}
        step(strategy, 1, "audio_dit")
        for name, value in strategy.state().items():
            if not name.startswith("ema."):
                assert torch.equal(value, before[name]) == ("dual_tower_bridge" in name), name


def test_a_skipped_step_moves_nothing():
    with opened() as strategy:
        before = {name: value.clone() for name, value in strategy.state().items()}
        strategy.backward(lambda model, part: (model.audio_dit(ROWS[part.rows]).mean(), None))
        strategy.skip()
        after = strategy.state()
        assert after.keys() == before.keys()
        assert all(torch.equal(after[name], value) for name, value in before.items())


def test_training_goes_on_where_its_state_was():
    with opened() as one, opened() as other:
        step(one, 0, "audio_dit", "dual_tower_bridge")
        other.load({name: value.clone() for name, value in one.state().items()})
        for strategy in (one, other):
            step(strategy, 1, "audio_dit", "dual_tower_bridge")
        got, expected = other.state(), one.state()
        assert got.keys() == expected.keys()
        assert all(torch.equal(got[name], value) for name, value in expected.items())


class Elsewhere(nn.Parameter):
    """A parameter that says it lies on another device: a machine without a GPU has but one that computes."""

    device = torch.device("meta")


def test_moments_go_to_the_device_of_their_parameter():
    with opened() as strategy:
        step(strategy, 0, "audio_dit", "dual_tower_bridge")
        saved = {name: value.clone() for name, value in strategy.state().items()}
        bridge = strategy.module.dual_tower_bridge
        bridge.weight = Elsewhere(bridge.weight.data)
        strategy.load(saved)
        for parameter in bridge.parameters():
            devices = {value.device for value in strategy._optimizer.state[parameter].values()}
            assert devices == {parameter.device}


def test_the_average_follows_the_weights():
    with opened() as strategy:
        start = strategy.module.audio_dit.weight.detach().clone()
        step(strategy, 10_000, "audio_dit")
        moved = strategy.module.audio_dit.weight.detach() - start
        torch.testing.assert_close(strategy.average.audio_dit.weight - start, 0.01 * moved, rtol=1e-3, atol=1e-8)
