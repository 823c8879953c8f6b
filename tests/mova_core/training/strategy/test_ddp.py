"""Data parallel: what can be seen without a second process."""

import pytest
import torch
import torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore

from mova_core.errors import UsageError
from mova_core.model.tower_configs import preset_configs
from mova_core.model.weights.blueprint import joint_blueprint
from mova_core.params import Params
from mova_core.params.model import OptimizerParams
from mova_core.training.strategy.ddp import DataParallel


@pytest.fixture
def eight_processes():
    """A process group that answers as if there were seven others."""
    dist.init_process_group("fake", rank=0, world_size=8, store=FakeStore())
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("eight_processes")
def test_more_processes_than_heads_to_divide_a_clip():
    blueprint = joint_blueprint(preset_configs(Params()))
    with pytest.raises(UsageError, match="8 processes divide the heads of attention, the model has 3 at most"):
        DataParallel(8, blueprint, {}.__getitem__, OptimizerParams(), (), torch.device("cpu"))
