"""The fields of requests: the OpenAI names (model, prompt, seconds, size, input_reference), and ours.

`VideoRequest` asks for a clip, `RemixRequest` for the same with other words or settings, `ExtendRequest` for a clip to
go on, `EditRequest` for a part of it anew. Every setting of the sampler is a field of each.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model, field_validator

from mova_core.params.generate import Modality, SamplingParams
from mova_core.sampling.settings import NEGATIVE_PROMPTS, GenerateSettings
from mova_core.sampling.tasks import MOST_PIECES

MODEL_NAME = "mova"
MAX_SEED = 2**53 - 1  # what every JSON reader holds exactly
SMOKE_HEADER = "x-mova-smoke"  # of a request by `mova deploy`
OFFERED = "adapters that the deployment offers, NAME or NAME=WEIGHT, several with commas"
A_VIDEO = "id of a completed video here, or a video file in base64"


class _Asked(BaseModel):
    """What every request may say, as it comes from JSON or from a form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str = Field(description="what the video shows and what is audible")
    model: str | None = Field(None, description="the served model, see /v1/models")
    seed: int | None = Field(
        None, ge=0, le=MAX_SEED, description="of the noise, 0 by default: the same request gives the same clip"
    )
    negative_prompt: str | None = Field(None, description="what the clip should stay away from")
    lora: str | None = Field(None, description=OFFERED)
    webhook_url: str | None = Field(
        None, max_length=2048, description="told once the video is completed, failed or cancelled (Standard Webhooks)"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any) -> Any:
        if isinstance(value, bool):  # else it would pass for 0 or 1
            raise ValueError("expected a number or a text, not a truth value")
        return value

    @field_validator("*")
    @classmethod
    def _unicode(cls, value: Any) -> Any:
        try:
            _ = value.encode() if isinstance(value, str) else value
        except UnicodeEncodeError as error:
            fault = f"character {error.start + 1} is half of a surrogate pair, expected Unicode text"
            raise ValueError(fault) from None
        return value


class _OfLength(_Asked):
    seconds: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="length; the nearest one that the model makes is taken"
    )
    size: str | None = Field(None, pattern=r"^[1-9]\d{0,4}x[1-9]\d{0,4}$", description="of the frames, WIDTHxHEIGHT")


class _Create(_OfLength):
    input_reference: str | None = Field(None, description="first frame: an image in base64 or a data URL")
    last_frame: str | None = Field(None, description="last frame: an image in base64 or a data URL")
    audio: str | None = Field(None, description="audio that a video is made for: a file in base64")
    only: Modality | None = Field(None, description="the one thing to make: video, without audio, or audio alone")
    extend: int | None = Field(None, ge=1, le=MOST_PIECES, description="pieces by which the clip goes on")


class _Remix(_OfLength):
    pass


class _Extend(_Asked):
    video: str | None = Field(None, description=A_VIDEO)
    seconds: float = Field(gt=0, allow_inf_nan=False, description="by which the clip goes on, in whole pieces")


class _Edit(_OfLength):
    video: str | None = Field(None, description=A_VIDEO)
    retake: str | None = Field(
        None, pattern=r"^\d{1,6}(\.\d{1,6})?:\d{1,6}(\.\d{1,6})?$", description="seconds made anew, such as 0.5:1.25"
    )
    keep: Modality | None = Field(None, description="the one of both that stays; the other is made anew")


# With every setting of the sampler; `GenerateSettings` checks their values.
SETTINGS = (*SamplingParams.model_fields, *NEGATIVE_PROMPTS)
_own = {name: GenerateSettings.model_fields[name] for name in SETTINGS}
_settings: dict[str, Any] = {
    name: (own.annotation | None, Field(None, description=own.description))  # type: ignore[operator]
    for name, own in _own.items()
}
VideoRequest = create_model("VideoRequest", __base__=_Create, **_settings)
RemixRequest = create_model("RemixRequest", __base__=_Remix, **_settings)
ExtendRequest = create_model("ExtendRequest", __base__=_Extend, **_settings)
EditRequest = create_model("EditRequest", __base__=_Edit, **_settings)
