"""A LoRA training as it is asked for, checked without torch: refused in the first second."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.curation.own_clips.folder import OwnClip, read_own_clips
from mova_core.errors import UsageError
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params import Params
from mova_core.places import ADAPTERS, KEPT_RUNS, LORA_RUNS, DataFolder
from mova_core.storage.manifest import MANIFEST_FILE
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase, phase_named

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
DEFAULT_PHASE = "phase3"


@dataclass(frozen=True, slots=True)
class LoraRequest:
    """One adapter to train.

    Args:
        name: of the adapter.
        phase: whose latents, text and params it is trained with.
        base: the model folder that is fine-tuned.
        clips: of one's own.
        params: of the phase as this training needs them, see `_params_of`.
        places: with a data folder of these clips alone.
    """

    name: str
    phase: Phase
    base: Path
    clips: tuple[OwnClip, ...]
    params: Params
    places: Places

    @classmethod
    def check(
        cls, name: str, clips: Path | None, params: Params, data: DataFolder, phase: str | None = None
    ) -> "LoraRequest":
        """Check everything that small files tell.

        Args:
            name: of the adapter.
            clips: folder of video clips with captions.
            params: of the project.
            data: its data folder.
            phase: name; None for the last.

        Raises:
            UsageError: one sentence about the first thing that is wrong.
            StaleError: a damaged model folder.
        """
        chosen = phase_named(phase or DEFAULT_PHASE)
        if not chosen.joint:
            raise UsageError(
                f"--lora fine-tunes both towers and the Bridge, got phase {chosen.name}: expected phase1 to 3"
            )
        if NAME.fullmatch(name) is None or name == KEPT_RUNS:
            raise UsageError(
                f"--lora is {name!r}, expected a name of letters, digits, '_', '-' and '.', but not {KEPT_RUNS}"
            )
        if clips is None:
            raise UsageError(
                f"--lora {name} needs --clips DIR: a folder of video clips, each with its caption in a .txt file"
            )
        layout = params.train.parallel
        if layout.shard * layout.context > 1 or layout.backend != "torch":
            raise UsageError(
                f"train.parallel has shard {layout.shard}, context {layout.context} and backend {layout.backend}, and "
                "--lora trains copies of the model alone: expected shard 1, context 1 and backend torch"
            )
        folder = ADAPTERS / name
        if folder.exists() and not (folder / MANIFEST_FILE).is_file():
            raise UsageError(f"{folder} is there and is no adapter: choose another name, or remove it")
        places = Places(data.own_clips(name))
        base = Path(params.train.lora.base or places.models / chosen.name)
        index, own = FolderIndex.read(base), read_own_clips(clips)
        index.check_prompts([clip.caption for clip in own])
        return cls(name, chosen, base, own, _params_of(params, chosen, base), places)

    @property
    def adapter(self) -> Path:
        """Where the adapter is written."""
        return ADAPTERS / self.name

    @property
    def run(self) -> Path:
        """Checkpoints, curves and manifest of its training."""
        return LORA_RUNS / self.name

    @property
    def described_inputs(self) -> dict[str, Any]:
        """What decides the adapter beside the latents and the phase's params."""
        lora = self.params.train.lora
        return {
            "clips": {clip.path.name: clip.sha256 for clip in self.clips},
            "lora": lora.model_dump(mode="json", exclude={"base", "steps", "batch", "lr"}),
        }


def _params_of(params: Params, phase: Phase, base: Path) -> Params:
    """Steps, batch and learning rate are LoRA's, the rest is the phase's; the base's own codecs encode the clips."""
    train = params.train
    own = phase.params(train).model_copy(update={"steps": train.lora.steps, "batch": train.lora.batch})
    # Nothing is fresh in the Bridge: it learns at the same rate.
    optimizer = train.optimizer.model_copy(update={"lr": train.lora.lr, "bridge_lr_factor": 1.0})
    changed = train.model_copy(update={phase.name: own, "optimizer": optimizer})
    encode = params.encode.model_copy(update={"weights": str(base)})
    return params.model_copy(update={"train": changed, "encode": encode})
