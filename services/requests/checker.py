"""Requests are checked to their last field against the packaged model before they are queued, without torch.

What is queued is everything that decides the clip's bytes but the weights and the bytes of given files. `size` is that
of the file's frames: the model's, enlarged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mova_core.errors import UsageError, first_fault
from mova_core.geometry import ClipGeometry
from mova_core.model.pretrained.index import FolderIndex
from mova_core.sampling.inputs import OVERLAP_FRAMES
from mova_core.sampling.request.wanted import Given
from mova_core.sampling.retake import retaken
from mova_core.sampling.settings import GenerateSettings, check_guided
from mova_core.sampling.tasks import CLIP_TASKS
from services.requests.adapters import asked_for
from services.requests.errors import InvalidRequest, UnknownModel
from services.requests.given_files import image_bytes, media_bytes
from services.requests.video_request import SETTINGS, VideoRequest

FRAME_STEP = 4  # clips have 4k + 1 frames
Fields = TypeVar("Fields", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """What a request goes on from.

    Args:
        request: of the job before, as it was queued; empty: there is none.
        kept: files of that job that this one is made from too, or its clip: sha256 by field of `ClipInputs`.
    """

    request: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)


NOTHING = Source()


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request whose fields are those of the model; its files were not looked into yet.

    Args:
        values: what is queued, but for `size` where an image decides it.
        files: bytes of each file given, by field of `ClipInputs`.
        kept: sha256 of files that are there already, likewise.
        geometry: of the clip.
        enlarge: factor by which its file's frames are larger.
    """

    values: dict[str, Any]
    files: Mapping[str, bytes]
    kept: Mapping[str, str]
    geometry: ClipGeometry
    enlarge: int

    def queued(self, shown: tuple[int, int] | None = None) -> dict[str, Any]:
        """What is queued: prompt, negative_prompt, seed, task, changes, loras (weights by name), seconds, size, work,
        warnings, webhook_url.

        Args:
            shown: width and height of the image that decides between the shapes of a frame; None: there is none.
        """
        canvas = self.geometry.canvases[0] if shown is None else self.geometry.canvas_for(*shown)
        size = f"{canvas.width_px * self.enlarge}x{canvas.height_px * self.enlarge}"
        return {"size": size} | self.values


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
        """Check a request for a clip, but look into no file.

        Raises:
            UnknownModel: it is for another model.
            InvalidRequest: one sentence about the first field that is wrong.
        """
        asked: Any = self.validated(VideoRequest, fields)
        files = {
            name: image_bytes(text, field)
            for name, field in (("image", "input_reference"), ("last_image", "last_frame"))
            if (text := getattr(asked, field)) is not None
        }
        if asked.audio is not None:
            files["audio"] = media_bytes(asked.audio, "audio", "audio")
        task = {name: value for name in ("only", "extend") if (value := getattr(asked, name)) is not None}
        return self.assembled(asked, files, task)

    def validated(self, kind: type[Fields], fields: Mapping[str, Any]) -> Fields:
        """The fields of a request of this kind; errors as of `check`."""
        try:
            asked: Any = kind.model_validate(fields)
        except ValidationError as error:
            raise InvalidRequest(_sentence(error, kind), ".".join(map(str, error.errors()[0]["loc"])) or None) from None
        if asked.model is not None and asked.model not in self.names:
            known = " or ".join(sorted(self.names))
            raise UnknownModel(f"model {asked.model[:80]!r} is not served here, expected {known}", "model")
        return asked

    def assembled(
        self, asked: Any, files: Mapping[str, bytes], task: Mapping[str, Any], source: Source = NOTHING
    ) -> CheckedRequest:
        """What is queued of checked fields: what they do not say is as in the source's request, or the model's default.

        Args:
            asked: the fields.
            files: given with them.
            task: `only`, `extend` and `retake` of `ClipInputs`.
            source: what they go on from.

        Raises:
            InvalidRequest: settings, prompts or inputs that do not go together.
        """
        try:
            return self._assembled(asked, files, task, source)
        except InvalidRequest:
            raise
        except UsageError as error:  # of settings, prompts and adapters: about what was asked
            raise InvalidRequest(str(error)) from None

    def _assembled(
        self, asked: Any, files: Mapping[str, bytes], task: Mapping[str, Any], source: Source
    ) -> CheckedRequest:
        before = source.request
        own = {name: value for name in SETTINGS if (value := getattr(asked, name)) is not None}
        if "extend" not in task or "video" not in {*files, *source.kept}:  # else `seconds` is what is added
            own |= self._frames(asked.seconds)
        own |= self._canvas(getattr(asked, "size", None))
        changes = before.get("changes", {}) | own
        settings = self.defaults.changed(**changes)
        geometry = settings.clip_geometry
        inputs: dict[str, Any] = {name: Path(name) for name in (*files, *source.kept)}
        given = Given(**inputs, **task)
        clip_task = CLIP_TASKS[given.task_name]
        check_guided([*own], clip_task)
        if given.retake is not None:
            retaken(given.retake, geometry)
        seed = before.get("seed", 0) if asked.seed is None else asked.seed
        negative = before.get("negative_prompt", "") if asked.negative_prompt is None else asked.negative_prompt
        loras = before.get("loras", {}) if asked.lora is None else asked_for(asked.lora, self.loras)
        self.index.check_prompts([asked.prompt, *settings.negative_prompts(negative)])
        index = self.index.with_phrases([phrase for name in loras for phrase in self.loras.get(name, ())])
        warning = index.prompts_warning([asked.prompt])
        pieces = self._pieces(task, "video" in {*files, *source.kept}, geometry)
        values = {
            "prompt": asked.prompt,
            "negative_prompt": negative,
            "seed": seed,
            "task": dict(task),
            "changes": changes,
            "loras": loras,
            "seconds": self._seconds(task, geometry, source),
            "work": settings.steps * (2 if settings.solver == "heun" else 1) * pieces * geometry.frames,
            "warnings": [] if warning is None else [warning],
            "webhook_url": asked.webhook_url,
        }
        if "video" in source.kept and "size" in before:
            values["size"] = before["size"]
        return CheckedRequest(values, files, source.kept, geometry, settings.enlarge)

    def _pieces(self, task: Mapping[str, Any], given: bool, geometry: ClipGeometry) -> int:
        """How many clips of the model's length are made."""
        pieces = int(task.get("extend", 0)) + (0 if given and task.get("extend") else 1)
        seconds = pieces * geometry.frames / geometry.fps
        if seconds > self.max_seconds:
            told = f"{seconds:g} seconds are to be made, this service makes clips of at most {self.max_seconds:g}"
            raise InvalidRequest(told, "seconds")
        return pieces

    def _seconds(self, task: Mapping[str, Any], geometry: ClipGeometry, source: Source) -> str:
        """Length of the clip; of an uploaded video that goes on, by how much."""
        further = int(task.get("extend", 0)) * (geometry.frames - OVERLAP_FRAMES)
        if "video" in source.kept and further:
            return f"{float(source.request['seconds']) + further / geometry.fps:g}"
        return f"{(geometry.frames + further) / geometry.fps:g}"

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


def _sentence(error: ValidationError, kind: type[BaseModel]) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"unknown field {key!r}, expected {', '.join(kind.model_fields)}"
    if first["type"] == "missing":
        return f"{key} is missing: {kind.model_fields[key].description}"
    return first_fault(error)
