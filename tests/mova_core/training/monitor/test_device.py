import pytest
import torch

from mova_core.params.model import TrainParams
from mova_core.plan.hardware import accelerator_named
from mova_core.training.monitor import device

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("driver", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA GeForce RTX 4090", None),
    ],
)
def test_an_accelerator_is_known_by_the_name_its_driver_gives(driver, name):
    found = accelerator_named(driver)
    assert (found.name if found else None) == name


def test_the_peak_is_of_all_devices_in_the_precision_of_the_computation(monkeypatch):
    asked = []
    monkeypatch.setattr(device, "core_flops_per_s", lambda dtype: asked.append(dtype) or 10.0)
    monkeypatch.setattr(device.os, "cpu_count", lambda: 4)
    assert device.peak_flops(CPU, TrainParams(micro_batches=2)) == 20
    assert device.peak_flops(CPU, TrainParams(micro_batches=8, precision="bfloat16")) == 40
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert device.peak_flops(CPU, TrainParams(micro_batches=8)) == 80  # a core each
    assert asked == [torch.float32, torch.bfloat16, torch.float32]

    gpu = torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda of: "NVIDIA H100 80GB HBM3")
    assert device.peak_flops(gpu, TrainParams(precision="bfloat16")) == 8 * 989.4e12
    assert device.peak_flops(gpu, TrainParams()) == 4 * 989.4e12
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda of: "another")
    assert device.peak_flops(gpu, TrainParams()) is None


def test_memory_is_what_this_process_held():
    assert 50e6 < device.memory_bytes(CPU) < 1e12
