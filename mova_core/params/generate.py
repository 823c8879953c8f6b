"""Section `generate` of `params.yaml`: how a model makes a clip, and on what."""

from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from mova_core.params.numbers import NotNegative, Positive
from mova_core.params.runtime import RuntimeParams
from mova_core.params.section import Section

OwnScale = NotNegative | None  # of one modality; None: that of both
Modality = Literal["video", "audio"]
GuidanceKind = Literal["text", "bridge"]
CacheKind = Literal["none", "null_branch", "velocity"]  # see mova_core.sampling.reuse.step_cache
CACHE_INTERVALS: dict[CacheKind, int] = {"none": 1, "null_branch": 5, "velocity": 3}
OF_GUIDANCE = ("guidance_sigma_min", "guidance_sigma_max", "guidance_rescale")


class SamplingParams(Section):
    """How a model generates a clip unless a request says otherwise; written into its `model_index.json`."""

    steps: int = Field(8, ge=1, le=1000, description="denoising steps")
    solver: Literal["euler", "heun"] = Field(
        "euler", description="of a step: euler, or heun: 2 evaluations, more exact"
    )
    text_guidance_scale: NotNegative = Field(3.0, description="how closely the text is followed, s_T; 1 = off")
    bridge_guidance_scale: NotNegative = Field(
        2.0,
        description="how closely video and audio agree, s_B: higher is tighter sync, lower is clearer speech; 1 = off",
    )
    video_text_guidance_scale: OwnScale = Field(None, description="text guidance scale of the video; null: of both")
    audio_text_guidance_scale: OwnScale = Field(None, description="text guidance scale of the audio; null: of both")
    video_bridge_guidance_scale: OwnScale = Field(None, description="Bridge guidance scale of the video; null: of both")
    audio_bridge_guidance_scale: OwnScale = Field(None, description="Bridge guidance scale of the audio; null: of both")
    guidance_sigma_min: float = Field(
        0.0, ge=0, le=1, description="lowest noise level of a modality, 0 to 1, at which it is guided"
    )
    guidance_sigma_max: float = Field(
        1.0, ge=0, le=1, description="highest noise level of a modality, 0 to 1, at which it is guided"
    )
    guidance_rescale: float = Field(
        0.0, ge=0, le=1, description="how far guided latents get back the spread of unguided ones; 0 = off, 1 = wholly"
    )
    cache: CacheKind = Field(
        "none",
        description="what is not computed in each step, approximate: none, null_branch: the pass without text and "
        "Bridge, velocity: every pass",
    )
    cache_interval: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="steps from one that computes it to the next; null: 5 for null_branch, 3 for velocity",
    )
    video_shift: Positive = Field(8.0, description="sigma shift of the video: higher spends more steps at high noise")
    audio_shift: Positive = Field(
        3.0, description="sigma shift of the audio; below the video's: the audio's events are settled first"
    )
    target_lufs: float | None = Field(
        None, ge=-60, le=0, description="loudness of the audio in LUFS, such as -21; null leaves it as it comes"
    )
    true_peak_dbtp: float = Field(
        -1.0, ge=-20, le=0, description="highest true peak of audio that target_lufs sets, in dB of full scale"
    )
    retries: int = Field(
        3, ge=0, le=100, description="further seeds for a clip that is flat, silent or clipped; 0 keeps it, and says so"
    )

    def guidance_scale(self, modality: Modality, kind: GuidanceKind) -> float:
        """The scale of one modality: its own, or that of both."""
        own = getattr(self, f"{modality}_{kind}_guidance_scale")
        scale: float = getattr(self, f"{kind}_guidance_scale") if own is None else own
        return scale

    def is_guided(self, modality: Modality, bridge: bool = True) -> bool:
        """Whether guidance has a part in the modality; `bridge` False leaves the text's alone."""
        kinds = get_args(GuidanceKind) if bridge else ("text",)
        return any(self.guidance_scale(modality, kind) != 1 for kind in kinds)

    def idle_guidance(self, bridge: bool = True) -> list[str]:
        """Settings of guidance other than its scales that are set where nothing is guided."""
        if any(self.is_guided(modality, bridge) for modality in get_args(Modality)):
            return []
        fields = type(self).model_fields
        return [name for name in OF_GUIDANCE if getattr(self, name) != fields[name].default]

    @model_validator(mode="after")
    def _interval_is_one(self) -> Self:
        if self.guidance_sigma_min > self.guidance_sigma_max:
            raise ValueError(
                f"guidance_sigma_min is {self.guidance_sigma_min} and guidance_sigma_max {self.guidance_sigma_max}, "
                "expected the lower level first"
            )
        return self

    @model_validator(mode="after")
    def _cache_fits(self) -> Self:
        if self.cache == "velocity" and self.solver == "heun":
            raise ValueError(
                "cache is velocity and solver heun, whose evaluations lie on no line: leave one of the two out"
            )
        modalities = get_args(Modality)
        if self.cache == "null_branch" and all(self.guidance_scale(each, "bridge") == 1 for each in modalities):
            raise ValueError("cache is null_branch and every bridge guidance scale 1: no step has that pass")
        if self.cache == "none" and self.cache_interval is not None:
            raise ValueError(f"cache_interval is {self.cache_interval} and cache none: nothing is cached")
        return self

    @property
    def cached_steps(self) -> int:
        """Steps from one that computes what is cached to the next: those asked for, or the kind's own."""
        return self.cache_interval or CACHE_INTERVALS[self.cache]

    def stored(self) -> dict[str, Any]:
        """What `model_index.json` holds of them."""
        return self.model_dump(include=set(SamplingParams.model_fields))


class GenerateParams(SamplingParams, RuntimeParams):
    """Generation: how a model makes a clip, and on what it computes."""

    @model_validator(mode="after")
    def _guidance_is_there_to_be_changed(self) -> Self:
        if idle := self.idle_guidance():
            raise ValueError(f"{idle[0]} is {getattr(self, idle[0])} and every guidance scale is 1: nothing is guided")
        return self
