"""The inputs of clips read from the files that are named for them; before torch is loaded."""

from collections.abc import Sequence

from mova_core.geometry import ClipGeometry
from mova_core.media.image import read_image
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.request.given_media import GivenMedia, MediaFile, read_given
from mova_core.sampling.request.wanted import Given, Wanted
from mova_core.sampling.retake import retaken


def read_inputs(wanted: Sequence[Wanted], geometry: ClipGeometry) -> list[tuple[ClipInputs, tuple[str, ...]]]:
    """Inputs of each clip, and what was done with its files, a sentence each.

    Args:
        wanted: whose inputs are those of a task.
        geometry: of a clip.

    Raises:
        UsageError: a file cannot be read, or does not fit the clip.
    """
    files = [_media_files(clip.given, geometry) for clip in wanted]
    every = [file for of_clip in files for file in of_clip]
    read = iter(read_given(every) if every else [])
    return [_inputs(clip, [next(read) for _ in of_clip], geometry) for clip, of_clip in zip(wanted, files, strict=True)]


def _media_files(given: Given, geometry: ClipGeometry) -> list[MediaFile]:
    """The video's file, then the audio's."""
    files = []
    if given.video is not None:
        longer = given.extend is not None
        files.append(MediaFile(given.video, "video", geometry, True, given.audio_of_video, longer))
    if given.audio is not None:
        files.append(MediaFile(given.audio, "audio", geometry, False, True))
    return files


def _inputs(clip: Wanted, media: Sequence[GivenMedia], geometry: ClipGeometry) -> tuple[ClipInputs, tuple[str, ...]]:
    given = clip.given
    inputs = ClipInputs(
        clip.prompt,
        clip.seed,
        None if given.image is None else read_image(given.image),
        None if given.last_image is None else read_image(given.last_image),
        next((each.frames for each in media if each.frames is not None), None),
        next((each.samples for each in media if each.samples is not None), None),
        given.only,
        given.extend or 0,
        given.retake,
    )
    inputs.check(geometry)
    told = () if given.retake is None else (str(retaken(given.retake, geometry)),)
    return inputs, (*(note for each in media for note in each.notes), *told)
