"""How a batch is cut among processes."""

import pytest
import torch

from mova_core.errors import UsageError
from mova_core.training.strategy.micro_batch import local_micro_batches

CPU = torch.device("cpu")


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_every_row_is_computed_once_whatever_the_processes(processes):
    cut = [each for rank in range(processes) for each in local_micro_batches(4, 16, rank, processes, CPU)]
    assert {each.count for each in cut} == {4}
    assert sorted(row for each in cut for row in range(16)[each.rows]) == list(range(16))


@pytest.mark.parametrize(("micro_batches", "processes"), [(2, 4), (3, 2)])
def test_processes_that_do_not_divide_the_micro_batches(micro_batches, processes):
    """They would cut the batch in another way than one process does, and end in other weights."""
    with pytest.raises(UsageError, match=f"is {micro_batches}, {processes} data ranks train: expected a multiple of"):
        local_micro_batches(micro_batches, 48, 0, processes, CPU)
