"""`mova generate`: a clip from a prompt, and from frames, video or audio where they are given."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mova_core.cli.model.setting_options import with_settings
from mova_core.params.runtime import RUNTIME_SETTINGS, RuntimeParams
from mova_core.sampling.request.wanted import Given, Wanted
from mova_core.sampling.settings import CLIP_SETTINGS, GenerateSettings

if TYPE_CHECKING:
    from mova_core.sampling.request.like import Like


@with_settings(RuntimeParams, RUNTIME_SETTINGS, "runtime")
@with_settings(GenerateSettings, CLIP_SETTINGS)
@with_settings(Given, Given.model_fields, "given")
def generate(
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint", help="Alias, checkpoint id or model folder.", show_default="needed without --like"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The .mp4 to write (.mkv with --codec lossless); with --prompts the folder.",
            show_default="required",
        ),
    ] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="What the video should show, and its audio.")] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            help='Many at once: per line {"prompt": "a red ball"}, also with name, seed, image, video, retake, …',
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option("--like", help="A generated clip to make again, byte for byte; what else is given is changed."),
    ] = None,
    negative_prompt: Annotated[
        str | None, typer.Option("--negative-prompt", help="What to stay away from.", show_default="nothing")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=2**53 - 1, help="Same seed, same clip.", show_default="0")
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option(
            "--lora",
            help="A LoRA adapter, such as models/lora/NAME or a .safetensors file; =0.7 behind it is its weight. "
            "May be given several times.",
        ),
    ] = None,
    rewrite_prompt: Annotated[
        bool,
        typer.Option(
            "--rewrite-prompt",
            help="Have the prompt written as a training caption by the model at MOVA_LLM_URL; the one at MOVA_VLM_URL "
            "describes given frames.",
        ),
    ] = False,
    audio_out: Annotated[
        Path | None,
        typer.Option(
            "--audio-out", help="A .wav (24 bits, as the model made it) of the audio too; with --prompts a folder."
        ),
    ] = None,
    guidance_parallel: Annotated[
        bool,
        typer.Option("--guidance-parallel", help="Divide guidance with a second process, which has the next GPU."),
    ] = False,
    *,
    given: dict[str, Any],
    changes: dict[str, Any],
    runtime: dict[str, Any],
) -> dict[str, Any]:
    """Generate a clip: video and audio, as MP4 (H.264, AAC) unless --codec says otherwise. An option not given has the
    model's own default.

    Example: mova generate --checkpoint models/phase3 --prompt "A red ball bounces on a dark floor." --out clip.mp4

    Example: mova generate --checkpoint models/phase3 --prompt "A red ball bounces." --video silent.mp4 --out foley.mp4

    Example: mova generate --like clip.mp4 --seed 5 --out other.mp4
    """
    from mova_core.cli.registry.checkpoint_reference import recorded_checkpoint, resolve_checkpoint
    from mova_core.errors import UsageError
    from mova_core.model.lora.lora_file import parse_wanted
    from mova_core.registry.manifests import checkpoint_id_of
    from mova_core.sampling.request.like import Like, remember_sources
    from mova_core.sampling.request.request import Request

    if out is None:
        raise UsageError("--out is missing: name the clip to write, such as clip.mp4")
    if (prompt is not None and prompts is not None) or (prompt, prompts, like) == (None, None, None):
        raise UsageError("give either --prompt TEXT or --prompts FILE.jsonl")
    if checkpoint is None and like is None:
        raise UsageError("--checkpoint is missing: name a model folder, an alias or a checkpoint id")
    of_one = [*given, *(["like"] if like is not None else [])]
    if prompts is not None and of_one:
        option = f"--{of_one[0].replace('_', '-')}"
        raise UsageError(f"{option} goes with one clip: with --prompts, its lines say how each is made")
    again = None if like is None else Like.read(like)
    if again is not None and out.resolve() == again.path.resolve():
        raise UsageError(f"--out is {out}, which is the clip of --like itself: expected another name")
    checkpoint_id = None  # of a large released folder it takes minutes to hash, so it is done once
    if again is not None and checkpoint is None:
        checkpoint_id = again.provenance.checkpoint_id
        folder = recorded_checkpoint(checkpoint_id, again.path)
    else:
        folder = resolve_checkpoint(str(checkpoint))
    request = Request.check(
        folder,
        _many(prompts, seed, audio_out) if prompts else [_one(out, prompt, given, seed, audio_out, again)],
        out if prompts else out.parent,
        again.recipe.negative_prompt if again is not None and negative_prompt is None else negative_prompt or "",
        changes,
        again.loras() if again is not None and not lora else [parse_wanted(word) for word in lora or ()],
        runtime if again is None else again.recipe.runtime | runtime,
        None if again is None else again.settings(),
    )
    if guidance_parallel:
        request = request.with_second_process()
    if rewrite_prompt:
        from mova_core.prompting.rewrite import PromptRewriter
        from mova_core.sampling.request.rewritten_prompts import with_rewritten_prompts

        request = with_rewritten_prompts(request, PromptRewriter.from_environment())
    checkpoint_id = checkpoint_id or checkpoint_id_of(folder)
    if again is not None:
        request = again.check(request, checkpoint_id)
    remember_sources(request, checkpoint_id)

    from mova_core.sampling.generate import generate as run_generate  # torch only from here on

    return run_generate(request, checkpoint_id)


def _one(
    out: Path, prompt: str | None, given: dict[str, Any], seed: int | None, audio_out: Path | None, again: "Like | None"
) -> Wanted:
    """The clip that the options ask for; what they leave open is as in the one to make again."""
    from pydantic import ValidationError

    from mova_core.errors import UsageError, first_fault

    if again is not None:
        prompt = again.recipe.prompt if prompt is None else prompt
        seed = again.recipe.seed if seed is None else seed
        given = again.given(given)
    try:
        checked = Given.model_validate(given)
    except ValidationError as error:
        raise UsageError(first_fault(error)) from None
    return Wanted(out.stem, prompt or "", seed or 0, checked, out.suffix, audio_out)


def _many(prompts: Path, seed: int | None, audio_out: Path | None) -> list[Wanted]:
    from mova_core.sampling.request.prompt_file import read_prompts

    wanted = read_prompts(prompts, seed or 0)
    if audio_out is None:
        return wanted
    return [replace(clip, audio_out=audio_out / f"{clip.name}.wav") for clip in wanted]
