"""What `POST /v1/videos` may ask for: the OpenAI names (model, prompt, seconds, size, input_reference), and ours.

A request is checked to its last field against the packaged model before it is queued, without torch; what is queued is
everything that decides the clip's bytes but the weights. `size` is that of the file's frames: the model's, enlarged.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator

from mova_core.errors import UsageError, first_fault
from mova_core.geometry import ClipGeometry
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params.generate import SamplingParams
from mova_core.sampling.settings import NEGATIVE_PROMPTS, GenerateSettings
from services.requests.adapters import asked_for
from services.requests.errors import InvalidRequest, UnknownModel

MODEL_NAME = "mova"
MAX_SEED = 2**53 - 1  # what every JSON reader holds exactly
REFERENCE = "input_reference"
SMOKE_HEADER = "x-mova-smoke"  # of a request by `mova deploy`
FRAME_STEP = 4  # clips have 4k + 1 frames


class _Asked(BaseModel):
    """The fields of a request as they come, from JSON or from a form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str = Field(description="what the video shows and what is audible")
    model: str | None = Field(None, description="the served model, see /v1/models")
    seconds: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="length; the nearest one that the model makes is taken"
    )
    size: str | None = Field(None, pattern=r"^[1-9]\d{0,4}x[1-9]\d{0,4}$", description="of the frames, WIDTHxHEIGHT")
    input_reference: str | None = Field(None, description="first frame: an image in base64 or a data URL")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="of the noise: the same request and seed give the same clip")
    negative_prompt: str = Field("", description="what the clip should stay away from")
    lora: str | None = Field(
        None, description="adapters that the deployment offers, NAME or NAME=WEIGHT, several with commas"
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


# With every setting of the sampler; `GenerateSettings` checks their values.
SETTINGS = (*SamplingParams.model_fields, *NEGATIVE_PROMPTS)
_own = {name: GenerateSettings.model_fields[name] for name in SETTINGS}
_settings: dict[str, Any] = {
    name: (own.annotation | None, Field(None, description=own.description))  # type: ignore[operator]
    for name, own in _own.items()
}
VideoRequest = create_model("VideoRequest", __base__=_Asked, **_settings)


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request whose fields are those of the model; its files were not looked into yet.

    Args:
        values: what is queued, but for `size` where an image decides it.
        files: bytes of each file given, by field of `ClipInputs`.
        geometry: of the clip.
        enlarge: factor by which its file's frames are larger.
    """

    values: dict[str, Any]
    files: dict[str, bytes]
    geometry: ClipGeometry
    enlarge: int

    def queued(self, shown: tuple[int, int] | None = None) -> dict[str, Any]:
        """What is queued: prompt, negative_prompt, seed, task, changes, loras (weights by name), seconds, size,
        warnings.

        Args:
            shown: width and height of the image that decides between the shapes of a frame; None: there is none.
        """
        canvas = self.geometry.canvases[0] if shown is None else self.geometry.canvas_for(*shown)
        return self.values | {"size": f"{canvas.width_px * self.enlarge}x{canvas.height_px * self.enlarge}"}


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

    def check(self, fields: Mapping[str, Any]) -> CheckedRequest:
        """Check every field, but look into no file.

        Raises:
            UnknownModel: it is for another model.
            InvalidRequest: one sentence about the first field that is wrong.
        """
        try:
            asked = VideoRequest.model_validate(fields)
        except ValidationError as error:
            raise InvalidRequest(_sentence(error), ".".join(map(str, error.errors()[0]["loc"])) or None) from None
        if asked.model is not None and asked.model not in self.names:
            known = " or ".join(sorted(self.names))
            raise UnknownModel(f"model {asked.model[:80]!r} is not served here, expected {known}", "model")
        try:
            return self._checked(asked)
        except InvalidRequest:
            raise
        except UsageError as error:  # of settings, prompts and adapters: about what was asked
            raise InvalidRequest(str(error)) from None

    def _checked(self, asked: "VideoRequest") -> CheckedRequest:
        files = {} if asked.input_reference is None else {"image": image_bytes(asked.input_reference)}
        changes = {name: value for name in SETTINGS if (value := getattr(asked, name)) is not None}
        changes |= self._frames(asked.seconds) | self._canvas(asked.size)
        settings = self.defaults.changed(**changes)
        self.index.check_prompts([asked.prompt, *settings.negative_prompts(asked.negative_prompt)])
        loras = asked_for(asked.lora, self.loras)
        index = self.index.with_phrases([phrase for name in loras for phrase in self.loras[name]])
        warning = index.prompts_warning([asked.prompt])
        values = {
            "prompt": asked.prompt,
            "negative_prompt": asked.negative_prompt,
            "seed": asked.seed,
            "task": {},
            "changes": changes,
            "loras": loras,
            "seconds": f"{float(settings.clip_geometry.duration_s):g}",
            "warnings": [] if warning is None else [warning],
        }
        return CheckedRequest(values, files, settings.clip_geometry, settings.enlarge)

    def _frames(self, seconds: float | None) -> dict[str, int]:
        """The length nearest to what was asked for."""
        if seconds is None:
            return {}
        if seconds > self.max_seconds:
            told = f"seconds is {seconds:g}, this service makes clips of at most {self.max_seconds:g}"
            raise InvalidRequest(told, "seconds")
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
            raise InvalidRequest(f"size is {size!r}, this model makes {' or '.join(known)}", "size")
        return {"height": known[size].height_px, "width": known[size].width_px}


def image_bytes(text: str) -> bytes:
    """The bytes of an image in base64 or a data URL; line breaks within are allowed.

    Raises:
        InvalidRequest: it is neither.
    """
    header, comma, body = text.partition(",")
    if text.startswith(("http://", "https://")):
        raise InvalidRequest(
            "input_reference is an address, expected the image itself: send the file or a data: URL", REFERENCE
        )
    if comma and not header.startswith("data:image/"):
        raise InvalidRequest("input_reference is not an image, expected a file or a data:image/… URL", REFERENCE)
    try:
        return base64.b64decode("".join((body if comma else text).split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(
            "input_reference is not base64, expected an image file or a data:image/… URL", REFERENCE
        ) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"unknown field {key!r}, expected {', '.join(VideoRequest.model_fields)}"
    if first["type"] == "missing":
        return f"{key} is missing: describe the video and its audio"
    return first_fault(error)
