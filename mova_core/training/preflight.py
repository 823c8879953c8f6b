"""What must hold before training starts, looked up in small files, without torch: refused in the first second.

The latents must be of the present codec and params; the weights to start from, those that `select` chose in the phase
before or those of a folder that params name, of the same size, codec and text encoder.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mova_core.curation.encode.latents_manifest import INDEX_FILE, encode_again, read_latents_manifest
from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.model.pretrained.frozen_parts import FrozenParts
from mova_core.model.pretrained.index import TOWER_COMPONENTS, FolderIndex, component_digests, read_json
from mova_core.params import PRESETS, Params
from mova_core.params.model import SELECTED_AUDIO, ModelParams, TowerParams
from mova_core.places import CHECKPOINTS, MODELS, PLOTS, PROFILE, RUNS, SAMPLES, TENSORBOARD, DataFolder
from mova_core.registry.manifests import SELECTION_FILE, Selection
from mova_core.storage.hashing import sha256_file, sha256_json
from mova_core.storage.manifest import MANIFEST_FILE, fault, read_manifest
from mova_core.training.data.index import clip_counts
from mova_core.training.data.origins import check_sources
from mova_core.training.processes import rank
from mova_core.training.recipe import PHASES, Phase

MONITOR_FILES = (PLOTS, SAMPLES, PROFILE, TENSORBOARD)
RUN_FILES = (CHECKPOINTS, "curves.jsonl", MANIFEST_FILE, *MONITOR_FILES)  # what a run folder holds
FEW_CLIPS = {"train": 200, "validation": 16}  # below: a run is warned about
AUDIO, BRIDGE = TOWER_COMPONENTS[2:]
DEFAULT_CONFIG = {"rope_theta": 10000.0}  # released configs leave it out
CONFIG_KEYS = {"width": "dim", "heads": "num_heads", "layers": "num_layers", "mlp_width": "ffn_dim"}  # of a tower


@dataclass(frozen=True, slots=True)
class Places:
    """Folders that training reads and writes."""

    data: DataFolder = field(default_factory=DataFolder)
    models: Path = MODELS
    runs: Path = RUNS

    def run(self, phase: Phase) -> Path:
        """Checkpoints, curves and manifest of a phase."""
        return self.runs / phase.name

    def latents(self, phase: Phase, params: Params) -> Path:
        """Shards that a phase trains on."""
        return self.data.latents(phase.geometry(params).name)

    def before(self, phase: Phase) -> Path | None:
        """The folder of the model that was selected in the phase before; None for the first phase."""
        return None if phase.starts_from is None else self.models / phase.starts_from

    def start(self, phase: Phase, params: Params) -> dict[str, Path | None]:
        """The model folder that the weights of each component come from; None for fresh ones."""
        before = self.before(phase)
        if phase.starts_from is None or PHASES[phase.starts_from].joint:
            return dict.fromkeys(phase.trains, before)
        folders: dict[str, Path | None] = {}
        for name, folder in params.train.init.folders.items():
            folders[name] = None if folder is None else before if folder == SELECTED_AUDIO else Path(folder)
        return folders


def run_folder(phase: Phase, places: Places, out: Path | None) -> Path:
    """The folder of a run: runs/PHASE, or that of a trial.

    Args:
        phase: which.
        places: where runs/ is.
        out: of a trial; None for runs/PHASE.

    Raises:
        UsageError: the trial's folder belongs to a phase, or holds something else than a run.
    """
    if out is None:
        return places.run(phase)
    if out.resolve().is_relative_to(places.runs.resolve()):
        raise UsageError(f"--out is {out}, which belongs to the phases: a trial needs a folder outside {places.runs}/")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out is {out}, a file: expected a folder that is new, empty, or of an earlier trial")
    if out.exists() and (foreign := sorted({path.name for path in out.iterdir()} - set(RUN_FILES))):
        raise UsageError(
            f"--out is {out}, which holds {foreign[0]}: expected a folder that is new, empty, or of an earlier trial"
        )
    return out


def check_trained(phase: Phase, places: Places) -> None:
    """UsageError unless there is a run of the phase."""
    if not places.run(phase).is_dir():
        raise UsageError(f"{places.run(phase)} is missing: run `mova train {phase.name}` first")


def check_inputs(phase: Phase, params: Params, places: Places) -> dict[str, Any]:
    """Refuse what cannot be trained on.

    Returns:
        What the run is made from: `geometry`, `latents` (sha256 of their manifest), `latents_index` (of their table),
        `codec`, `text_encoder`, `start_checkpoint` (id of the one selected in the phase before) and `start` (sha256
        of each component's weights), both None for fresh weights.

    Raises:
        UsageError: no latents, no weights to start from, or params that name origins or captions that no clip has.
        MovaError: no clip to train on, or none to validate on.
        StaleError: latents of another codec or other params, or weights that do not belong to them.
    """
    inputs = check_latents(phase, params, places)
    _check_clips(phase, places.latents(phase, params))
    check_sources(phase, phase.params(params.train), places.latents(phase, params), places.data)
    start, before = places.start(phase, params), places.before(phase)
    checkpoint_id = None
    for folder in dict.fromkeys(folder for folder in start.values() if folder is not None):
        if folder == before:
            checkpoint_id = _check_selected(phase, folder).checkpoint_id
        _check_codecs(phase, folder, inputs, params)
    for name, source in start.items():
        if source is not None:
            _check_size(source, name, params.train.model)
    weights = {name: source and component_digests(source / name) for name, source in start.items()}
    return {**inputs, "start_checkpoint": checkpoint_id, "start": weights if any(weights.values()) else None}


def few_clips(phase: Phase, latents: Path) -> str | None:
    """A warning where clips are so few that a model learns them by heart, or can hardly be judged; else None."""
    counts = clip_counts(latents, phase.name)
    if all(counts[split] >= enough for split, enough in FEW_CLIPS.items()):
        return None
    return (
        f"{phase.name} trains on {counts['train']} clips and is validated on {counts['validation']}: below "
        f"{FEW_CLIPS['train']} and {FEW_CLIPS['validation']} a model learns its clips by heart and its measures say "
        "little; bring more footage"
    )


def _check_clips(phase: Phase, latents: Path) -> None:
    """Refuse a phase without clips to train on, or without clips to validate on."""
    counts = clip_counts(latents, phase.name)
    if not counts["train"]:
        raise MovaError(
            f"none of the clips of {latents} is a training clip of {phase.name}: bring more footage, or change the "
            "limits (params.yaml, section assess)"
        )
    if not counts["validation"]:
        raise MovaError(
            f"none of the {counts['train']} clips of {latents} that {phase.name} takes is a validation clip, so what "
            "it learns could not be judged: raise cut.validation_share, or bring more footage (clips of one source and "
            "its near duplicates stay in one split)"
        )


def _check_size(folder: Path, component: str, size: ModelParams) -> None:
    """StaleError unless a component's weights are of the size that params ask for; UsageError where there are none."""
    if not (path := folder / component / "config.json").is_file():
        raise UsageError(f"{path} is missing: expected a model folder with {component} (params.yaml, train.init)")
    config = DEFAULT_CONFIG | read_json(path)
    for name, (key, expected) in _sizes(component, size).items():
        if config.get(key) != expected:
            raise StaleError(
                f"{folder}/{component} has {name.rpartition('.')[2]} {config.get(key)}, params train.model.{name} is "
                f"{expected}: weights cannot change their size, so set it back, or train from phase "
                f"{next(iter(PHASES))} on"
            )


def _sizes(component: str, size: ModelParams) -> dict[str, tuple[str, Any]]:
    """Of each param that decides a component's size: the field of its config, and the value expected there."""
    if component == BRIDGE:
        layers, widths = ("visual_layers", "audio_layers"), ("visual_hidden_dim", "audio_hidden_dim")
        towers = {"video": size.video, "audio": size.audio}
        deep = {f"{tower}.layers": (key, towers[tower].layers) for tower, key in zip(towers, layers, strict=True)}
        wide = {f"{tower}.width": (key, towers[tower].width) for tower, key in zip(towers, widths, strict=True)}
        return deep | wide
    section = "audio" if component == AUDIO else "video"
    asked: TowerParams = getattr(size, section)
    own = {f"{section}.{name}": (key, getattr(asked, name)) for name, key in CONFIG_KEYS.items()}
    shared = {"timestep_width": ("freq_dim", size.timestep_width), "rope_theta": ("rope_theta", size.rope_theta)}
    return own | shared


def check_latents(phase: Phase, params: Params, places: Places) -> dict[str, Any]:
    """Refuse latents that are not of the present codec and params.

    Returns:
        What stands in `check_inputs` of them.

    Raises:
        UsageError: none.
        StaleError: of another codec or other params.
    """
    geometry = phase.geometry(params).name
    folder = places.data.latents(geometry)
    manifest = read_latents_manifest(folder)
    if wrong := fault(folder / INDEX_FILE, manifest.files.get(INDEX_FILE)):
        raise StaleError(f"{folder / INDEX_FILE} {wrong}: {encode_again(folder)}")
    present = _encoders(params, places.data) | {"params": sha256_json(params.encode.target_lufs)}
    for what, now in present.items():
        if (got := getattr(manifest, what)) != now:
            raise StaleError(
                f"{folder} was encoded with {what} {got[:12]}, the present one is {now[:12]}: {encode_again(folder)}"
            )
    return {
        "geometry": geometry,
        "latents": sha256_file(folder / MANIFEST_FILE),
        "latents_index": manifest.files[INDEX_FILE].sha256,
        "codec": manifest.codec,
        "text_encoder": manifest.text_encoder,
    }


def _encoders(params: Params, data: DataFolder) -> dict[str, str]:
    """Fingerprints of the present codecs and text encoder."""
    if params.encode.weights is None and not PRESETS[params.preset].fits_codecs:
        return {}
    return _fingerprints(FrozenParts.of(params, data))


def _fingerprints(parts: FrozenParts) -> dict[str, str]:
    """Of codecs and text encoder; of released ones, whose bytes are all read, by the first process alone."""
    if not parts.nano and rank() != 0:
        return {}
    return {"codec": parts.codec_fingerprint(), "text_encoder": parts.text_fingerprint()}


def _check_selected(phase: Phase, folder: Path) -> Selection:
    """Refuse a folder that does not hold the model selected in the phase before."""
    again = _select_again(phase)
    if not (folder / SELECTION_FILE).is_file():
        raise UsageError(
            f"{folder / SELECTION_FILE} is missing: {phase.name} starts from a selected {phase.starts_from} "
            f"checkpoint, {again}"
        )
    selection, _ = read_manifest(folder / SELECTION_FILE, Selection)
    if selection.phase != phase.starts_from:
        raise StaleError(
            f"{folder} holds weights of phase {selection.phase!r}, {phase.name} starts from those of "
            f"{phase.starts_from}: {again}"
        )
    if not selection.passed:
        raise UsageError(
            f"{folder} holds no model to start {phase.name} from ({selection.reason}): train {phase.starts_from} until "
            "it passes its gates"
        )
    FolderIndex.read(folder)
    return selection


def _check_codecs(phase: Phase, folder: Path, inputs: dict[str, Any], params: Params) -> None:
    """StaleError unless weights were trained with the codecs and the text encoder that made the latents."""
    if params.encode.weights is not None and folder.resolve() == Path(params.encode.weights).resolve():
        return  # `_check_latents` compared them
    parts = FrozenParts.open(folder)
    for what, got in _fingerprints(parts).items():
        if got != inputs[what]:
            raise StaleError(
                f"{folder} was trained with {what} {got[:12]}, the latents were made with {inputs[what][:12]}: "
                f"{_select_again(phase)} after training {phase.starts_from} again, or name another folder in train.init"
            )


def _select_again(phase: Phase) -> str:
    return f"run `dvc repro select@{phase.starts_from}` (or `mova select {phase.starts_from}`)"
