"""One thread: the models here are so small that a second one only waits."""

import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def single_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
