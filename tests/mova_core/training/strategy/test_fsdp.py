"""Fully sharded: what can be seen without a second process."""

import pytest
import torch
import torch.distributed as dist
from torch.distributed.fsdp import FSDPModule
from torch.testing._internal.distributed.fake_pg import FakeStore

from mova_core.errors import UsageError
from mova_core.model.towers.tower_configs import preset_configs
from mova_core.model.weights.blueprint import joint_blueprint
from mova_core.model.weights.fresh import FreshWeights
from mova_core.params import Params
from mova_core.params.model import OptimizerParams, ParallelParams
from mova_core.training.strategy.base import Setup
from mova_core.training.strategy.fsdp import UNITS, FullySharded

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def eight_processes():
    """A process group that answers as if there were seven others."""
    dist.init_process_group("fake", rank=0, world_size=8, store=FakeStore())
    yield
    dist.destroy_process_group()


def sharded(parallel: ParallelParams) -> FullySharded:
    blueprint = joint_blueprint(preset_configs(Params()))
    return FullySharded(parallel, Setup(blueprint, FreshWeights(0, blueprint), OptimizerParams(), (), CPU))


def test_more_processes_than_heads_to_divide_a_clip():
    with pytest.raises(UsageError, match="8 processes divide the heads of attention, the model has 3 at most"):
        sharded(ParallelParams(context=8))


def test_weights_do_not_wait_where_they_compute():
    with pytest.raises(UsageError, match="cpu_offload is true, and this machine computes on its processor"):
        sharded(ParallelParams(shard=8, cpu_offload=True))


def test_every_part_is_sharded_and_holds_its_own_rows():
    strategy = sharded(ParallelParams(shard=8))
    for model in (strategy.module, strategy.average):
        towers = (model.video_dit, model.video_dit_2, model.audio_dit)
        units = [module for module in model.modules() if isinstance(module, UNITS)]
        assert units and all(isinstance(module, FSDPModule) for module in (model, *towers, *units))
    whole = FreshWeights(0, joint_blueprint(preset_configs(Params())))
    for name, parameter in strategy.module.named_parameters():
        assert torch.equal(parameter.detach().to_local(), whole(name).chunk(8)[0]), name
