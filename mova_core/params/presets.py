"""What a preset chooses: clip geometries, codecs, and the values in which it differs from the classes' defaults.

The defaults are nano's, so nano's row is empty: it is a configuration of the same code, not a branch of it.
Sources: MOVA report (arXiv:2602.08794), sections 3 and 4; sizes from the released configs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mova_core.errors import UsageError

PresetName = Literal["nano", "mova-360p", "mova-720p"]


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset.

    Args:
        geometries: clip geometries that the phases train on, smallest first; keys of `GEOMETRIES`.
        latent_sizes: channels of `video` and `audio` latents, and width of a `text` context; fitted codecs have
            `fit_codec.channels`.
        fits_codecs: whether it fits codecs of its own (`mova fit_codec`) instead of taking released ones.
        values: where it differs from the defaults, nested as in params.yaml.
    """

    geometries: tuple[str, ...]
    latent_sizes: Mapping[str, int]
    fits_codecs: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)


MOVA: dict[str, Any] = {
    "train": {
        "model": {
            "video": {"width": 5120, "heads": 40, "layers": 40, "mlp_width": 13824},
            "audio": {"width": 1536, "heads": 12, "layers": 30, "mlp_width": 8960},
            "timestep_width": 256,
            "rope_theta": 10000.0,
        },
        "micro_batches": None,
        "precision": "bfloat16",
        "activation_checkpointing": "full",
        "optimizer": {"lr": 1e-5},
        "loss": {"first_latent_weight": 1.0},
        "checkpoints": {"save_every": {"audio": 5000, "phase1": 5000, "phase2": 5000, "phase3": 2000}},
        "phase1": {"batch": 128},
        "phase2": {"batch": 128},
        "phase3": {"batch": 64},
        "lora": {"rank": 16, "lr": 1e-4},
    },
    "evaluate": {"footage": "other"},
    "generate": {
        "steps": 50,
        "text_guidance_scale": 5.0,
        "bridge_guidance_scale": 3.5,
        "video_shift": 5.0,
        "audio_shift": 5.0,
    },
    "select": {"other_footage_phase3": {"av_align_over_shuffled_interval_above": 0.0}},
}

MOVA_LATENTS = {"video": 16, "audio": 128, "text": 4096}

PRESETS: dict[PresetName, Preset] = {
    "nano": Preset(("nano-32", "nano-48"), {"text": 64}, fits_codecs=True),
    "mova-360p": Preset(("mova-360p",), MOVA_LATENTS, values=MOVA),
    "mova-720p": Preset(("mova-360p", "mova-720p"), MOVA_LATENTS, values=MOVA),
}
DEFAULT_PRESET: PresetName = "nano"


def preset_named(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UsageError: no such preset.
    """
    for known, preset in PRESETS.items():
        if known == name:
            return preset
    raise UsageError(f"preset is {name!r}, expected one of {', '.join(PRESETS)}")
