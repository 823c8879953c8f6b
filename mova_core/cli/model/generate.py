"""`mova generate`: a clip from a prompt, and from a first frame, or a first and a last one, where they are given."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.cli.model.setting_options import with_settings
from mova_core.params.runtime import RUNTIME_SETTINGS, RuntimeParams
from mova_core.sampling.settings import CLIP_SETTINGS, GenerateSettings


@with_settings(RuntimeParams, RUNTIME_SETTINGS, "runtime")
@with_settings(GenerateSettings, CLIP_SETTINGS)
def generate(
    checkpoint: Annotated[str, typer.Option("--checkpoint", help="Alias, checkpoint id or model folder.")],
    out: Annotated[
        Path, typer.Option("--out", help="The .mp4 to write (.mkv with --codec lossless); with --prompts the folder.")
    ],
    prompt: Annotated[str | None, typer.Option("--prompt", help="What the video should show, and its audio.")] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            help='Many at once: per line {"prompt": "a red ball"}, also with name, image, last_image, seed.',
        ),
    ] = None,
    negative_prompt: Annotated[str, typer.Option("--negative-prompt", help="What to stay away from.")] = "",
    image: Annotated[Path | None, typer.Option("--image", help="The first frame, an RGB image.")] = None,
    last_image: Annotated[Path | None, typer.Option("--last-image", help="The last frame, beside --image.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**53 - 1, help="Same seed, same clip.")] = 0,
    lora: Annotated[
        Path | None, typer.Option("--lora", help="A LoRA adapter of this model, such as models/lora/NAME.")
    ] = None,
    rewrite_prompt: Annotated[
        bool,
        typer.Option(
            "--rewrite-prompt",
            help="Have the prompt written as a training caption by the model at MOVA_LLM_URL; the one at MOVA_VLM_URL "
            "describes a first frame.",
        ),
    ] = False,
    audio_out: Annotated[
        Path | None,
        typer.Option(
            "--audio-out", help="A .wav (24 bits, as the model made it) of the audio too; with --prompts a folder."
        ),
    ] = None,
    *,
    changes: dict[str, Any],
    runtime: dict[str, Any],
) -> dict[str, Any]:
    """Generate a clip: video and audio, as MP4 (H.264, AAC) unless --codec says otherwise. An option not given has the
    model's own default.

    Example: mova generate --checkpoint models/phase3 --prompt "A red ball bounces on a dark floor." --out clip.mp4
    """
    from dataclasses import replace

    from mova_core.cli.registry.checkpoint_reference import resolve_checkpoint
    from mova_core.errors import UsageError
    from mova_core.registry.manifests import checkpoint_id_of
    from mova_core.sampling.prompt_file import Wanted, read_prompts
    from mova_core.sampling.request import Request

    if (prompt is None) == (prompts is None):
        raise UsageError("give either --prompt TEXT or --prompts FILE.jsonl")
    if prompts is not None and (image or last_image) is not None:
        option = "--image" if image is not None else "--last-image"
        raise UsageError(f"{option} goes with --prompt: with --prompts, name images in its lines")
    if prompts is None:
        wanted = [Wanted(out.stem, prompt or "", image, seed, last_image, out.suffix, audio_out)]
        folder = out.parent
    else:
        wanted, folder = read_prompts(prompts, seed), out
        if audio_out is not None:
            wanted = [replace(clip, audio_out=audio_out / f"{clip.name}.wav") for clip in wanted]
    request = Request.check(resolve_checkpoint(checkpoint), wanted, folder, negative_prompt, changes, lora, runtime)
    if rewrite_prompt:
        from mova_core.prompting.rewrite import PromptRewriter
        from mova_core.sampling.rewritten_prompts import with_rewritten_prompts

        request = with_rewritten_prompts(request, PromptRewriter.from_environment())

    from mova_core.sampling.generate import generate as run_generate  # torch only from here on

    return run_generate(request, checkpoint_id_of(request.folder))
