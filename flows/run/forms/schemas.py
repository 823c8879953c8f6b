"""Run form schemas: fields that several flows share, typed and with help."""

from typing import Any

from prefect import Flow
from pydantic import BaseModel, Field


class Advanced(BaseModel):
    """What rarely needs a change."""

    workers: int = Field(default=0, ge=0, title="Workers", description="Processes at once; 0 = one per processor.")
    clips: int = Field(default=1000, ge=1, title="Synthetic clips", description="About how many there should be.")
    seed: int = Field(default=0, ge=0, title="Seed of synthetic footage", description="Same seed, same files.")


def without_arguments(flow: Flow[..., Any]) -> None:
    """Leave the list of arguments out of a flow's description: the form shows each beside its field."""
    flow.description = (flow.description or "").partition("\n\nArgs:")[0]
