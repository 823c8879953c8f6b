"""How a batch is cut among processes."""

from types import SimpleNamespace

import pytest
import torch

from mova_core.errors import UsageError
from mova_core.training.parallel import local_micro_batches


def accelerator(processes: int, rank: int = 0, device: str = "cpu") -> SimpleNamespace:
    return SimpleNamespace(num_processes=processes, process_index=rank, device=torch.device(device))


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_every_row_is_computed_once_whatever_the_processes(processes):
    cut = [each for rank in range(processes) for each in local_micro_batches(4, 16, accelerator(processes, rank))]
    assert {each.count for each in cut} == {4}
    assert sorted(row for each in cut for row in range(16)[each.rows]) == list(range(16))


@pytest.mark.parametrize(("micro_batches", "processes"), [(2, 4), (3, 2)])
def test_processes_that_do_not_divide_the_micro_batches(micro_batches, processes):
    """They would cut the batch in another way than one process does, and end in other weights."""
    with pytest.raises(UsageError, match=f"is {micro_batches}, {processes} processes train: expected a multiple of"):
        local_micro_batches(micro_batches, 48, accelerator(processes))


def test_on_a_device_of_its_own_a_process_has_one_micro_batch():
    (mine,) = local_micro_batches(2, 16, accelerator(4, rank=3, device="cuda"))
    assert (mine.index, mine.count) == (3, 4)
