"""Which layout params and processes give."""

import pytest
import torch
from torch import nn

from mova_core.errors import UsageError
from mova_core.params.model import ParallelParams, TrainParams
from mova_core.training.strategy.choose import open_strategy
from mova_core.training.strategy.layout import Layout


def test_processes_of_one_context_group_are_one_data_rank():
    layout = Layout.of(ParallelParams(context=2), 4)
    assert [layout.data_rank(rank) for rank in range(4)] == [0, 0, 1, 1]
    assert layout.data_ranks == 2


def test_processes_that_do_not_fill_the_grid():
    with pytest.raises(UsageError, match=r"asks for 2 x 1 x 1 processes .*, 3 were started"):
        Layout.of(ParallelParams(replicate=2), 3)


def test_kept_matrix_products_that_change_are_refused(monkeypatch):
    """Measured: losses off by 1e-3, because DeepSpeed adds a bias in place."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    params = TrainParams(parallel=ParallelParams(backend="zero3"), activation_checkpointing="selective")
    with pytest.raises(UsageError, match="selective with backend zero3"):
        open_strategy(params, nn.Linear(1, 1), lambda _: torch.zeros(1), 4)


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        ({"backend": "zero2"}, "zero2 in one process, which leaves nothing to divide"),
        ({"backend": "zero3", "shard": 2}, "zero3 with shard 2, context 1, cpu_offload false: DeepSpeed divides"),
        ({"backend": "zero1", "cpu_offload": True}, "zero1 with shard 1, context 1, cpu_offload true"),
        ({"cpu_offload": True}, "only weights held in parts"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(layout, reason):
    params = TrainParams(parallel=ParallelParams.model_validate(layout))
    with pytest.raises(UsageError, match=reason):
        open_strategy(params, nn.Linear(1, 1), lambda _: torch.zeros(1), 4)
