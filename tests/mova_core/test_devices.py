"""A GPU that is not there is refused; the driver is asked, or stood in for by the C library where there is none."""

import pytest

from mova_core import devices
from mova_core.errors import UsageError


def test_as_many_as_torch_finds():
    import torch

    if torch.version.cuda is None and devices.gpu_count():
        pytest.skip("this torch has no CUDA, the machine has a GPU")
    assert devices.gpu_count() == torch.cuda.device_count()


def test_a_machine_without_a_driver(monkeypatch):
    monkeypatch.setattr(devices, "DRIVERS", (("libnone-of-this-name.so", "start", "count"),))
    devices.check_there(["auto", "cpu"])
    with pytest.raises(UsageError, match="device is cuda, this machine has no GPU whose driver answers"):
        devices.check_there(["cpu", "cuda"])


def test_a_gpu_beyond_those_that_are_there(monkeypatch):
    monkeypatch.setattr(devices, "gpu_count", lambda: 2)
    devices.check_there(["cuda", "cuda:1"])
    with pytest.raises(UsageError, match="device is cuda:2, this machine has 2, cuda:0 to cuda:1"):
        devices.check_there(["cuda:2"])


@pytest.mark.parametrize(
    ("asked", "gpus", "beside"), [("cpu", 2, "cpu"), ("auto", 0, "cpu"), ("auto", 2, "cuda:1"), ("cuda:1", 3, "cuda:2")]
)
def test_the_device_beside(monkeypatch, asked, gpus, beside):
    monkeypatch.setattr(devices, "gpu_count", lambda: gpus)
    assert devices.device_beside(asked) == beside


@pytest.mark.parametrize(("asked", "gpus"), [("auto", 1), ("cuda", 1), ("cuda:1", 2)])
def test_no_device_is_beside_the_last_gpu(monkeypatch, asked, gpus):
    monkeypatch.setattr(devices, "gpu_count", lambda: gpus)
    with pytest.raises(UsageError, match=f"the next, cuda:{gpus}, and this machine has {gpus}"):
        devices.device_beside(asked)
