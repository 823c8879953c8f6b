"""What must hold before training starts, looked up in small files, without torch: refused in the first second.

The latents must be of the present codec and params, and the weights to start from must be those that `select` chose in
the phase before, with the same codec and text encoder.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mova_core.curation.layout import DataFolder
from mova_core.errors import StaleError, UsageError
from mova_core.model.pretrained.index import TOWER_COMPONENTS, FolderIndex, read_json
from mova_core.params import Params
from mova_core.params.model import ModelParams, TowerParams
from mova_core.registry.manifests import SELECTION_FILE, Selection, read_manifest
from mova_core.storage.hashing import sha256_file, sha256_json
from mova_core.training.recipe import PHASES, Phase

LATENTS_MANIFEST, LATENTS_INDEX = "manifest.json", "index.parquet"
CONFIG_KEYS = {"width": "dim", "heads": "num_heads", "layers": "num_layers", "mlp_width": "ffn_dim"}  # of a tower


@dataclass(frozen=True, slots=True)
class Places:
    """Folders that training reads and writes."""

    data: DataFolder = field(default_factory=DataFolder)
    models: Path = Path("models")
    runs: Path = Path("runs")

    def run(self, phase: Phase) -> Path:
        """Checkpoints, curves and manifest of a phase."""
        return self.runs / phase.name

    def start(self, phase: Phase) -> Path | None:
        """The model folder that a phase starts from; None for fresh weights."""
        return None if phase.previous is None else self.models / phase.previous


def check_inputs(phase: Phase, params: Params, places: Places) -> dict[str, Any]:
    """Refuse what cannot be trained on.

    Returns:
        What the run is made from: `geometry`, `latents` (sha256 of their manifest), `latents_index` (of their table),
        `codec`, `text_encoder`, `start_checkpoint` (its id) and `start` (sha256 of each component's weights), both
        None for fresh weights.

    Raises:
        UsageError: a preset without trainable latents, no latents, or no weights to start from.
        StaleError: latents of another codec or other params, or weights that do not belong to them.
    """
    if params.preset != "nano":
        raise UsageError(
            f"preset {params.preset} has no latents to train on yet (see `mova encode`): only nano can be trained"
        )
    inputs = _check_latents(phase, params, places)
    start = places.start(phase)
    if start is None:
        return {**inputs, "start_checkpoint": None, "start": None}
    selection = _check_start(phase, start, inputs)
    _check_size(phase, start, params.train.model)
    weights = {
        name: [sha256_file(path) for path in sorted((start / name).glob("*.safetensors"))] for name in TOWER_COMPONENTS
    }
    return {**inputs, "start_checkpoint": selection.checkpoint_id, "start": weights}


def _check_size(phase: Phase, start: Path, size: ModelParams) -> None:
    """StaleError unless the weights to start from are of the size that params ask for."""
    for component, section in (("video_dit", "video"), ("video_dit_2", "video"), ("audio_dit", "audio")):
        config = read_json(start / component / "config.json")
        asked: TowerParams = getattr(size, section)
        for name, key in CONFIG_KEYS.items():
            if config.get(key) != (expected := getattr(asked, name)):
                raise StaleError(
                    f"{start}/{component} has {name} {config.get(key)}, params train.model.{section}.{name} is "
                    f"{expected}: weights cannot change their size, so set it back, or train from phase "
                    f"{next(iter(PHASES))} on"
                )
        if config.get("rope_theta") != size.rope_theta:
            raise StaleError(
                f"{start}/{component} has rope_theta {config.get('rope_theta')}, params train.model.rope_theta is "
                f"{size.rope_theta}: set it back, or train from phase {next(iter(PHASES))} on"
            )


def _check_latents(phase: Phase, params: Params, places: Places) -> dict[str, Any]:
    geometry = phase.geometry(params).name
    folder = places.data.latents(geometry)
    path = folder / LATENTS_MANIFEST
    if not path.is_file():
        raise UsageError(
            f"{path} is missing: {phase.name} trains on latents of {geometry}, run `dvc repro encode@{geometry}` "
            f"(or `mova encode {geometry}`)"
        )
    manifest = read_json(path)
    codec_config = places.data.codec / "config.json"
    if not codec_config.is_file():
        raise UsageError(f"{codec_config} is missing: latents cannot be used without their codec, run `mova fit_codec`")
    present = {"codec": read_json(codec_config)["fingerprint"], "params": sha256_json(params.encode.target_lufs)}
    for what, now in present.items():
        if manifest.get(what) != now:
            raise StaleError(
                f"{folder} was encoded with {what} {str(manifest.get(what))[:12]}, the present one is {now[:12]}: "
                f"run `dvc repro encode@{geometry}` (or `mova encode {geometry}`) again"
            )
    return {
        "geometry": geometry,
        "latents": sha256_file(path),
        "latents_index": manifest["files"][LATENTS_INDEX]["sha256"],
        "codec": manifest["codec"],
        "text_encoder": manifest["text_encoder"],
    }


def _check_start(phase: Phase, start: Path, inputs: dict[str, Any]) -> Selection:
    again = f"run `dvc repro select@{phase.previous}` (or `mova select {phase.previous}`)"
    if not (start / SELECTION_FILE).is_file():
        raise UsageError(
            f"{start / SELECTION_FILE} is missing: {phase.name} starts from a selected {phase.previous} checkpoint, "
            f"{again}"
        )
    selection, _ = read_manifest(start / SELECTION_FILE, Selection)
    if selection.phase != phase.previous:
        raise StaleError(
            f"{start} holds weights of phase {selection.phase!r}, {phase.name} starts from those of {phase.previous}: "
            f"{again}"
        )
    if not selection.passed:
        raise UsageError(
            f"{start} holds no model to start {phase.name} from ({selection.reason}): train {phase.previous} until it "
            "passes its gates"
        )
    FolderIndex.read(start)
    for component, what in (("video_vae", "codec"), ("audio_vae", "codec"), ("text_encoder", "text_encoder")):
        if (got := read_json(start / component / "config.json").get("fingerprint")) != inputs[what]:
            raise StaleError(
                f"{start} was trained with {what} {str(got)[:12]}, the latents were made with {inputs[what][:12]}: "
                f"{again} after training {phase.previous} again"
            )
    return selection
