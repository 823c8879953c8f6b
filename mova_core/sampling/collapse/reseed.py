"""Clips that collapsed are generated again with other seeds, and every seed that was tried is told.

A clip of seed s is tried with s, s + 1000, s + 2000, …, up to `retries` further ones. Each further one is generated
alone, so it does not depend on what else was in the batch. Where all collapse, the clip is the one of its own seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from mova_core.geometry import ClipGeometry
from mova_core.media.provenance import Try
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.collapse.judge import judge
from mova_core.sampling.inputs import ClipInputs, Frames, Waveform
from mova_core.sampling.output import Output
from mova_core.sampling.sampler import UNWATCHED, NotFinite, Watcher
from mova_core.sampling.settings import GenerateSettings

SEED_STEP = 1000
NOT_FINITE = "its latents have values that are no numbers"


@dataclass(frozen=True, slots=True)
class _Made:
    """One clip of one seed."""

    tried: Try
    latents: LatentPair
    video: Frames | None
    audio: Waveform | None


def generate_guarded(
    generator: ClipGenerator,
    clips: Sequence[ClipInputs],
    settings: GenerateSettings,
    *,
    negative_prompt: str = "",
    watcher: Watcher = UNWATCHED,
    on_reseed: Callable[[int, Try], object] = lambda index, tried: None,
) -> Output:
    """As `ClipGenerator.generate`, with another seed in place of one whose clip collapsed.

    Args:
        generator: the model.
        clips: as there.
        settings: as there; `retries` of them counts here.
        negative_prompt: as there.
        watcher: as there; its steps begin anew with every further seed.
        on_reseed: told a clip's index, and the try that collapsed, before the next seed is tried.

    Returns:
        The clips, with all that was tried in `tries`.

    Raises:
        NotFinite: with every seed that was tried, a clip's latents are not finite.
        MovaError: as there.
    """

    def make(clips: Sequence[ClipInputs], settings: GenerateSettings) -> list[_Made | Try]:
        """The clips, judged; of one whose latents are not finite there is none."""
        try:
            output = generator.generate(clips, settings, negative_prompt=negative_prompt, watcher=watcher)
        except NotFinite:
            if len(clips) == 1:
                return [Try(clips[0].seed, (NOT_FINITE,))]
            return [made for clip in clips for made in make([clip], settings)]  # which of them it was
        return _rows(clips, output)

    canvas = generator.canvas(clips, settings)
    alone = settings.changed(height=canvas.height_px, width=canvas.width_px)
    kept: list[_Made] = []
    tries: list[tuple[Try, ...]] = []
    for index, (clip, first) in enumerate(zip(clips, make(clips, settings), strict=True)):
        if index and clip is clips[index - 1]:  # so often as it takes to make the batch that a clip was made in
            kept.append(kept[-1])
            tries.append(tries[-1])
            continue
        made = [first]
        for retry in range(1, settings.retries + 1):
            if not _try(made[-1]).faults:
                break
            on_reseed(index, _try(made[-1]))
            made += make([replace(clip, seed=clip.seed + SEED_STEP * retry)], alone)
        kept.append(_best(made))
        tries.append(tuple(map(_try, made)) if _try(first).faults else ())
    return _output(kept, tries, settings.clip_geometry)


def collapsed(tries: Sequence[Try]) -> bool:
    """Whether a clip collapsed, with every seed that was tried."""
    return bool(tries) and bool(tries[-1].faults)


def told(tries: Sequence[Try]) -> str | None:
    """What became of a clip, in one sentence; None where its own seed did well."""
    if not tries:
        return None
    first, *others = tries
    sentence = f"seed {first.seed} collapsed ({' and '.join(first.faults)})"
    if not collapsed(tries):
        return f"{sentence}: the clip is that of seed {tries[-1].seed}"
    so_did = f", and so did {', '.join(str(tried.seed) for tried in others)}" if others else ""
    return f"{sentence}{so_did}: the clip is kept as it is; ask for another seed or prompt"


def _rows(clips: Sequence[ClipInputs], output: Output) -> list[_Made | Try]:
    made: list[_Made | Try] = []
    for index, clip in enumerate(clips):
        video = output.videos[index] if output.videos else None
        audio = output.audios[index] if output.audios else None
        latents = LatentPair(output.latents.video[index], output.latents.audio[index])
        made.append(_Made(Try(clip.seed, judge(clip, video, audio, output.geometry)), latents, video, audio))
    return made


def _try(made: _Made | Try) -> Try:
    return made.tried if isinstance(made, _Made) else made


def _best(made: Sequence[_Made | Try]) -> _Made:
    """The last one where it did well, else the first one that there is."""
    there = [each for each in made if isinstance(each, _Made)]
    if not there:
        raise NotFinite(f"with seed {', '.join(str(_try(each).seed) for each in made)}")
    return there[0] if there[-1].tried.faults else there[-1]


def _output(made: Sequence[_Made], tries: list[tuple[Try, ...]], geometry: ClipGeometry) -> Output:
    latents = LatentPair(
        torch.stack([each.latents.video for each in made]), torch.stack([each.latents.audio for each in made])
    )
    videos = [each.video for each in made if each.video is not None]
    audios = [each.audio for each in made if each.audio is not None]
    return Output(videos, audios, latents, geometry, tries)
