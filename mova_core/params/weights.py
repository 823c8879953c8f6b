"""Section `weights` of `params.yaml`: models that measure, whose weights the user brings.

`assess` filters clips by them and `evaluate` measures with them (`measures/models/table.py`).
"""

from typing import ClassVar

from pydantic import Field

from mova_core.params.section import Section


class Weights(Section):
    """A model's weights that the user brings: trusted only with the sha256 that is stated here."""

    on_one_line: ClassVar[bool] = True

    path: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class WeightsParams(Section):
    """Models that measure; without weights their measures are unavailable."""

    audiobox: Weights | None = None
    dover: Weights | None = None
    imagebind: Weights | None = None
    synchformer: Weights | None = None
    syncnet: Weights | None = None
    eat: Weights | None = None
    pyannote: Weights | None = None
    panns: Weights | None = None
    clap: Weights | None = None
    videomae: Weights | None = None
