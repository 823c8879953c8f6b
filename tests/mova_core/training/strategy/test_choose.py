"""Which layout params and processes give."""

import pytest
import torch
from torch import nn

from mova_core.errors import UsageError
from mova_core.params.model import ParallelParams, TrainParams
from mova_core.training.strategy.choose import Mesh, open_strategy


def test_processes_of_one_context_group_are_one_data_rank():
    ranks = [Mesh.of(ParallelParams(context=2), 4, rank) for rank in range(4)]
    assert [mesh.data_rank for mesh in ranks] == [0, 0, 1, 1]
    assert {mesh.data_ranks for mesh in ranks} == {2}


def test_processes_that_do_not_fill_the_grid():
    with pytest.raises(UsageError, match=r"asks for 2 x 1 x 1 processes .*, 3 were started"):
        Mesh.of(ParallelParams(replicate=2), 3, 0)


@pytest.mark.parametrize(
    ("layout", "reason"),
    [({"backend": "zero2"}, "expected torch: DeepSpeed's"), ({"cpu_offload": True}, "only weights held in parts")],
)
def test_a_layout_that_is_not_there_is_refused(layout, reason):
    params = TrainParams(parallel=ParallelParams.model_validate(layout))
    with pytest.raises(UsageError, match=reason):
        open_strategy(params, nn.Linear(1, 1), lambda _: torch.zeros(1), 4)
