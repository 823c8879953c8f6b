"""`params.yaml` as typed, closed values: an unknown key or an impossible value is refused before anything heavy loads.

One class per section; a section, its CLI command and its DVC stage carry the same name. `preset` chooses the clip
geometries and codecs, and every value that the file leaves out.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from mova_core.errors import UsageError, first_fault
from mova_core.geometry import GEOMETRIES, ClipGeometry
from mova_core.params.curation import (
    AssessParams,
    CaptionParams,
    ContractParams,
    CutParams,
    EncodeParams,
    EngineParams,
    FitCodecParams,
    IngestParams,
    Limits,
    SegmentParams,
)
from mova_core.params.evaluation import EvaluateParams, SelectParams
from mova_core.params.generate import GenerateParams
from mova_core.params.model import ServeParams, TrainParams
from mova_core.params.nested import merged, without
from mova_core.params.presets import DEFAULT_PRESET, PRESETS, PresetName, preset_named
from mova_core.params.promotion import PromoteParams
from mova_core.params.registry import RegistryParams
from mova_core.params.section import Section
from mova_core.params.speech import SpeechParams
from mova_core.params.weights import WeightsParams
from mova_core.places import PARAMS


class Params(Section):
    """The whole file."""

    preset: PresetName = Field(DEFAULT_PRESET, description=" | ".join(PRESETS))
    seed: int = Field(0, ge=0)
    limits: Limits = Field(Limits(), description="what one untrusted file may cost a worker")
    engine: EngineParams = Field(
        EngineParams(),
        description="what one worker of a step holds, the same for --engine local and ray; null = as limits says",
    )
    ingest: IngestParams = IngestParams()
    segment: SegmentParams = SegmentParams()
    cut: CutParams = CutParams()
    assess: AssessParams = AssessParams()
    weights: WeightsParams = Field(
        WeightsParams(), description="of models that measure: {path: FILE, sha256: DIGEST} each"
    )
    speech: SpeechParams = Field(
        SpeechParams(), description="models that say who speaks when, and what; else MOVA_ASR_URL may name an endpoint"
    )
    caption: CaptionParams = CaptionParams()
    fit_codec: FitCodecParams = FitCodecParams()
    encode: EncodeParams = EncodeParams()
    contract: ContractParams = ContractParams()
    train: TrainParams = TrainParams()
    generate: GenerateParams = Field(
        GenerateParams(), description="how a model generates unless a request says otherwise"
    )
    evaluate: EvaluateParams = EvaluateParams()
    select: SelectParams = Field(
        SelectParams(), description="gates: a phase whose checkpoint misses one hands nothing on; null asks nothing"
    )
    promote: PromoteParams = Field(
        PromoteParams(), description="what an alias asks of a candidate that passed its gates, beside its champion"
    )
    serve: ServeParams = Field(ServeParams(), description="none of it changes a clip")
    registry: RegistryParams = Field(RegistryParams(), description="where promoted models are kept")

    @model_validator(mode="before")
    @classmethod
    def _preset_fills_in(cls, values: Any) -> Any:
        """What is not given is as the preset has it; an unknown preset is left to its field to refuse."""
        if not isinstance(values, Mapping):
            return values
        preset = PRESETS.get(values.get("preset", DEFAULT_PRESET))
        return merged(preset.values, values) if preset is not None else values

    @model_validator(mode="after")
    def _fits_the_preset(self) -> "Params":
        preset = PRESETS[self.preset]
        if self.encode.geometries not in ((), preset.geometries):
            raise ValueError(
                f"encode.geometries must be [{', '.join(preset.geometries)}] for preset {self.preset} "
                f"(`python -m mova_core.params.write {self.preset}` writes a params.yaml of it)"
            )
        if preset.fits_codecs and self.encode.weights is not None:
            raise ValueError(
                f"encode.weights is {self.encode.weights!r}, but preset {self.preset} encodes with codecs of its own "
                "(`mova fit_codec`): expected null"
            )
        return self

    @property
    def geometries(self) -> tuple[ClipGeometry, ...]:
        """Each clip geometry that this preset's phases train on, smallest first."""
        return tuple(GEOMETRIES[name] for name in PRESETS[self.preset].geometries)

    @property
    def clip_geometry(self) -> ClipGeometry:
        """The largest: clips are cut once, at this one."""
        return self.geometries[-1]

    @property
    def latent_sizes(self) -> dict[str, int]:
        """Channels of `video` and `audio` latents and width of a `text` context, with the preset's own codecs."""
        preset = PRESETS[self.preset]
        fitted = dict.fromkeys(("video", "audio"), self.fit_codec.channels) if preset.fits_codecs else {}
        return fitted | dict(preset.latent_sizes)


class _OneOfEachKey(yaml.SafeLoader):
    """YAML in which a key that stands twice is refused: else the last one would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"key {twice[0]!r} stands there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def load_params(path: Path = PARAMS, preset: str | None = None) -> Params:
    """Read and check a params file.

    Args:
        path: a YAML file; its sections are those of `Params`.
        preset: replaces the file's preset, see `with_preset`.

    Raises:
        UsageError: the file is missing, is not YAML, or holds an unknown key or an impossible value.
    """
    values = read_values(path)
    if preset is not None:
        params_from(values, where=str(path))  # a wrong key is refused before another preset takes its place
        values = with_preset(values, preset)
    return params_from(values, where=str(path))


def with_preset(values: dict[str, Any], preset: str) -> dict[str, Any]:
    """A file's values under another preset: those that only repeat the preset before give way to the new one's.

    Args:
        values: as `read_values` gives them, of a file that is right.
        preset: the name of the other one.

    Raises:
        UsageError: no such preset.
    """
    before = values.get("preset", DEFAULT_PRESET)
    chosen = preset_named(preset)
    if preset == before:
        return values
    own = without(values, defaults_of(before))
    if chosen.fits_codecs and isinstance(own.get("encode"), dict):
        own["encode"].pop("weights", None)
    return merged(own, {"preset": preset, "encode": {"geometries": list(chosen.geometries)}})


def defaults_of(preset: PresetName) -> dict[str, Any]:
    """Every value that a preset has by itself, as in its params.yaml."""
    geometries = list(PRESETS[preset].geometries)
    return params_from({"preset": preset, "encode": {"geometries": geometries}}).model_dump(mode="json")


def read_values(path: Path) -> dict[str, Any]:
    """A params file as plain values, not yet checked.

    Raises:
        UsageError: the file is missing or is not YAML with sections.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _OneOfEachKey) or {}
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: run from the project folder, or pass --params FILE") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not readable YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds a {type(values).__name__}, expected sections such as `preset: nano`")
    return values


def params_from(values: dict[str, Any], where: str = "params") -> Params:
    """Check plain values.

    Raises:
        UsageError: one sentence that names the first wrong key, what was got and what is expected.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            key = ".".join(map(str, first["loc"]))
            raise UsageError(f"{where}: unknown key {key!r}; {_known_keys(first['loc'][:-1])}") from None
        raise UsageError(f"{where}: {first_fault(error)}") from None


def _known_keys(section: tuple[int | str, ...]) -> str:
    model: Any = Params
    for part in section:
        if part not in model.model_fields:
            continue  # the name of an entry, such as an origin of train.PHASE.sources
        model = model.model_fields[part].annotation
        model = next(
            (each for each in get_args(model) if isinstance(each, type) and issubclass(each, BaseModel)), model
        )
    place = ".".join(map(str, section)) or "the file"
    return f"{place} knows {', '.join(model.model_fields)}"
