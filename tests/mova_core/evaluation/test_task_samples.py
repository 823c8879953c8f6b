"""One clip of every task: made by a model, written as files, and drawn for the page."""

import numpy as np
import pytest

from mova_core.evaluation.task_samples import generate_task_samples, write_task_samples
from mova_core.measures.clip import Clip
from mova_core.model.single_thread import single_thread
from mova_core.reporting.generated_clips import draw_tasks
from mova_core.reporting.phase_reports import Evaluated, PhaseReport, TaskClip
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.tasks import CLIP_TASKS
from mova_core.training.recipe import PHASES


@pytest.fixture(scope="module")
def samples(nano_model):
    generator = ClipGenerator(nano_model)
    geometry, rng = generator.defaults.clip_geometry, np.random.default_rng(0)
    frames = rng.integers(0, 256, (geometry.frames, 48, 48, 3), dtype=np.uint8)
    audio = rng.uniform(-0.3, 0.3, geometry.audio_samples).astype(np.float32)
    given = Clip(frames, audio, float(geometry.fps), geometry.audio_rate_hz)
    with single_thread():
        return generate_task_samples(generator, given, "a red ball", 3), geometry


def test_every_task_has_a_clip_of_what_it_makes(samples):
    made, _ = samples
    assert [sample.task for sample in made] == list(CLIP_TASKS)
    for sample in made:
        task = CLIP_TASKS[sample.task]
        assert sample.inputs.task_name == sample.task
        assert (sample.video is not None, sample.audio is not None) == (task.makes_video, task.makes_audio)


def test_they_are_drawn_from_their_files(samples, tmp_path):
    made, geometry = samples
    (tmp_path / "samples").mkdir()
    described = write_task_samples(tmp_path / "samples/tasks", made, geometry, enlarge=2)
    assert [told["path"] for told in described] == [f"samples/tasks/{name}.mp4" for name in CLIP_TASKS]
    evaluation = Evaluated.model_construct(tasks=[TaskClip.model_validate(told) for told in described])
    strips = draw_tasks(PhaseReport(PHASES["phase3"], None, evaluation, tmp_path, None))
    assert [strip.clip.task for strip in strips] == list(CLIP_TASKS)
    for strip in strips:
        task = CLIP_TASKS[strip.clip.task]
        assert (strip.frames_uri is not None, strip.waveform is not None) == (task.makes_video, task.makes_audio)
        assert strip.given
    # Noise, the worst frames there are.
    assert sum(len(strip.frames_uri or "") + len(strip.waveform or "") for strip in strips) < 1_500_000
