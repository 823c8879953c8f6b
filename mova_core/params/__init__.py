"""`params.yaml` as typed, closed values."""

from mova_core.params.curation import (
    AssessParams,
    CaptionModels,
    CaptionParams,
    CutParams,
    FitCodecParams,
    IngestParams,
    Limits,
    MeasureGroup,
    NearDuplicateParams,
    Phase2Filters,
    Phase3Filters,
    RequestParams,
    Resources,
    SegmentParams,
)
from mova_core.params.load import Params, defaults_of, load_params, params_from, read_values, with_preset
from mova_core.params.model import PHASE_NAMES, PhaseName
from mova_core.params.presets import PRESETS, PresetName
from mova_core.params.registry import Encryption, RegistryParams
from mova_core.params.weights import Weights, WeightsParams

__all__ = [
    "PHASE_NAMES",
    "PRESETS",
    "AssessParams",
    "CaptionModels",
    "CaptionParams",
    "CutParams",
    "Encryption",
    "FitCodecParams",
    "IngestParams",
    "Limits",
    "MeasureGroup",
    "NearDuplicateParams",
    "Params",
    "Phase2Filters",
    "Phase3Filters",
    "PhaseName",
    "PresetName",
    "RegistryParams",
    "RequestParams",
    "Resources",
    "SegmentParams",
    "Weights",
    "WeightsParams",
    "defaults_of",
    "load_params",
    "params_from",
    "read_values",
    "with_preset",
]
