"""Clips that collapse get another seed, each of which is told; the others stay as they are."""

import numpy as np
import pytest
import torch

from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.collapse.reseed import SEED_STEP, collapsed, generate_guarded, told
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.sampler import NotFinite, Watcher

WHITE = 255
CLIPS = [ClipInputs("a red ball", 4), ClipInputs("a red ball", 5), ClipInputs("a red ball", 6)]


class Collapsing(ClipGenerator):
    """The model, whose clips of some seeds are white, and whose latents of some seeds are no numbers."""

    white: tuple[int, ...] = ()
    not_finite: tuple[int, ...] = ()

    def generate(self, clips, settings, **arguments):
        output = super().generate(clips, settings, **arguments)
        for clip, video in zip(clips, output.videos, strict=bool(output.videos)):
            if clip.seed in self.white:
                video[:] = WHITE
        if any(clip.seed in self.not_finite for clip in clips):
            raise NotFinite()
        return output


@pytest.fixture
def generator(nano_model):
    return Collapsing(nano_model)


@pytest.fixture
def settings(generator):
    return generator.defaults.changed(steps=1, retries=2)


def seeds(output):
    return [[tried.seed for tried in tries] for tries in output.tries]


def same(output, index, other, place=0):
    np.testing.assert_array_equal(output.videos[index], other.videos[place])
    np.testing.assert_array_equal(output.audios[index], other.audios[place])
    torch.testing.assert_close(output.latents.video[index], other.latents.video[place], rtol=0, atol=0)


def test_clips_that_do_well_are_those_of_their_seeds(generator, settings):
    output, plain = generate_guarded(generator, CLIPS, settings), generator.generate(CLIPS, settings)
    for index in range(3):
        same(output, index, plain, index)
    assert seeds(output) == [[], [], []]
    assert not any(map(collapsed, output.tries)) and not any(map(told, output.tries))


def test_a_clip_that_collapses_is_that_of_the_next_seed_and_the_others_stay(generator, settings):
    generator.white = (5,)
    heard, steps = [], []
    output = generate_guarded(
        generator,
        CLIPS,
        settings,
        watcher=Watcher(on_step=steps.append),
        on_reseed=lambda index, tried: heard.append((index, tried.seed, tried.faults)),
    )
    plain = generator.generate(CLIPS, settings)
    same(output, 0, plain, 0)
    same(output, 2, plain, 2)
    same(output, 1, generator.generate([ClipInputs("a red ball", 5 + SEED_STEP)], settings))
    assert seeds(output) == [[], [5, 1005], []]
    assert heard == [(1, 5, ("the video is one flat colour in 100% of its frames",))]
    assert steps == [1, 1]
    assert told(output.tries[1]) == (
        "seed 5 collapsed (the video is one flat colour in 100% of its frames): the clip is that of seed 1005"
    )


def test_a_clip_does_not_depend_on_what_else_collapsed_beside_it(generator, settings):
    generator.white = (4, 5, 1005)
    output = generate_guarded(generator, CLIPS, settings)
    assert seeds(output) == [[4, 1004], [5, 1005, 2005], []]
    alone = generate_guarded(generator, CLIPS[1:2], settings)
    same(output, 1, alone)


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_where_every_seed_collapses_the_clip_of_its_own_seed_is_kept_and_told(generator, settings, retries):
    generator.white = (4, 1004, 2004)
    output = generate_guarded(generator, CLIPS[:1], settings.changed(retries=retries))
    assert seeds(output) == [[4, 1004, 2004][: retries + 1]]
    same(output, 0, generator.generate(CLIPS[:1], settings))
    assert (output.video == WHITE).all()
    assert collapsed(output.tries[0]) and "kept as it is" in told(output.tries[0])


def test_latents_that_are_no_numbers_cost_their_own_clip_alone(generator, settings):
    generator.not_finite = (6,)
    output = generate_guarded(generator, CLIPS, settings)
    assert seeds(output) == [[], [], [6, 1006]]
    for index in (0, 1):
        same(output, index, generator.generate(CLIPS[index : index + 1], settings))
    assert "no numbers" in told(output.tries[2]) and np.isfinite(output.audios[2]).all()


def test_latents_that_are_never_numbers_are_an_error_that_names_the_seeds(generator, settings):
    generator.not_finite = (4, 1004, 2004)
    with pytest.raises(NotFinite, match=r"not finite.*seed 4, 1004, 2004"):
        generate_guarded(generator, CLIPS, settings)
    generator.white, generator.not_finite = (1004,), (4, 2004)
    output = generate_guarded(generator, CLIPS[:1], settings)
    assert (output.video == WHITE).all()  # the only one that can be shown


def test_a_modality_that_is_given_is_not_judged(generator, settings):
    frames = settings.clip_geometry.frames
    canvas = generator.canvas(CLIPS, settings)
    video = np.full((frames, canvas.height_px, canvas.width_px, 3), WHITE, np.uint8)
    generator.white = (4,)
    output = generate_guarded(generator, [ClipInputs("a red ball", 4, video=video)], settings)
    assert seeds(output) == [[]]


def test_a_further_seed_keeps_the_shape_of_its_batch(generator, settings):
    """The first clip's frame decides the canvas for all; the second one, generated again, has none of its own."""
    portrait = np.zeros((90, 48, 3), np.uint8)
    generator.white = (5,)
    clips = [ClipInputs("a red ball", 4, portrait), CLIPS[1]]
    output = generate_guarded(generator, clips, settings)
    assert output.videos[0].shape == output.videos[1].shape and seeds(output)[1] == [5, 1005]


def test_one_modality_alone_is_judged_by_itself(generator, settings):
    generator.white = (4, 5)
    audio = generate_guarded(generator, [ClipInputs("a red ball", 4, only="audio")], settings)
    assert not audio.videos and len(audio.audios) == 1 and seeds(audio) == [[]]
    video = generate_guarded(generator, [ClipInputs("a red ball", 5, only="video")], settings)
    assert not video.audios and len(video.videos) == 1 and seeds(video) == [[5, 1005]]
