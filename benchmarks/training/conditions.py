"""How well a model makes audio for a video that it is given, once a part of its training is that: event F1 on held-out
clips, against the same model with the Bridge off, and what it still does from text alone.

In a project whose audio tower is trained, as `make demo` leaves it. Phase 1 is trained anew, in its own steps, on
`MIXTURE`: minutes. The video is given clean; the audio is made in the settings of `generate` but for the Bridge's
scale.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Row, row
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import over_clips, shuffled_baseline
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.suites.captioned import CAPTION_OF
from mova_core.evaluation.suites.generate import generate_suite
from mova_core.evaluation.suites.suite import synthetic_suite
from mova_core.evaluation.suites.validation import validation_clips
from mova_core.measures.clip import Clip
from mova_core.model.model_folder import load_components
from mova_core.model.single_thread import single_thread
from mova_core.params import Params, load_params
from mova_core.params.model import TaskWeights
from mova_core.places import PARAMS, DataFolder
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.inputs import ClipInputs
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.export import parts_of, write_model
from mova_core.training.loop import train
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES

PHASE = PHASES["phase1"]
EVENT_F1, TARGET = CATALOGUE["event_f1"], 0.85
BATCH, LIMIT_LUFS = 16, -60.0  # event F1 knows no loudness
MIXTURE = TaskWeights(text_to_both=0.2, first_frame=0.2, audio_from_video=0.6)
BRIDGE_SCALE = 3.5  # of the report; the folder's own of 2 gives 0.05 less


def rows() -> list[Row]:
    """Train and measure; nothing where there is no project to train in."""
    places = Places()
    if not (PARAMS.is_file() and (places.models / "audio").is_dir()):
        return _not_measured("no trained audio tower in this folder: `make demo` makes one")
    params = load_params()
    own = PHASE.params(params.train).model_copy(update={"tasks": MIXTURE})
    params = params.model_copy(update={"train": params.train.model_copy(update={PHASE.name: own})})
    with tempfile.TemporaryDirectory() as folder:
        trained = train(PHASE, params, places, Path(folder, "run"))
        return measured(params, Path(trained["checkpoint"]), Path(folder, "model"))


def measured(params: Params, checkpoint: Path, folder: Path) -> list[Row]:
    """Export a checkpoint's averaged weights to a folder, and measure them."""
    data, geometry = DataFolder(), PHASE.geometry(params)
    clips = validation_clips(params, params.evaluate, geometry, data, normalize_loudness=False)
    clips = [clip for clip in clips if clip.asked.label is not None]
    if not clips:
        return _not_measured("no held-out clip is of one class of the synthetic world")
    read = Checkpoint.read(checkpoint)
    write_model(read, "ema", params, parts_of(read, params, data), folder)
    generator, context = ClipGenerator(load_components(folder)), Context(clips, LIMIT_LUFS)
    with single_thread():
        made = _audio_for(generator, clips, params.evaluate.seed, bridge_guidance_scale=BRIDGE_SCALE)
        control = _audio_for(generator, clips, params.evaluate.seed, bridge=False)
        suite = synthetic_suite(params.evaluate)
        from_text = generate_suite(generator, suite, params.evaluate, geometry, "text alone", {})
    found, of_data, wrong = _f1(made, context), _f1(clips, context), shuffled_baseline(EVENT_F1, made, context)
    off, chance = _f1(control, context), shuffled_baseline(EVENT_F1, control, context)
    text = _f1(from_text, context)
    if found is None or off is None or text is None:
        return _not_measured("no event and no onset in any clip")
    of_clips = f"{len(clips)} held-out clips"
    gate = params.select.phase1.event_f1_at_least
    return [
        row(
            "conditions.audio_for_video_event_f1",
            [found],
            against=f"the clips' own audio, {_told(of_data)}, and the same audio for wrong videos, {_told(wrong)}: "
            f"{of_clips}",
            better="higher",
            target=TARGET,
            unit="F1",
        ),
        row(
            "conditions.audio_for_video_without_bridge_event_f1",
            [off],
            against=f"chance, the same audio for wrong videos, {_told(chance)}: {of_clips}",
            better="lower",
            unit="F1",
        ),
        row(
            "conditions.text_to_both_event_f1",
            [text],
            against=f"the gate of {PHASE.name}: {len(from_text)} clips from text alone",
            better="higher",
            target=gate,
            unit="F1",
        ),
    ]


def _audio_for(generator: ClipGenerator, clips: Sequence[Clip], seed: int, **changes: float) -> list[Clip]:
    """The clips' videos with audio that is made for them."""
    settings, made = generator.defaults.changed(**changes), list[Clip]()
    for start in range(0, len(clips), BATCH):
        batch = clips[start : start + BATCH]
        inputs = [
            ClipInputs(CAPTION_OF[str(clip.asked.label)], seed + start + index, video=clip.frames)
            for index, clip in enumerate(batch)
        ]
        for clip, audio in zip(batch, generator.generate(inputs, settings).audios, strict=True):
            made.append(replace(clip, audio=audio))
    return made


def _f1(clips: list[Clip], context: Context) -> float | None:
    return over_clips(EVENT_F1, clips, context).value


def _told(value: float | None) -> str:
    return "unavailable" if value is None else f"{value:.3f}"


def _not_measured(reason: str) -> list[Row]:
    print(f"conditions: not measured, {reason}", file=sys.stderr)
    return []
