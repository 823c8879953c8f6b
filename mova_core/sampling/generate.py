"""`mova generate`: run a checked request and write its clips."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from mova_core.media.provenance import Provenance
from mova_core.model.model_folder import load_components
from mova_core.printable import printable
from mova_core.progress import track
from mova_core.sampling.clip_file import Loudness, write_audio
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.like import check_same
from mova_core.sampling.recipe import recipe_of
from mova_core.sampling.request import Clip, Request
from mova_core.sampling.rewritten_prompts import record_path, write_record
from mova_core.sampling.sampler import Watcher
from mova_core.sampling.written_clip import loudness_warning, write_generated
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
    _warn(request.warnings)
    generator, settings = _generator(request), request.settings
    geometry = settings.clip_geometry
    batches = list(request.batches())
    steps = len(batches) * settings.steps
    progress = track(range(steps), steps, "generate")
    watcher = Watcher(on_step=lambda done: next(progress, None))
    loudness: dict[str, Loudness | None] = {}  # by path
    for batch in batches:
        inputs = [clip.inputs for clip in batch for _ in range(request.copies)]
        output = generator.generate(inputs, settings, negative_prompt=request.negative_prompt, watcher=watcher)
        videos, audios = output.videos[:: request.copies], output.audios[:: request.copies]
        for clip, video, audio in zip(batch, videos, audios, strict=True):
            write_record(clip)
            recipe = recipe_of(
                clip.inputs, clip.digests, request.negative_prompt, settings, generator.computed_on, len(inputs)
            )
            provenance = Provenance(checkpoint_id, request.loras, recipe)
            loudness[str(clip.path)] = write_generated(clip.path, video, audio, geometry, settings, provenance)
            if clip.audio_out is not None:
                with atomic_path(clip.audio_out) as temporary:
                    write_audio(temporary, audio, geometry.audio_rate_hz)
    next(progress, None)  # past the last item: the bar is closed
    missed = [loudness_warning(clip.path, loudness[str(clip.path)], settings) for clip in request.clips]
    too_quiet = [warning for warning in missed if warning is not None]
    _warn(too_quiet)
    if request.same_as is not None:
        check_same(request.clips[0].path, request.same_as)
    return {
        "clips": [_described(clip, loudness[str(clip.path)]) for clip in request.clips],
        "checkpoint_id": checkpoint_id,
        "loras": [asdict(lora) for lora in request.loras],
        "settings": settings.model_dump(),
        "duration_s": geometry.duration_s,
        "warnings": [*request.warnings, *too_quiet],
        "text": "\n".join(
            f"{clip.path}: {geometry.frames} frames at {geometry.fps} a second, "
            f"{geometry.audio_samples} samples at {geometry.audio_rate_hz} Hz, seed {clip.inputs.seed}{_told(clip)}"
            for clip in request.clips
        ),
    }


def _generator(request: Request) -> ClipGenerator:
    model = load_components(request.folder)
    if request.lora is not None:
        from mova_core.model.lora.layers import load_adapter  # peft, which takes seconds, only where it is used

        load_adapter(model.towers, request.lora)
    return ClipGenerator.of(model, request.runtime)


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _described(clip: Clip, loudness: Loudness | None) -> dict[str, Any]:
    described = {"path": str(clip.path), "prompt": clip.inputs.prompt, "seed": clip.inputs.seed}
    if loudness is not None:
        described |= asdict(loudness)
    if (prompting := clip.prompting) is not None:
        rewritten, record = prompting.reason is None, str(record_path(clip.path))
        described["prompting"] = {"user_prompt": prompting.user_prompt, "rewritten": rewritten, "record": record}
    return described


def _told(clip: Clip) -> str:
    if clip.prompting is None or clip.prompting.reason is not None:
        return ""
    return f"\n  prompt, rewritten: {printable(clip.inputs.prompt)}"
