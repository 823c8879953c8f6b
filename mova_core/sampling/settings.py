"""How a clip is generated: the folder's own defaults, changed by a request; checked before torch is loaded."""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from pydantic import Field, ValidationError, model_validator

from mova_core.errors import MovaError, StaleError, UsageError, first_fault
from mova_core.geometry import Canvas, ClipGeometry, geometry_named
from mova_core.model.pretrained.index import FolderIndex
from mova_core.model.tasks import Role
from mova_core.params import PresetName, params_from
from mova_core.params.generate import Modality, SamplingParams
from mova_core.sampling.output_format import OUTPUT_FORMATS, Codec, OutputFormat
from mova_core.sampling.tasks import ClipTask

if TYPE_CHECKING:  # the command line reads the fields: `mova --help` needs no numpy
    import numpy as np
    from numpy.typing import NDArray

RELEASED: PresetName = "mova-360p"  # a released folder names no defaults: those of this preset
MODALITIES: tuple[Modality, ...] = get_args(Modality)
COMMON_SCALES = TEXT_SCALE, BRIDGE_SCALE = ("text_guidance_scale", "bridge_guidance_scale")


class GenerateSettings(SamplingParams):
    """Everything that determines a clip except its prompt, image and seed.

    `geometry` is the one the model was trained at last; frames, height and width ask for another size of it.
    """

    geometry: str  # a key of GEOMETRIES
    keep_first_latent: bool = False  # a given first frame comes out exactly, not as the model renders it
    codec: Codec = Field(
        "h264", description="of the file: h264, hevc, av1 (mp4, with AAC), or lossless (FFV1, FLAC; mkv)"
    )
    enlarge: int = Field(1, ge=1, le=64)  # whole factor by which a file's frames are larger than the model's
    bridge: bool = True  # False: the control without the Bridge, where bridge_guidance_scale has no part
    frames: int | None = Field(None, ge=1, le=4097, description="frames of the clip, 4k + 1")
    height: int | None = Field(None, ge=16, le=8192, description="pixels, a multiple of 16, with width")
    width: int | None = Field(None, ge=16, le=8192, description="pixels, a multiple of 16, with height")
    video_negative_prompt: str | None = Field(
        None, description="what the video should stay away from; null: the negative prompt of both"
    )
    audio_negative_prompt: str | None = Field(
        None, description="what the audio should stay away from; null: the negative prompt of both"
    )

    @classmethod
    def of(cls, index: FolderIndex) -> "GenerateSettings":
        """A model folder's defaults.

        Raises:
            StaleError: its `generate` is not of this version.
        """
        values = index.generate
        if values is None:
            values = params_from({"preset": RELEASED}).generate.stored()
            values |= {"geometry": RELEASED, "video_shift": index.shift, "audio_shift": index.shift}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise StaleError(f"model_index.json of {index.folder}: generate.{first_fault(error)}") from None

    @model_validator(mode="after")
    def _sizes_fit(self) -> "GenerateSettings":
        if (self.height is None) != (self.width is None):
            raise ValueError("height and width must be given together")
        try:
            _ = self.clip_geometry
        except MovaError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def clip_geometry(self) -> ClipGeometry:
        """Length and frame shapes of the clip; one canvas where height and width are asked for."""
        geometry = geometry_named(self.geometry)
        if self.frames is not None:
            geometry = replace(geometry, frames=self.frames)
        if self.height is not None and self.width is not None:
            geometry = replace(geometry, canvases=(Canvas(self.height, self.width),))
        return geometry

    @property
    def output_format(self) -> OutputFormat:
        """How a clip's file is coded."""
        return OUTPUT_FORMATS[self.codec]

    @property
    def highest_dbtp(self) -> float | None:
        """The true peak that a clip's audio keeps to; None where no loudness is asked for: it stays as it is."""
        return None if self.target_lufs is None else self.true_peak_dbtp

    def canvas(self, image: "NDArray[np.uint8] | None") -> Canvas:
        """The clip's frame shape: the canvas nearest to the image's shape; without an image, the first canvas."""
        geometry = self.clip_geometry
        return geometry.canvases[0] if image is None else geometry.canvas_for(image.shape[1], image.shape[0])

    def changed(self, **changes: Any) -> "GenerateSettings":
        """These settings with what a request asks for; None leaves a value as it is.

        Raises:
            UsageError: a value that cannot be, or a name that is none.
        """
        asked = {name: value for name, value in changes.items() if value is not None}
        # A common scale that is asked for goes before a folder's own one of a modality.
        common = {f"{modality}_{name}": None for name in COMMON_SCALES if name in asked for modality in MODALITIES}
        try:
            changed = type(self).model_validate(self.model_dump() | common | asked)
        except ValidationError as error:
            raise UsageError(first_fault(error)) from None
        changed._refuse_idle_guidance(asked)
        if "true_peak_dbtp" in asked and changed.target_lufs is None:
            raise UsageError("true_peak_dbtp has no part without target_lufs, which sets the loudness: give that too")
        return changed

    def negative_prompt(self, modality: Modality, common: str) -> str:
        """The negative prompt of one modality: its own, or the common one."""
        own: str | None = getattr(self, f"{modality}_negative_prompt")
        return common if own is None else own

    def negative_prompts(self, common: str) -> list[str]:
        """Every negative prompt that is not empty, in the order of the modalities."""
        return [text for modality in MODALITIES if (text := self.negative_prompt(modality, common))]

    def _refuse_idle_guidance(self, asked: Collection[str]) -> None:
        """UsageError where something was asked of guidance that, with these settings, has no part."""
        if not self.bridge and (idle := next((name for name in asked if name.endswith(BRIDGE_SCALE)), None)):
            raise UsageError(f"{idle} has no part without the Bridge: leave one of the two out")
        unguided = [modality for modality in MODALITIES if not self.is_guided(modality, self.bridge)]
        idle_settings = [*self.idle_guidance(self.bridge), *(f"{modality}_negative_prompt" for modality in unguided)]
        if idle := next((name for name in idle_settings if name in asked), None):
            raise UsageError(f"{idle} has no part where guidance scales are 1: set one, or leave {idle} out")


def check_guided(asked: Collection[str], task: ClipTask) -> None:
    """Refuse guidance of what is not generated.

    Args:
        asked: names of settings that a request sets.
        task: of the clip.

    Raises:
        UsageError: one of those settings guides a modality that is given or absent, or a Bridge that has no part.
    """
    for modality in MODALITIES:
        own = (*(f"{modality}_{name}" for name in COMMON_SCALES), f"{modality}_negative_prompt")
        role: Role = getattr(task.model, modality)
        if role != "noised" and (idle := next((name for name in own if name in asked), None)):
            raise UsageError(f"{idle} has no part where the {modality} is {role}: leave one of the two out")
    if "target_lufs" in asked and "audio" not in task.generated:
        raise UsageError(f"target_lufs has no part where the audio is {task.model.audio}: leave one of the two out")
    if not task.model.bridge and (idle := next((name for name in asked if name.endswith(BRIDGE_SCALE)), None)):
        raise UsageError(f"{idle} has no part where one modality is absent: leave one of the two out")


NEGATIVE_PROMPTS = tuple(f"{modality}_negative_prompt" for modality in MODALITIES)
CLIP_SETTINGS = (*SamplingParams.model_fields, *NEGATIVE_PROMPTS, "frames", "height", "width", "codec")
"""Fields that a request may set."""
