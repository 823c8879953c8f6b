"""One short clip by a model as it is kept: it loads, its clip decodes, and neither modality collapsed.

Where this machine has not the memory to load the model, there is no clip and the promotion is refused: promote on one
that has, or set `promote.smoke_clip: false`, which the evidence then says.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mova_core.errors import MovaError
from mova_core.evaluation.scoring.files import CLIPS_FILE
from mova_core.media.decode import Frame, decode_whole
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params import Params
from mova_core.params.runtime import RUNTIME_SETTINGS
from mova_core.registry.manifests import EVALUATION_FOLDER, check_selected
from mova_core.sampling.generate import generate
from mova_core.sampling.request.request import Request
from mova_core.sampling.request.wanted import NOTHING, Given, Wanted
from mova_core.sampling.settings import GenerateSettings
from mova_core.storage.hashing import sha256_file
from mova_core.training.recipe import phase_named

FRAMES = 33  # at most
SEED = 0
PROMPT = "A red ball bounces on a dark floor."


def make_smoke_clip(folder: Path, checkpoint_id: str, phase: str, params: Params) -> dict[str, Any]:
    """Generate it; a clip that collapses is tried again with other seeds, as always.

    Args:
        folder: of the stored model.
        checkpoint_id: of its weights.
        phase: that it was trained in: after phase audio there is no video to look at.
        params: `promote.smoke_steps`, and what `generate` says of the device.

    Returns:
        What the evidence of a promotion says of it.

    Raises:
        StaleError: the files are not those that were selected.
        UsageError: this machine has too little memory.
        MovaError: there is no clip, it does not decode, or it collapsed with every seed.
    """
    check_selected(folder, "promote it again from where it was selected")
    joint = phase_named(phase).joint
    clip = Wanted("smoke", _prompt(folder), SEED, NOTHING if joint else Given(only="audio"))
    runtime = {name: getattr(params.generate, name) for name in RUNTIME_SETTINGS}
    with TemporaryDirectory() as out:
        request = Request.check(folder, [clip], Path(out), changes=_changes(folder, params), runtime=runtime)
        result = generate(request, checkpoint_id)
        path = request.clips[0].path
        if result["collapsed"]:
            raise MovaError(f"its clip collapsed with every seed: {'; '.join(result['warnings'])}")
        frames, audio = _decoded(path, request.settings.clip_geometry.audio_rate_hz, video=joint)
        wanted = request.settings.clip_geometry.frames if joint else 0
        if frames != wanted or not audio:
            raise MovaError(
                f"its clip decodes to {frames} frames and {audio} pieces of audio, expected {wanted} and some"
            )
        steps, sha256 = request.settings.steps, sha256_file(path)
    return {"prompt": clip.prompt, "seed": clip.seed, "steps": steps, "frames": frames, "sha256": sha256}


def _changes(folder: Path, params: Params) -> dict[str, Any]:
    frames = GenerateSettings.of(FolderIndex.read(folder)).clip_geometry.frames
    return {"steps": params.promote.smoke_steps, "frames": min(FRAMES, frames)}


def _prompt(folder: Path) -> str:
    """The first of its evaluation; `PROMPT` for a model that was selected by an earlier version."""
    path = folder / EVALUATION_FOLDER / CLIPS_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return (json.loads(lines[0])["asked"].get("prompt") if lines else None) or PROMPT


def _decoded(path: Path, audio_rate_hz: int, *, video: bool) -> tuple[int, int]:
    """Frames, and pieces of audio."""
    pieces = list(decode_whole(path, audio_rate_hz=audio_rate_hz, video=video))
    frames = sum(isinstance(piece, Frame) for piece in pieces)
    return frames, len(pieces) - frames
