"""One clip of every task of `sampling/tasks.py`, to look at and listen to: what is given is from one held-out clip.

They are made in few steps and are not measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.geometry import ClipGeometry
from mova_core.measures.clip import Clip
from mova_core.sampling.clip_file import write_clip
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.inputs import ClipInputs, Frames, Waveform
from mova_core.sampling.tasks import CLIP_TASKS

STEPS = 4
RETAKEN = (1 / 3, 2 / 3)  # of the clip's length


@dataclass(frozen=True, slots=True)
class TaskSample:
    """A clip of one task.

    Args:
        task: its name.
        inputs: what it is made from.
        video: uint8 [F, H, W, 3]; None of audio alone.
        audio: float32 [S]; None of video alone.
    """

    task: str
    inputs: ClipInputs
    video: Frames | None
    audio: Waveform | None


def generate_task_samples(generator: ClipGenerator, given: Clip, prompt: str, seed: int) -> list[TaskSample]:
    """A clip of each task; to be called inside `single_thread`.

    Args:
        generator: of the model.
        given: whose frames and audio are given, as long as the generator's clip.
        prompt: of all of them.
        seed: of all of them.
    """
    settings = generator.defaults.changed(steps=STEPS)
    duration_s = settings.clip_geometry.duration_s
    values: Mapping[str, Any] = {
        "image": given.frames[0],
        "last_image": given.frames[-1],
        "video": given.frames,
        "audio": given.audio,
        "only=video": "video",
        "only=audio": "audio",
        "extend": 1,
        "retake": tuple(share * duration_s for share in RETAKEN),
    }
    samples = []
    for name, task in CLIP_TASKS.items():
        inputs = ClipInputs(prompt, seed, **{key.partition("=")[0]: values[key] for key in task.inputs})
        output = generator.generate([inputs], settings)
        samples.append(TaskSample(name, inputs, next(iter(output.videos), None), next(iter(output.audios), None)))
    return samples


def write_task_samples(
    folder: Path, samples: list[TaskSample], geometry: ClipGeometry, enlarge: int
) -> list[dict[str, Any]]:
    """Write them into a folder that is made, named by their tasks; what metrics.json says of them."""
    folder.mkdir()
    described = []
    for sample in samples:
        path = folder / f"{sample.task}.mp4"
        write_clip(path, sample.video, sample.audio, geometry, enlarge)
        told = {"path": f"{folder.parent.name}/{folder.name}/{path.name}", "task": sample.task}
        described.append(told | {"prompt": sample.inputs.prompt, "seed": sample.inputs.seed})
    return described
