"""What generating clips together holds and computes, whatever it runs on; without torch.

Sources of the frozen parts' sizes and dtypes: the released folders; the video VAE's file is float32, the audio VAE is
read as float32.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from mova_core.errors import StaleError
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.model.pretrained.index import TOWER_COMPONENTS, FolderIndex, read_json
from mova_core.model.text.prompt import CONTEXT_LENGTH, NANO_CONTEXT_LENGTH
from mova_core.model.towers.tower_configs import preset_configs
from mova_core.params import PRESETS, Params
from mova_core.params.model import Precision
from mova_core.params.runtime import ON_ANY_DEVICE, RuntimeParams
from mova_core.plan.flops import bridge_cost, tower_cost
from mova_core.plan.hardware import COMPUTE_BYTES
from mova_core.plan.tokens import ClipTokens, clip_tokens
from mova_core.sampling.settings import GenerateSettings

HIGH_NOISE, LOW_NOISE, AUDIO, BRIDGE = TOWER_COMPONENTS
STORED_BYTES = {"F32": 4, "BF16": 2, "F16": 2}  # as safetensors names them
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


class Weights(NamedTuple):
    """Numbers of a component, and bytes of each as it is held."""

    numbers: int
    width: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.numbers * self.width


RELEASED_FROZEN = {
    "text_encoder": Weights(5_680_910_336, 2),
    "video_vae": Weights(126_892_531, 4),
    "audio_vae": Weights(371_539_137, 4),
}


@dataclass(frozen=True, slots=True)
class ClipWorkload:
    """Clips that are generated together.

    Args:
        name: of the preset or the folder.
        geometry: of each clip.
        tokens: of each clip.
        configs: of the towers and the Bridge, by component; fields as in a released folder.
        weights: of every component that goes to the device, by name; nano's codecs and text stay on the processor.
        number: bytes of a number in which the towers compute.
        clips: how many.
    """

    name: str
    geometry: ClipGeometry
    tokens: ClipTokens
    configs: Mapping[str, Mapping[str, Any]]
    weights: Mapping[str, Weights]
    number: int
    clips: int = 1

    @property
    def canvas(self) -> Canvas:
        """Frame shape; the others of a geometry have as many pixels."""
        return self.geometry.canvases[0]

    @classmethod
    def of_preset(cls, params: Params, precision: Precision) -> "ClipWorkload":
        """A clip of a preset's largest geometry, by a model whose towers have this precision."""
        geometry, configs, number = params.clip_geometry, preset_configs(params), COMPUTE_BYTES[precision]
        nano = PRESETS[params.preset].fits_codecs
        tokens = clip_tokens(geometry, NANO_CONTEXT_LENGTH if nano else CONTEXT_LENGTH)
        layers = min(configs[BRIDGE]["visual_layers"], configs[BRIDGE]["audio_layers"])  # strategy "full"
        numbers = {
            HIGH_NOISE: tower_cost(configs[HIGH_NOISE], tokens.video, tokens.text).parameters,
            LOW_NOISE: tower_cost(configs[LOW_NOISE], tokens.video, tokens.text).parameters,
            AUDIO: tower_cost(configs[AUDIO], tokens.audio, tokens.text).parameters,
            BRIDGE: bridge_cost(configs[BRIDGE], layers, tokens).parameters,
        }
        weights = {name: Weights(count, number) for name, count in numbers.items()}
        return cls(params.preset, geometry, tokens, configs, weights | ({} if nano else RELEASED_FROZEN), number)

    @classmethod
    def of_folder(
        cls, index: FolderIndex, settings: GenerateSettings, runtime: RuntimeParams = ON_ANY_DEVICE, clips: int = 1
    ) -> "ClipWorkload":
        """Clips by the model in a folder, on the device of its towers.

        Args:
            index: of the folder.
            settings: of the clips.
            runtime: dtypes, and what is on another device than the towers.
            clips: how many together.

        Raises:
            StaleError: a file of weights is damaged.
        """
        assert index.folder is not None, "a model in memory is loaded already"
        parts = dict.fromkeys(TOWER_COMPONENTS, "towers")
        if not index.has_nano_text:
            parts |= {name: name for name in RELEASED_FROZEN}
        weights = {}
        for name, part in parts.items():
            if runtime.device_of(part) == runtime.device_of("towers"):
                stored, width = stored_weights(index.folder / name), BYTES.get(runtime.dtype_of(part))
                if width is None and name in RELEASED_FROZEN:
                    width = max(stored.width, RELEASED_FROZEN[name].width)  # the audio VAE is read as float32
                weights[name] = stored if width is None else stored._replace(width=width)
        number = weights[HIGH_NOISE].width
        configs = {name: read_json(index.folder / name / "config.json") for name in TOWER_COMPONENTS}
        geometry = settings.clip_geometry
        tokens = clip_tokens(geometry, NANO_CONTEXT_LENGTH if index.has_nano_text else CONTEXT_LENGTH)
        return cls(str(index.folder), geometry, tokens, configs, weights, number, clips)


def stored_weights(component: Path) -> Weights:
    """Numbers in a component's safetensors files, and bytes of each in the mean, by their headers alone.

    Raises:
        StaleError: a file is damaged.
    """
    numbers = size = 0
    for path in sorted(component.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                for key in file.keys():  # noqa: SIM118 - it is no mapping
                    piece = file.get_slice(key)
                    count = math.prod(piece.get_shape())
                    numbers, size = numbers + count, size + count * STORED_BYTES.get(piece.get_dtype(), 4)
        except (SafetensorError, OSError) as error:
            raise StaleError(f"{path} is not a readable safetensors file ({error}): fetch it again") from None
    return Weights(numbers, round(size / max(1, numbers)))
