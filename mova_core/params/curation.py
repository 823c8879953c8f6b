"""Sections of `params.yaml` for the data half: limits, workers, and the stages from ingest to encode.

Closed and frozen; each field has its default, its range and its meaning. Values of the MOVA report are from its data
chapter (arXiv:2602.08794, section 5).
"""

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from mova_core.params.section import Section
from mova_core.places import FOOTAGE, SOURCES_LOCK

MeasureGroup = Literal["loudness", "look", "flow", "sync", "speech", "text"]  # beyond what is always measured
NEEDS_WEIGHTS = "report; needs weights"


class Limits(Section):
    """What one untrusted file may cost a worker before it is given up with a reason."""

    seconds_per_file: float = Field(300, gt=0, description="for a file, whatever its length")
    seconds_per_minute: float = Field(240, ge=0, description="more for each minute of footage, in segment and cut")
    memory_mb: int = Field(4096, ge=512, description="MiB of a worker")


class Resources(Section):
    """What one worker of a step holds, whichever engine it runs on; a step has as many workers as fit.

    Threads and kind of device decide the last bits of what is computed, so they are part of what latents are made from.
    """

    on_one_line: ClassVar[bool] = True

    cpu: int = Field(1, ge=1, description="processors, and as many threads")
    gpu: float = Field(0, ge=0, description="GPUs, or a fraction of one; only Ray hands them out")
    memory_mb: int | None = Field(
        None, ge=512, description="MiB, which Ray sets aside too; null = limits.memory_mb, not set aside"
    )
    seconds: float | None = Field(
        None, gt=0, description="for one item: a file, a source or a shard; null = as limits says"
    )

    @model_validator(mode="after")
    def _gpus_are_whole_or_a_fraction_of_one(self) -> "Resources":
        if self.gpu > 1 and self.gpu % 1:
            raise ValueError(f"gpu is {self.gpu:g}: expected a share of one, such as 0.5, or a whole number")
        return self


class EngineParams(Section):
    """The one table of resources, a row for each step that has workers."""

    ingest: Resources = Resources()
    segment: Resources = Resources()
    cut: Resources = Resources()
    assess: Resources = Resources()
    encode: Resources = Field(Resources(), description="its item is a whole shard")
    generate: Resources = Field(Resources(), description="its item is a clip of a suite; --engine ray alone")
    evaluate: Resources = Field(Resources(), description="its item is a file of --videos or --suite")

    @model_validator(mode="after")
    def _gpus_where_they_are_used(self) -> "EngineParams":
        for step in ("ingest", "segment", "cut", "assess"):
            if gpu := getattr(self, step).gpu:
                raise ValueError(
                    f"engine.{step}.gpu is {gpu:g}, but {step} computes nothing on one: only encode, generate and "
                    "evaluate do"
                )
        return self


class IngestParams(Section):
    """Which files are taken, and how each is proven to decode."""

    footage: str = Field(
        FOOTAGE.as_posix(), description=f"a folder under DVC, or {SOURCES_LOCK} for footage that stays outside"
    )
    sidecar: str | None = Field(
        None,
        description="CSV or JSON with what sidecars state, of all files; null: sources.csv in the footage",
    )
    head_s: float = Field(1.0, gt=0, description="seconds decoded of each stream to prove that it decodes")
    max_pixels: int = Field(
        36_000_000, gt=0, description="a larger frame is refused before it is decoded (8K has 33 million)"
    )

    @field_validator("footage")
    @classmethod
    def _under_dvc_or_locked(cls, footage: str) -> str:
        """DVC would watch the list and not the files that it names, or nothing at all of a bucket."""
        if footage.startswith("s3://") or footage.endswith(".txt"):
            raise ValueError(
                f"a bucket or a list has to be locked: `mova ingest --lock {footage}`, then set it to {SOURCES_LOCK}"
            )
        return footage


class NearDuplicateParams(Section):
    """When intervals of two sources are the same (`curation/dedup/overlaps.py`), judged over 4 s at a time."""

    similarity_at_least: float = Field(
        0.73, gt=0, le=1, description="of video and audio, over 4 s: 1 equal, 0 unrelated"
    )
    overlap_s_at_least: float = Field(
        7.5, gt=0, description="synthetic footage resembles itself for up to 7 s; a mova clip lasts 8.04 s"
    )
    distinct_share: float = Field(
        0.27, gt=0, le=1, description="of that, which is enough where the audio does not repeat itself: 2 s"
    )


class SegmentParams(Section):
    """Shot boundaries, letterbox and speech of a source, and the windows that they allow."""

    cut_threshold: float = Field(2.0, gt=0, description="change against the mean of the neighbours (PySceneDetect)")
    min_content: float = Field(15.0, gt=0, description="least absolute change that is a shot boundary, HSV 0..255")
    min_scene_s: float = Field(0.25, ge=0, description="a shot that gives way to the one before it sooner is a flash")
    letterbox_luma: int = Field(30, ge=0, le=255, description="a letterbox row or column is never brighter than this")
    speech_threshold: float = Field(0.5, gt=0, lt=1, description="Silero's probability")
    near_duplicates: NearDuplicateParams = Field(
        NearDuplicateParams(),
        description="two sources whose video and audio are the same: the larger frame, else the longer file, stays",
    )


class CutParams(Section):
    """How clips are stored and split."""

    clips_per_shard: int = Field(256, ge=1)
    codec: Literal["libx264", "ffv1"] = Field(
        "libx264", description="libx264 | ffv1, which is lossless and needs far more space"
    )
    crf: int = Field(14, ge=0, le=51, description="quality under libx264, lower is better")
    hdr: Literal["tonemap", "reject"] = Field(
        "tonemap", description="tonemap | reject (hdr_unsupported): what becomes of PQ and HLG"
    )
    validation_share: float = Field(0.06, ge=0, lt=1, description="of sources, by hash")


class Phase2Filters(Section):
    """Filters of phase 2 of a mova preset, of which one must hold; clips without subtitles are the third (report)."""

    lse_d_at_most: float = Field(9.5, ge=0, description="report; together with lse_c")
    lse_c_at_least: float = Field(4.5, description="report")
    dover_technical_above: float = Field(0.15, description="report")


class Phase3Filters(Section):
    """The filter of phase 3 of a mova preset (report)."""

    dover_technical_above: float = Field(0.14, description="report")


class AssessParams(Section):
    """What is measured, and limits that a clip must hold.

    `measures` names groups beyond what is always measured (`curation/assess/measure_groups.py`). None means the
    preset's own: none for nano, all that can be measured here for a mova preset.
    """

    measures: tuple[MeasureGroup, ...] | None = Field(
        None,
        description="more to measure: [loudness, look, flow, sync, speech, text]; null = none for nano, all for mova",
    )
    silence_ratio_below: float = Field(0.8, gt=0, le=1, description="report")
    bandwidth_hz_above: float = Field(1000, ge=0, description="report")
    lufs_above: float = Field(-50.0, description="quieter than this is as good as silent")
    clipped_share_below: float = Field(0.05, gt=0, le=1, description="of audio samples")
    black_share_below: float = Field(0.5, gt=0, le=1, description="of frames")
    frozen_share_below: float = Field(0.9, gt=0, le=1, description="of frames")
    audiobox_pq_above: float = Field(5.0, description=NEEDS_WEIGHTS)
    audiobox_cu_above: float = Field(4.5, description=NEEDS_WEIGHTS)
    audiobox_ce_above: float = Field(2.5, description=NEEDS_WEIGHTS)
    dover_aesthetic_above: float = Field(0.85, description=NEEDS_WEIGHTS)
    dover_technical_above: float = Field(0.05, description=NEEDS_WEIGHTS)
    imagebind_at_least: float = Field(0.2, description=f"{NEEDS_WEIGHTS}; this or desync")
    desync_s_at_most: float = Field(0.5, description=NEEDS_WEIGHTS)
    allow_unavailable: tuple[str, ...] = Field(
        (), description="measures without which a phase of a mova preset still takes a clip; else it refuses the clip"
    )
    phase2: Phase2Filters = Field(
        Phase2Filters(), description="of the mova presets: no subtitles, or both lse, or dover"
    )
    phase3: Phase3Filters = Field(Phase3Filters(), description="of the mova presets")


class CaptionModels(Section):
    """Models by name, as their endpoints know them (`mova_core/endpoints/endpoint.py`)."""

    on_one_line: ClassVar[bool] = True

    vlm: str | None = Field(None, min_length=1)
    llm: str | None = Field(None, min_length=1)
    alm: str | None = Field(None, min_length=1)
    asr: str | None = Field(None, min_length=1)


class RequestParams(Section):
    """How fast models are asked; no caption depends on it."""

    on_one_line: ClassVar[bool] = True

    at_once: int = Field(8, ge=1, le=256)
    per_minute: float | None = Field(None, gt=0)


class CaptionParams(Section):
    """How a clip is put into words."""

    kind: Literal["template", "model"] = Field("template", description="template | model, which needs vlm and llm")
    language: str = "en"
    models: CaptionModels = Field(
        CaptionModels(),
        description="names at MOVA_VLM_URL and so on: vlm describes frames, llm merges, alm describes audio, asr writes"
        " what is said",
    )
    requests: RequestParams = Field(
        RequestParams(), description="in all at once, and to each endpoint in a minute; null = as many as it takes"
    )

    @model_validator(mode="after")
    def _models_that_are_needed(self) -> "CaptionParams":
        if self.kind == "model":
            for name in ("vlm", "llm"):
                if getattr(self.models, name) is None:
                    raise ValueError(f"kind is model and models.{name} names none: name a model that answers there")
        return self


class FitCodecParams(Section):
    """The nano preset's own codecs."""

    clips: int = Field(384, ge=16, description="drawn by seed from the accepted training clips")
    channels: int = Field(16, ge=1, description="of a latent")


class EncodeParams(Section):
    """Latents of the accepted clips."""

    geometries: tuple[str, ...] = Field(
        (), description="one stage encode@GEOMETRY each in dvc.yaml; follows from the preset"
    )
    target_lufs: float = Field(-21.2, ge=-60, le=0, description="loudness of `audio_lufs`")
    weights: str | None = Field(
        None, description="mova presets: a released model folder, whose VAEs and text encoder encode; nano fits its own"
    )
    clips_per_shard: int = Field(
        512, ge=1, description="a clip has 56 KiB at nano-48, 22 MiB at mova-360p, 87 MiB at mova-720p"
    )


class ContractParams(Section):
    """What a contract asks beyond the tables' own rules."""

    phase3_requires: tuple[Literal["rights", "consent"], ...] = Field(
        (), description="rights, consent: stops at a clip of phase 3 whose file states none (a sidecar does)"
    )
