"""A model on its device: dtype and place of each part, and how weights wait where not all of them fit.

    resident        all weights on the device
    offload         a component comes when it is used; of the text encoder and the two video experts one at a time
    group_offload   a layer comes when it is used
    fp8             resident, the towers' matrices stored in 8 bits and computed with in the towers' dtype
The mechanisms are those of diffusers and accelerate. Where weights wait, the released video codec works by tiles.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import nn

from mova_core.errors import UsageError
from mova_core.model.model_folder import Components, modules_of
from mova_core.model.pretrained.component import Component
from mova_core.model.pretrained.index import TOWER_COMPONENTS
from mova_core.params.runtime import RuntimeParams

STORED_IN_8_BITS = torch.float8_e4m3fn
ONE_AT_A_TIME = ("text_encoder", "video_dit", "video_dit_2")


class Placed(NamedTuple):
    """Where a model was placed.

    Attributes:
        device: where the towers compute.
        release: to be called after a clip, so that what came to the device waits again; None where all weights stay.
    """

    device: torch.device
    release: Callable[[], None] | None


def place(model: Components, runtime: RuntimeParams) -> Placed:
    """Move and cast a model as asked; nano codecs and text, which are not modules, stay on the processor.

    Args:
        model: as it was loaded; its modules are changed.
        runtime: what was asked for.

    Raises:
        UsageError: a device that is not there, or a dtype that it cannot compute in.
    """
    modules = {name: module for name, module in modules_of(model).items() if isinstance(module, nn.Module)}
    devices = {name: _device(runtime.device_of(_part(name))) for name in modules}
    for name, module in modules.items():
        _cast(module, runtime.dtype_of(_part(name)), devices[name])
    computes_on = _device(runtime.device_of("towers"))
    if runtime.compile:
        compile_blocks([cast(Component, modules[name]) for name in TOWER_COMPONENTS], computes_on)
    if runtime.memory == "offload":
        return Placed(computes_on, _offload_components(modules, devices))
    if runtime.memory == "fp8":
        for name in TOWER_COMPONENTS:
            tower = cast(Component, modules[name])
            dtype = next(tower.parameters()).dtype
            tower.enable_layerwise_casting(storage_dtype=STORED_IN_8_BITS, compute_dtype=dtype)
    for name, module in modules.items():
        if runtime.memory == "group_offload":
            offload_layers(module, devices[name])
        elif any(parameter.device != devices[name] for parameter in module.parameters()):
            module.to(devices[name])  # diffusers' own, which first imports its hooks: seconds
    return Placed(computes_on, None)


def by_kind(runtime: RuntimeParams) -> RuntimeParams:
    """The same with each device by its kind here, cpu or cuda: which of equal GPUs computes decides no clip."""
    devices = runtime.device.replace("auto", _device("auto").type)
    return runtime.changed(device=re.sub(r"cuda:\d+", "cuda", devices))


def compile_blocks(components: Sequence[Component], device: torch.device) -> None:
    """Let the blocks of towers and Bridge run compiled; the first step of each size compiles, which takes a minute.

    Every size is compiled for itself: what a process generated before would else change the bits of a clip.

    Raises:
        UsageError: the processor computes, and no C++ compiler is there to compile for it.
    """
    if device.type == "cpu":
        from torch._inductor.cpp_builder import get_cpp_compiler  # seconds to import, and seldom asked for
        from torch._inductor.exc import InvalidCxxCompiler

        try:
            get_cpp_compiler()
        except InvalidCxxCompiler:
            raise UsageError(
                "compile is true, and no C++ compiler is there to compile for the processor: install g++, or leave "
                "compile out"
            ) from None
    for component in components:
        component.compile_repeated_blocks(dynamic=False)


def offload_layers(module: nn.Module, device: torch.device, **options: object) -> None:
    """Let each layer of a module wait on the processor until it is used.

    Args:
        module: one component.
        device: that computes.
        options: of diffusers' `apply_group_offloading`.
    """
    from diffusers.hooks import apply_group_offloading  # seconds to import, and seldom asked for

    use_stream = device.type == "cuda"
    apply = partial(apply_group_offloading, module, onload_device=device, offload_type="leaf_level")
    apply(**{"offload_device": torch.device("cpu"), "use_stream": use_stream, **options})
    _by_tiles(module)


def _offload_components(modules: dict[str, nn.Module], devices: dict[str, torch.device]) -> Callable[[], None]:
    """Let a component come to its device when it is called; of `ONE_AT_A_TIME` it sends the one before it away."""
    from accelerate import cpu_offload_with_hook

    hooks, previous = [], None
    for name in ONE_AT_A_TIME:
        if name in modules:
            _, previous = cpu_offload_with_hook(modules[name], devices[name], prev_module_hook=previous)
            hooks.append(previous)
    for name in modules.keys() - set(ONE_AT_A_TIME):
        hooks.append(cpu_offload_with_hook(modules[name], devices[name])[1])
        _by_tiles(modules[name])

    def release() -> None:
        for hook in hooks:
            hook.offload()

    return release


def _by_tiles(module: nn.Module) -> None:
    if (enable := getattr(module, "enable_tiling", None)) is not None:
        enable()


def _cast(module: nn.Module, dtype: str, device: torch.device) -> None:
    if dtype == "auto":
        return
    wanted = getattr(torch, dtype)
    one = torch.zeros(1, 1, dtype=wanted, device=device)
    try:
        nn.functional.linear(one, one)
    except RuntimeError as error:
        raise UsageError(f"dtype is {dtype}, {device} cannot compute in it ({error}): expected another") from None
    module.to(wanted)


def _device(asked: str) -> torch.device:
    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "cpu"
    elif asked != "cpu" and not torch.cuda.is_available():
        raise UsageError(
            f"device is {asked}, torch {torch.__version__} finds no CUDA: install a torch that does, or ask for cpu"
        )
    return torch.device("cuda:0" if asked == "cuda" else asked)


def _part(component: str) -> str:
    return "towers" if component in TOWER_COMPONENTS else component
