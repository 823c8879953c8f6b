"""`mova generate`: run a checked request and write its clips."""

import sys
from typing import Any

from mova_core.media.provenance import Provenance, write_provenance
from mova_core.model.model_folder import load_components
from mova_core.printable import printable
from mova_core.progress import track
from mova_core.sampling.clip_file import write_clip
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.request import Clip, Request
from mova_core.sampling.rewritten_prompts import record_path, write_record
from mova_core.sampling.sampler import Watcher
from mova_core.storage.atomic import atomic_path


def generate(request: Request, checkpoint_id: str) -> dict[str, Any]:
    """Generate the clips of a request, batch by batch, each file whole or not there.

    Args:
        request: what to generate, with which model folder.
        checkpoint_id: of that folder; it is written into each clip as its provenance.

    Returns:
        Summary: the files, and how the clips were made.

    Raises:
        MovaError: the model folder is damaged, or a place cannot be written to.
    """
    for warning in request.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    model, settings = load_components(request.folder), request.settings
    if (lora := request.lora) is not None:
        from mova_core.model.lora.layers import load_adapter  # peft, which takes seconds, only where it is used

        load_adapter(model.towers, lora)
    generator = ClipGenerator(model)
    provenance = Provenance(checkpoint_id, None if lora is None else lora.adapter_id)
    batches = list(request.batches())
    steps = len(batches) * settings.steps
    progress = track(range(steps), steps, "generate")
    watcher = Watcher(on_step=lambda done: next(progress, None))
    for batch in batches:
        inputs = [clip.inputs for clip in batch]
        output = generator.generate(inputs, settings, negative_prompt=request.negative_prompt, watcher=watcher)
        for clip, video, audio in zip(batch, output.videos, output.audios, strict=True):
            write_record(clip)
            with atomic_path(clip.path) as temporary:
                write_clip(temporary, video, audio, output.geometry, settings.enlarge)
                write_provenance(temporary, provenance)
    next(progress, None)  # past the last item: the bar is closed
    geometry = settings.clip_geometry
    return {
        "clips": [_described(clip) for clip in request.clips],
        "checkpoint_id": checkpoint_id,
        "lora": provenance.lora,
        "settings": settings.model_dump(),
        "duration_s": geometry.duration_s,
        "warnings": list(request.warnings),
        "text": "\n".join(
            f"{clip.path}: {geometry.frames} frames at {geometry.fps} a second, "
            f"{geometry.audio_samples} samples at {geometry.audio_rate_hz} Hz, seed {clip.inputs.seed}{_told(clip)}"
            for clip in request.clips
        ),
    }


def _described(clip: Clip) -> dict[str, Any]:
    described = {"path": str(clip.path), "prompt": clip.inputs.prompt, "seed": clip.inputs.seed}
    if (prompting := clip.prompting) is not None:
        rewritten, record = prompting.reason is None, str(record_path(clip.path))
        described["prompting"] = {"user_prompt": prompting.user_prompt, "rewritten": rewritten, "record": record}
    return described


def _told(clip: Clip) -> str:
    if clip.prompting is None or clip.prompting.reason is not None:
        return ""
    return f"\n  prompt, rewritten: {printable(clip.inputs.prompt)}"
