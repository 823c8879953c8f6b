"""What a model computes on: device, dtype and where weights wait; for the whole model, or for a part of it apart.

Light: neither torch nor a driver is asked; `mova_core.devices` does that.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal, Self, get_args

from pydantic import Field, ValidationError, field_validator

from mova_core.errors import UsageError, first_fault
from mova_core.params.section import Section

Memory = Literal["resident", "offload", "group_offload", "fp8"]
PARTS = ("towers", "video_vae", "audio_vae", "text_encoder")
DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
DTYPE = re.compile(r"auto|float32|bfloat16|float16")


class RuntimeParams(Section):
    """Device, dtype and memory of a model that generates. None of it is stored with a model."""

    device: str = Field(
        "auto", description="what computes: auto, cpu, cuda or cuda:1; a part apart: cuda,text_encoder=cpu"
    )
    dtype: str = Field(
        "auto",
        description="of weights: auto (as stored), float32, bfloat16, float16; apart: bfloat16,video_vae=float32",
    )
    memory: Memory = Field(
        "resident",
        description="where weights wait: resident: on the device; offload: a component comes when it is used; "
        "group_offload: a layer comes when it is used; fp8: on the device, the towers' in 8 bits",
    )

    compile: bool = Field(False, description="torch.compile of the towers' blocks: a minute once, then faster steps")

    @field_validator("device")
    @classmethod
    def _devices(cls, value: str) -> str:
        return _checked(value, DEVICE, "auto, cpu, cuda or cuda:N")

    @field_validator("dtype")
    @classmethod
    def _dtypes(cls, value: str) -> str:
        return _checked(value, DTYPE, "auto, float32, bfloat16 or float16")

    def changed(self, **changes: Any) -> Self:
        """The same section with what options ask for.

        Raises:
            UsageError: a value that cannot be.
        """
        try:
            return type(self).model_validate(self.model_dump() | changes)
        except ValidationError as error:
            raise UsageError(first_fault(error)) from None

    @property
    def devices(self) -> set[str]:
        """All that were asked for."""
        return {self.device_of(part) for part in PARTS}

    def device_of(self, part: str) -> str:
        """What was asked for a part of `PARTS`: its own value, or that of the whole model."""
        return _of_part(self.device, part)

    def dtype_of(self, part: str) -> str:
        """Likewise."""
        return _of_part(self.dtype, part)


ON_ANY_DEVICE = RuntimeParams()
RUNTIME_SETTINGS = tuple(RuntimeParams.model_fields)
MEMORY_MODES: Sequence[Memory] = get_args(Memory)


def _checked(value: str, allowed: re.Pattern[str], expected: str) -> str:
    for number, word in enumerate(value.split(",")):
        part, equals, choice = word.rpartition("=")
        if not allowed.fullmatch(choice):
            raise ValueError(f"{choice!r} is unknown, expected {expected}")
        if bool(equals) == (number == 0) or (equals and part not in PARTS):
            raise ValueError(
                f"{word!r} cannot be read, expected one value for the whole model, then PART=VALUE with a PART of "
                f"{', '.join(PARTS)}"
            )
    return value


def _of_part(value: str, part: str) -> str:
    whole, *apart = value.split(",")
    return dict(word.split("=") for word in apart).get(part, whole)
