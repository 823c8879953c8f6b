"""`params.yaml` as typed, closed values: an unknown key or an impossible value is refused before anything heavy loads.

One class per section; a section, its CLI command and its DVC stage carry the same name. `preset` chooses the clip
geometries and codecs; every other value stands in `params.yaml` or has the default shown here.
"""

from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from mova_core.errors import UsageError
from mova_core.geometry import GEOMETRIES, ClipGeometry
from mova_core.params.model import EvaluateParams, GenerateParams, SelectParams, ServeParams, TrainParams
from mova_core.params.section import Section

PresetName = Literal["nano", "mova-360p", "mova-720p"]
MeasureGroup = Literal["loudness", "look", "flow", "sync", "speech", "text"]  # beyond what is always measured


class Limits(Section):
    """What one untrusted file may cost a worker before it is given up with a reason."""

    seconds_per_file: float = Field(300, gt=0)
    seconds_per_minute: float = Field(240, ge=0)  # and so many for each minute that a source lasts, in segment and cut
    memory_mb: int = Field(4096, ge=512)


class Resources(Section):
    """What one worker of a step holds, whichever engine it runs on; a step has as many workers as fit.

    Threads and kind of device decide the last bits of what is computed, so they are part of what latents are made from.
    """

    cpu: int = Field(1, ge=1)  # processors, and as many threads
    gpu: float = Field(0, ge=0)  # GPUs, or a share of one; handed out by Ray only
    memory_mb: int | None = Field(None, ge=512)  # MiB, which Ray sets aside too; null = limits.memory_mb, not set aside
    seconds: float | None = Field(None, gt=0)  # for one item: a file, a source or a shard; null = limits

    @model_validator(mode="after")
    def _gpus_are_whole_or_a_share_of_one(self) -> "Resources":
        if self.gpu > 1 and self.gpu % 1:
            raise ValueError(f"gpu is {self.gpu:g}: expected a share of one, such as 0.5, or a whole number")
        return self


class EngineParams(Section):
    """The one table of resources, a row for each step that has workers."""

    ingest: Resources = Resources()
    segment: Resources = Resources()
    cut: Resources = Resources()
    assess: Resources = Resources()
    encode: Resources = Resources()

    @model_validator(mode="after")
    def _gpus_where_they_are_used(self) -> "EngineParams":
        for step in ("ingest", "segment", "cut", "assess"):
            if gpu := getattr(self, step).gpu:
                raise ValueError(f"engine.{step}.gpu is {gpu:g}, but {step} computes nothing on one: only encode does")
        return self


class IngestParams(Section):
    footage: str = "data/footage"  # a folder under DVC, or data/sources.lock for footage that stays outside
    sidecar: str | None = None  # a CSV or JSON table of rights, origin, consent, caption of all files
    head_s: float = Field(1.0, gt=0)  # decoded from the start of each stream to prove that it decodes
    max_pixels: int = Field(36_000_000, gt=0)  # a picture of more is refused before it is decoded (8K has 33 million)

    @field_validator("footage")
    @classmethod
    def _under_dvc_or_locked(cls, footage: str) -> str:
        """DVC would watch the list and not the files that it names, or nothing at all of a bucket."""
        if footage.startswith("s3://") or footage.endswith(".txt"):
            raise ValueError(
                f"a bucket or a list has to be locked: `mova ingest --lock {footage}`, then set it to data/sources.lock"
            )
        return footage


class NearDuplicateParams(Section):
    """When stretches of two sources are the same (`curation/dedup/overlaps.py`), judged over 4 s at a time."""

    similarity_at_least: float = Field(0.73, gt=0, le=1)  # of pictures and sound: 1 equal, 0 unrelated
    overlap_s_at_least: float = Field(7.5, gt=0)


class SegmentParams(Section):
    cut_threshold: float = Field(2.0, gt=0)  # PySceneDetect AdaptiveDetector: change against its neighbours' mean
    min_content: float = Field(15.0, gt=0)  # the least absolute change (HSV, 0..255) that counts as a cut
    min_scene_s: float = Field(0.25, ge=0)  # what gives the scene before back sooner is a flash
    border_luma: int = Field(30, ge=0, le=255)  # a border row or column never gets brighter than this
    speech_threshold: float = Field(0.5, gt=0, lt=1)  # Silero's probability
    near_duplicates: NearDuplicateParams = NearDuplicateParams()


class CutParams(Section):
    clips_per_shard: int = Field(256, ge=1)
    codec: Literal["libx264", "ffv1"] = "libx264"  # of the stored clips; ffv1 is lossless (media/clip_formats.py)
    crf: int = Field(14, ge=0, le=51)  # quality under libx264, lower is better
    validation_share: float = Field(0.06, ge=0, lt=1)  # of sources, by hash


class Weights(Section):
    """A model's weights that the user brings: trusted only with the sha256 that is stated here."""

    path: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class WeightsParams(Section):
    """Models that measure (`curation/assess/model_measures.py`); without weights their measures are unavailable."""

    audiobox: Weights | None = None
    dover: Weights | None = None
    imagebind: Weights | None = None
    synchformer: Weights | None = None
    syncnet: Weights | None = None
    eat: Weights | None = None


class Phase2Filters(Section):
    """Filters of phase 2 of a mova preset, of which one must hold; clips without subtitles are the third (report)."""

    lse_d_at_most: float = Field(9.5, ge=0)  # together with lse_c
    lse_c_at_least: float = 4.5
    dover_technical_above: float = 0.15


class Phase3Filters(Section):
    """The filter of phase 3 of a mova preset (report)."""

    dover_technical_above: float = 0.14


class AssessParams(Section):
    """What is measured, and limits that a clip must hold (the report's where it has one, its data chapter, section 5).

    `measures` names groups beyond what is always measured (`curation/assess/measure_groups.py`). None means the
    preset's own: none for nano, all that can be measured here for a mova preset.
    """

    measures: tuple[MeasureGroup, ...] | None = None
    weights: WeightsParams = WeightsParams()
    silence_ratio_below: float = Field(0.8, gt=0, le=1)  # report
    bandwidth_hz_above: float = Field(1000, ge=0)  # report
    lufs_above: float = -50.0  # quieter than this is as good as silent
    clipped_share_below: float = Field(0.05, gt=0, le=1)
    black_share_below: float = Field(0.5, gt=0, le=1)
    frozen_share_below: float = Field(0.9, gt=0, le=1)
    audiobox_pq_above: float = 5.0  # report; needs weights
    audiobox_cu_above: float = 4.5  # report; needs weights
    audiobox_ce_above: float = 2.5  # report; needs weights
    dover_aesthetic_above: float = 0.85  # report; needs weights
    dover_technical_above: float = 0.05  # report; needs weights
    imagebind_at_least: float = 0.2  # report; needs weights; this or desync
    desync_s_at_most: float = 0.5  # report; needs weights
    phase2: Phase2Filters = Phase2Filters()
    phase3: Phase3Filters = Phase3Filters()


class CaptionParams(Section):
    kind: Literal["template"] = "template"
    language: str = "en"


class FitCodecParams(Section):
    clips: int = Field(384, ge=16)  # drawn by seed from the accepted training clips
    channels: int = Field(16, ge=1)


class EncodeParams(Section):
    target_lufs: float = Field(-21.2, ge=-60, le=0)  # loudness of `audio_lufs`
    geometries: tuple[str, ...] = ()  # what dvc.yaml names its encode stages by; must be the preset's
    weights: str | None = None  # a released model folder, whose VAEs and text encoder encode; null for preset nano
    clips_per_shard: int = Field(512, ge=1)  # clips of one file, made whole by one worker


class ContractParams(Section):
    phase3_requires: tuple[Literal["rights", "consent"], ...] = ()  # of the file of every clip of phase 3; else exit 3


class Params(Section):
    preset: PresetName = "nano"
    seed: int = Field(0, ge=0)
    limits: Limits = Limits()
    engine: EngineParams = EngineParams()
    ingest: IngestParams = IngestParams()
    segment: SegmentParams = SegmentParams()
    cut: CutParams = CutParams()
    assess: AssessParams = AssessParams()
    caption: CaptionParams = CaptionParams()
    fit_codec: FitCodecParams = FitCodecParams()
    encode: EncodeParams = EncodeParams()
    contract: ContractParams = ContractParams()
    train: TrainParams = TrainParams()
    evaluate: EvaluateParams = EvaluateParams()
    select: SelectParams = SelectParams()
    generate: GenerateParams = GenerateParams()
    serve: ServeParams = ServeParams()

    @model_validator(mode="after")
    def _geometries_follow_the_preset(self) -> "Params":
        expected = PRESET_GEOMETRIES[self.preset]
        if self.encode.geometries not in ((), expected):
            raise ValueError(f"encode.geometries must be [{', '.join(expected)}] for preset {self.preset}")
        if self.preset == "nano" and self.encode.weights is not None:
            raise ValueError(
                f"encode.weights is {self.encode.weights!r}, but preset nano encodes with codecs of its own "
                "(`mova fit_codec`): expected null"
            )
        return self

    @property
    def geometries(self) -> tuple[ClipGeometry, ...]:
        """Each clip geometry that this preset's phases train on, smallest first."""
        return tuple(GEOMETRIES[name] for name in PRESET_GEOMETRIES[self.preset])

    @property
    def clip_geometry(self) -> ClipGeometry:
        """The largest: clips are cut once, at this one."""
        return self.geometries[-1]


PRESET_GEOMETRIES: dict[str, tuple[str, ...]] = {
    "nano": ("nano-32", "nano-48"),
    "mova-360p": ("mova-360p",),
    "mova-720p": ("mova-360p", "mova-720p"),
}


class _OneOfEachKey(yaml.SafeLoader):
    """YAML in which a key that stands twice is refused: else the last one would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"key {twice[0]!r} stands there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def load_params(path: Path = Path("params.yaml"), preset: str | None = None) -> Params:
    """Read and check a params file.

    Args:
        path: a YAML file; its sections are those of `Params`.
        preset: replaces the file's preset, its encode.geometries with it (nano its encode.weights too).

    Raises:
        UsageError: the file is missing, is not YAML, or holds an unknown key or an impossible value.
    """
    values = read_values(path)
    if preset is not None:
        values["preset"] = preset
        if isinstance(values.get("encode"), dict):
            values["encode"].pop("geometries", None)
            if preset == "nano":
                values["encode"].pop("weights", None)
    return params_from(values, where=str(path))


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
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise UsageError(f"{where}: unknown key {key!r}; {_known_keys(first['loc'][:-1])}") from None
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{where}: {key} is {first['input']!r}: {message}" if key else f"{where}: {message}") from None


def _known_keys(section: tuple[int | str, ...]) -> str:
    model: Any = Params
    for part in section:
        model = model.model_fields[part].annotation
        model = next(
            (each for each in get_args(model) if isinstance(each, type) and issubclass(each, BaseModel)), model
        )
    place = ".".join(map(str, section)) or "the file"
    return f"{place} knows {', '.join(model.model_fields)}"
