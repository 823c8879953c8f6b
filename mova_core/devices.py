"""Which GPUs this machine has, asked of their driver: torch takes seconds to import, a refusal should not."""

import ctypes
from collections.abc import Iterable

from mova_core.errors import UsageError

# Library, function that starts it, function that counts: NVIDIA's driver, AMD's runtime.
DRIVERS = (("libcuda.so.1", "cuInit", "cuDeviceGetCount"), ("libamdhip64.so", "hipInit", "hipGetDeviceCount"))


def gpu_count() -> int:
    """GPUs that torch would call cuda:0 and on; 0 where there is no driver or it finds none."""
    for library, start, count in DRIVERS:
        try:
            driver = ctypes.CDLL(library)
        except OSError:
            continue
        found = ctypes.c_int(0)
        if getattr(driver, start)(0) == 0 and getattr(driver, count)(ctypes.byref(found)) == 0:
            return found.value
    return 0


def device_beside(device: str) -> str:
    """The device of a second process beside one on this device: the next GPU; the processor for the processor.

    Args:
        device: auto, cpu, cuda or cuda:N.

    Raises:
        UsageError: there is no other GPU.
    """
    count = gpu_count()
    if device == "cpu" or (device == "auto" and not count):
        return "cpu"
    beside = int(device.partition(":")[2] or 0) + 1
    if beside >= count:
        raise UsageError(
            f"two processes work on two GPUs, the one asked for and the next, cuda:{beside}, and this machine has "
            f"{count}: ask for another device, or for one process"
        )
    return f"cuda:{beside}"


def check_there(devices: Iterable[str]) -> None:
    """Refuse a GPU that is not there.

    Args:
        devices: auto, cpu, cuda or cuda:N.

    Raises:
        UsageError: a GPU was asked for, and this machine has none, or fewer.
    """
    for device in devices:
        kind, _, index = device.partition(":")
        if kind == "cuda" and int(index or 0) >= (count := gpu_count()):
            there = "has no GPU whose driver answers" if not count else f"has {count}, cuda:0 to cuda:{count - 1}"
            raise UsageError(f"device is {device}, this machine {there}: expected auto, cpu or a GPU that is there")
