"""What `POST /v1/videos` may ask for: the OpenAI names (model, prompt, seconds, size, input_reference), and ours.

A request is checked to its last field against the packaged model before it is queued, without torch; what is queued is
everything that decides the clip's bytes but the weights. `size` is that of the file's frames: the model's, enlarged.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator

from mova_core.errors import UsageError, first_fault
from mova_core.media.image import read_image
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params.generate import SamplingParams
from mova_core.sampling.settings import NEGATIVE_PROMPTS, GenerateSettings
from services.requests.adapters import asked_for

MODEL_NAME = "mova"
MAX_SEED = 2**53 - 1  # what every JSON reader holds exactly
FRAME_STEP = 4  # clips have 4k + 1 frames


class UnknownModel(UsageError):
    """Another model than the served one was asked for."""


class _Asked(BaseModel):
    """The fields of a request as they come, from JSON or from a form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str
    model: str | None = None
    seconds: float | None = Field(None, gt=0, allow_inf_nan=False)
    size: str | None = Field(None, pattern=r"^[1-9]\d{0,4}x[1-9]\d{0,4}$")  # WIDTHxHEIGHT
    input_reference: str | None = None  # first frame, base64 or a data URL
    seed: int = Field(0, ge=0, le=MAX_SEED)
    negative_prompt: str = ""
    lora: str | None = None  # NAME or NAME=WEIGHT of what the deployment offers, several with commas

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


# With every setting of the sampler; `GenerateSettings` checks their values.
SETTINGS = (*SamplingParams.model_fields, *NEGATIVE_PROMPTS)
_settings: dict[str, Any] = {name: (GenerateSettings.model_fields[name].annotation | None, None) for name in SETTINGS}  # type: ignore[operator]
VideoRequest = create_model("VideoRequest", __base__=_Asked, **_settings)


class RequestChecker:
    """Turns requests into what is queued, for one packaged model.

    Args:
        index: of its folder.
        names: what the model may be called.
        max_seconds: longest clip.
        loras: adapters that are offered: name, and phrases of the captions that each was trained on.
    """

    def __init__(
        self,
        index: FolderIndex,
        names: set[str],
        max_seconds: float,
        loras: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.index, self.names, self.max_seconds, self.loras = index, names, max_seconds, loras or {}
        self.defaults = GenerateSettings.of(index)

    def check(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A request ready to be queued: prompt, negative_prompt, seed, image (base64), changes, loras (weights by
        name), seconds, size, warnings.

        Raises:
            UnknownModel: it is for another model.
            UsageError: one sentence about the first field that is wrong.
        """
        try:
            asked = VideoRequest.model_validate(fields)
        except ValidationError as error:
            raise UsageError(_sentence(error)) from None
        if asked.model is not None and asked.model not in self.names:
            raise UnknownModel(f"model {asked.model!r} is not served here, expected {' or '.join(sorted(self.names))}")
        image = None if asked.input_reference is None else _image_bytes(asked.input_reference)
        first_frame = None if image is None else read_image(image)
        changes = {name: value for name in SETTINGS if (value := getattr(asked, name)) is not None}
        settings = self.defaults.changed(**changes, **self._frames(asked.seconds), **self._canvas(asked.size))
        self.index.check_prompts([asked.prompt, *settings.negative_prompts(asked.negative_prompt)])
        canvas = settings.canvas(first_frame)
        loras = asked_for(asked.lora, self.loras)
        index = self.index.with_phrases([phrase for name in loras for phrase in self.loras[name]])
        warning = index.prompts_warning([asked.prompt])
        return {
            "prompt": asked.prompt,
            "negative_prompt": asked.negative_prompt,
            "seed": asked.seed,
            "image": None if image is None else base64.b64encode(image).decode(),
            "changes": changes | self._frames(asked.seconds) | self._canvas(asked.size),
            "loras": loras,
            "seconds": f"{float(settings.clip_geometry.duration_s):g}",
            "size": f"{canvas.width_px * settings.enlarge}x{canvas.height_px * settings.enlarge}",
            "warnings": [] if warning is None else [warning],
        }

    def _frames(self, seconds: float | None) -> dict[str, int]:
        """The length nearest to what was asked for."""
        if seconds is None:
            return {}
        if seconds > self.max_seconds:
            raise UsageError(f"seconds is {seconds:g}, this service makes clips of at most {self.max_seconds:g}")
        fps = float(self.defaults.clip_geometry.fps)
        return {"frames": FRAME_STEP * round(seconds * fps / FRAME_STEP) + 1}

    def _canvas(self, size: str | None) -> dict[str, int]:
        if size is None:
            return {}
        enlarge = self.defaults.enlarge
        known = {
            f"{canvas.width_px * enlarge}x{canvas.height_px * enlarge}": canvas
            for canvas in self.defaults.clip_geometry.canvases
        }
        if size not in known:
            raise UsageError(f"size is {size!r}, this model makes {' or '.join(known)}")
        return {"height": known[size].height_px, "width": known[size].width_px}


def _image_bytes(text: str) -> bytes:
    header, comma, body = text.partition(",")
    if text.startswith(("http://", "https://")):
        raise UsageError("input_reference is an address, expected the image itself: send the file or a data: URL")
    if comma and not header.startswith("data:image/"):
        raise UsageError("input_reference is not an image, expected a file or a data:image/… URL")
    try:
        return base64.b64decode(body if comma else text, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("input_reference is not base64, expected an image file or a data:image/… URL") from None


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"unknown field {key!r}, expected {', '.join(VideoRequest.model_fields)}"
    if first["type"] == "missing":
        return f"{key} is missing: describe the video and its audio"
    return first_fault(error)
