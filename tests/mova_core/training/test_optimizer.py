"""Course of the learning rate, groups, and moments that survive a round trip."""

import pytest
import torch
from torch import nn

from mova_core.params.model import OptimizerParams
from mova_core.training.ema import Ema
from mova_core.training.optimizer import lr_multiplier, make_optimizer, moments, set_lr, set_moments

PARAMS = OptimizerParams(warmup_steps=50)


def test_course_of_the_learning_rate():
    course = [lr_multiplier(step, 1000, PARAMS, end=0.2) for step in range(1000)]
    assert course[0] == pytest.approx(1 / 51)
    assert course[50:601] == [1.0] * 551
    assert course[800] == pytest.approx(1 - 0.8 * 200 / 399)
    assert course[999] == pytest.approx(0.2)
    assert course[600:] == sorted(course[600:], reverse=True)


@pytest.mark.parametrize("steps", [1, 2, 40])
def test_short_runs_have_a_course_too(steps):
    assert all(0 < lr_multiplier(step, steps, PARAMS, end=0.0) <= 1 for step in range(steps))


def components() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {"audio_dit": nn.Linear(3, 2), "dual_tower_bridge": nn.Linear(2, 2)}


def step(optimizer: torch.optim.Optimizer, parts: dict[str, nn.Module], names: tuple[str, ...]) -> None:
    for name in names:
        parts[name](torch.ones(1, parts[name].in_features)).sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def test_the_bridge_learns_twice_as_fast():
    optimizer = make_optimizer(components(), PARAMS)
    set_lr(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5 * 1.5e-3, 1.5e-3]


def test_a_component_without_gradients_does_not_move():
    parts = components()
    optimizer = make_optimizer(parts, PARAMS)
    step(optimizer, parts, ("audio_dit", "dual_tower_bridge"))
    before = {name: value.clone() for name, value in moments(optimizer, parts).items()}
    weights = parts["dual_tower_bridge"].weight.clone()
    step(optimizer, parts, ("audio_dit",))
    after = moments(optimizer, parts)
    for name, value in before.items():
        assert torch.equal(value, after[name]) == name.startswith("dual_tower_bridge"), name
    assert torch.equal(weights, parts["dual_tower_bridge"].weight)


def test_moments_go_on_where_they_were():
    parts, twin = components(), components()
    optimizer, other = make_optimizer(parts, PARAMS), make_optimizer(twin, PARAMS)
    step(optimizer, parts, tuple(parts))
    for name, part in parts.items():
        twin[name].load_state_dict(part.state_dict())
    set_moments(other, twin, moments(optimizer, parts))
    step(optimizer, parts, tuple(parts))
    step(other, twin, tuple(twin))
    for name, part in parts.items():
        assert torch.equal(part.weight, twin[name].weight)


class Elsewhere(nn.Parameter):
    """A parameter that says it lies on another device: a machine without a GPU has but one that computes."""

    device = torch.device("meta")


def test_moments_go_to_the_device_of_their_parameter():
    parts = components()
    optimizer = make_optimizer(parts, PARAMS)
    step(optimizer, parts, tuple(parts))
    saved = moments(optimizer, parts)
    parts["dual_tower_bridge"].weight = Elsewhere(parts["dual_tower_bridge"].weight.data)
    other = make_optimizer(components(), PARAMS)
    set_moments(other, parts, saved)
    for name, part in parts.items():
        for parameter in part.parameters():
            devices = {value.device for value in other.state[parameter].values()}
            assert devices == {parameter.device}, name


def test_the_average_follows_the_weights_that_learn():
    model = nn.ModuleDict({"learns": nn.Linear(1, 1, bias=False), "rests": nn.Linear(1, 1, bias=False)})
    nn.init.zeros_(model["learns"].weight)
    average = Ema(model, 0.99, ["learns"])
    nn.init.ones_(model["learns"].weight)
    average.update(model, step=10_000)
    assert average.model["learns"].weight.item() == pytest.approx(0.01)
    assert torch.equal(average.model["rests"].weight, model["rests"].weight)
    assert average.decay_at(0) == pytest.approx(0.1)  # early steps forget the start
