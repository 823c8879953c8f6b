"""Every row of the table of tasks: what goes in, what comes out, what the model is run for, and what stays as it is."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from mova_core.errors import UsageError
from mova_core.geometry import GEOMETRIES
from mova_core.model.pixels import to_unit_range
from mova_core.sampling.conditioning.extend import SEED_STEP, crossfade, known_audio_latents, piece_seeds
from mova_core.sampling.inputs import OVERLAP_FRAMES, ClipInputs
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.sampling.retake import retaken
from mova_core.sampling.tasks import CLIP_TASKS, task_of

FRAMES, STEPS = 13, 2
SHORT = {"frames": FRAMES, "steps": STEPS}
GEOMETRY = replace(GEOMETRIES["nano-48"], frames=FRAMES)


@pytest.fixture(scope="module")
def pipeline(nano_model):
    return MovaPipeline(nano_model)


def image(seed):
    return np.random.default_rng(seed).integers(0, 256, (48, 48, 3), dtype=np.uint8)


def video(frames, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (frames, 48, 48, 3), dtype=np.uint8)


def audio(frames, seed=0):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, frames * 1000).astype(np.float32)


def inputs_of(name, seed=0):
    """What asks for a task, as arguments of a pipeline."""
    frames = 21 if name == "extend_video" else FRAMES
    values = {
        "image": image(seed),
        "last_image": image(seed + 100),
        "video": video(frames, seed),
        "audio": audio(frames, seed),
        "only=video": "video",
        "only=audio": "audio",
        "extend": 2,
        "retake": (0.3, 0.5),
    }
    return {key.partition("=")[0]: values[key] for key in CLIP_TASKS[name].inputs}


@pytest.fixture
def forwards(pipeline):
    """Samples that went through both towers with the Bridge, through both without it, and through one tower alone."""
    counts = dict.fromkeys(("bridge", "no_bridge", "video", "audio"), 0)
    towers = pipeline.model.towers

    def note_both(module, arguments, options):
        scale, size = options["bridge_scale"], len(arguments[1])
        without = size if scale.off else scale.first
        counts["bridge"] += size - without
        counts["no_bridge"] += without

    def note_one(name):
        def note(module, arguments):
            counts[name] += len(arguments[1])

        return note

    hooks = [towers.register_forward_pre_hook(note_both, with_kwargs=True)]
    hooks += [towers.audio_dit.register_forward_pre_hook(note_one("audio"))]
    hooks += [
        towers.video_expert(name).register_forward_pre_hook(note_one("video")) for name in ("video_dit", "video_dit_2")
    ]
    yield counts
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize("name", CLIP_TASKS)
def test_a_task_follows_from_its_inputs_and_makes_what_its_row_says(pipeline, forwards, name):
    task, given = CLIP_TASKS[name], inputs_of(name)
    assert ClipInputs("a", **given).task_name == name
    output = pipeline("a", seed=3, **given, **SHORT)
    frames = {"extend": FRAMES + 2 * 8, "extend_video": 21 + 2 * 8}.get(name, FRAMES)
    assert [each.shape for each in output.videos] == [(frames, 48, 48, 3)] * task.makes_video
    assert [each.shape for each in output.audios] == [(frames * 1000,)] * task.makes_audio
    for modality in ("video", "audio"):
        if getattr(task.model, modality) == "given":
            assert np.array_equal(getattr(output, modality), given[modality])
    pieces = {"extend": 3, "extend_video": 2}.get(name, 1)
    expected = dict.fromkeys(forwards, 0)
    if task.model.bridge:
        expected |= {"bridge": 2 * STEPS * pieces, "no_bridge": STEPS * pieces}
    else:
        expected[name.partition("_")[0]] = 2 * STEPS
    assert forwards == expected


@pytest.mark.parametrize("name", CLIP_TASKS)
def test_a_clip_is_the_same_again_and_among_others(pipeline, name):
    shared = {"only", "extend", "retake"}
    rows = [inputs_of(name, seed) for seed in (0, 1)]
    together = {key: value if key in shared else [row[key] for row in rows] for key, value in rows[0].items()}
    batch = pipeline(["a", "b"], seed=[5, 9], **together, **SHORT)
    alone = pipeline("b", seed=9, **rows[1], **SHORT)
    again = pipeline("b", seed=9, **rows[1], **SHORT)
    # A further piece goes on from frames of 8 bits: the last bits of a latent may turn one by 1 / 255.
    tolerance = 5e-3 if CLIP_TASKS[name].pieces else 1e-5
    for ours, theirs, repeated in zip(batch.latents, alone.latents, again.latents, strict=True):
        torch.testing.assert_close(ours[1], theirs[0], rtol=0, atol=tolerance)
        assert torch.equal(theirs, repeated)
    for clips, same in ((alone.videos, again.videos), (alone.audios, again.audios)):
        assert all(np.array_equal(one, other) for one, other in zip(clips, same, strict=True))


@pytest.mark.parametrize("name", ["video_alone", "audio_alone"])
def test_one_modality_alone_is_that_of_a_model_without_the_bridge(pipeline, name):
    modality = name.partition("_")[0]
    alone = pipeline("a", seed=3, only=modality, **SHORT)
    both = pipeline("a", seed=3, bridge=False, **SHORT)
    torch.testing.assert_close(getattr(alone.latents, modality), getattr(both.latents, modality), rtol=0, atol=1e-5)


@pytest.mark.parametrize("interval", [(0.0, 0.1), (0.3, 0.5), (0.6, 0.8125), (0.25, 0.3125), (0.0, 0.8125)])
@pytest.mark.parametrize("keep_first_latent", [True, False])
def test_a_retake_changes_its_interval_and_not_a_bit_of_the_rest(pipeline, interval, keep_first_latent):
    given = {"video": video(FRAMES), "audio": audio(FRAMES)}
    made = pipeline("a", **given, retake=interval, keep_first_latent=keep_first_latent, **SHORT).latents
    anew, codecs = retaken(interval, GEOMETRY), pipeline.model
    before = (
        codecs.video.encode(to_unit_range(torch.from_numpy(given["video"][None])))[0],
        codecs.audio.encode(torch.from_numpy(given["audio"][None]))[0],
    )
    for latents, old, inside in zip(made, before, (anew.latent_frames, anew.audio_latents), strict=True):
        same = (
            (latents[0, :, : old.shape[1]] == old).flatten(2).all(2)
            if old.ndim == 4
            else latents[0, :, : old.shape[1]] == old
        )
        kept = same.all(0)
        assert [index for index in range(old.shape[1]) if not kept[index]] == [i for i in inside if i < old.shape[1]]


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_an_interval_is_rounded_outward(geometry):
    generator = np.random.default_rng(0)
    token = geometry.audio_hop * geometry.audio_latents_per_token
    for start_s, end_s in np.sort(generator.uniform(0, geometry.duration_s, (200, 2))):
        anew = retaken((start_s, end_s), geometry)
        for part, per_s, unit in ((anew.frames, geometry.fps, 4), (anew.samples, geometry.audio_rate_hz, token)):
            assert part.start / per_s <= start_s and end_s <= part.stop / per_s
            assert start_s - part.start / per_s < unit / per_s and part.stop / per_s - end_s < unit / per_s
        assert len(anew.frames) == 4 * len(anew.latent_frames) - 3 * (0 in anew.latent_frames)
    whole = retaken((0, geometry.duration_s), geometry)
    assert whole.frames == range(geometry.frames) and whole.samples == range(geometry.audio_samples)
    for frame in (1, 5, 9):  # a border is no reason to take the neighbour too
        assert retaken((frame / geometry.fps, (frame + 4) / geometry.fps), geometry).frames == range(frame, frame + 4)


def test_a_retake_is_told():
    assert str(retaken((0.3, 0.5), GEOMETRY)) == (
        "retaken: video 0.062 to 0.562 s (frames 1 to 8), audio 0.240 to 0.560 s"
    )


def test_an_extended_clip_goes_on_from_its_end(pipeline):
    """What was there stays, up to where its audio fades; a piece's known latents are those of its overlap."""
    given = {"video": video(21), "audio": audio(21)}
    output = pipeline("a", seed=3, extend=1, **given, **SHORT)
    assert np.array_equal(output.video[:21], given["video"])
    fade = GEOMETRY.samples_of(21 - OVERLAP_FRAMES) + known_audio_latents(GEOMETRY) * GEOMETRY.audio_hop
    assert np.array_equal(output.audio[:fade], given["audio"][:fade])
    assert not np.array_equal(output.audio[fade:21_000], given["audio"][fade:])
    codec = pipeline.model.video
    overlap = codec.encode(to_unit_range(torch.from_numpy(given["video"][None, 21 - OVERLAP_FRAMES :])))
    assert torch.equal(output.latents.video[:, :, :2], overlap)
    assert not torch.equal(output.latents.video[:, :, 2:3], overlap[:, :, 1:])


def test_an_extended_clip_begins_with_the_clip_and_each_piece_has_a_seed_of_its_own(pipeline):
    short, longer = (pipeline("a", seed=3, extend=pieces, **SHORT) for pieces in (1, 2))
    plain = pipeline("a", seed=3, **SHORT)
    assert np.array_equal(longer.video[:FRAMES], plain.video)
    assert np.array_equal(longer.video[: len(short.video)], short.video)
    clip = ClipInputs("a", 3, extend=2)
    assert piece_seeds(clip) == [3, 3 + SEED_STEP, 3 + 2 * SEED_STEP]
    assert piece_seeds(replace(clip, video=video(9), audio=audio(9))) == [3 + SEED_STEP, 3 + 2 * SEED_STEP]
    assert piece_seeds(replace(clip, extend=0)) == [3]


@pytest.mark.parametrize("length", [1, 2, 441, 5200])
def test_a_crossfade_has_constant_power(length):
    out, into = crossfade(length)
    np.testing.assert_allclose(out**2 + into**2, 1, rtol=0, atol=1e-6)
    assert (np.diff(out) < 0).all() and (np.diff(into) > 0).all()
    np.testing.assert_allclose(out, into[::-1], atol=1e-6)


def test_the_loudness_of_an_extended_clip_is_that_of_the_whole(pipeline):
    from mova_core.media.audio.loudness import integrated_lufs

    output = pipeline("a", seed=3, extend=2, target_lufs=-30.0, **SHORT)
    assert integrated_lufs(output.audio, 16_000) == pytest.approx(-30, abs=0.3)


def test_any_inputs_are_one_task_or_refused_in_a_sentence_that_names_them():
    names = sorted(set().union(*(task.takes for task in CLIP_TASKS.values())))
    found = set()
    for size in range(len(names) + 1):
        for given in itertools.combinations(names, size):
            takers = [
                name for name, task in CLIP_TASKS.items() if task.inputs <= set(given) <= task.inputs | task.optional
            ]
            assert len(takers) <= 1
            if takers:
                found.add(task_of(given))
                continue
            with pytest.raises(UsageError) as refused:
                task_of(given)
            assert any(name in str(refused.value) for name in given)
    assert found == set(CLIP_TASKS)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"image": image(0), "video": video(FRAMES)},
            "image and video are both given: a given video has a first frame",
        ),
        ({"last_image": image(0), "extend": 1}, "each piece begins where the one before ends"),
        ({"retake": (0.1, 0.2)}, "retake is given without audio and video"),
        ({"video": video(FRAMES), "retake": (0.1, 0.2)}, "retake and video are given without audio"),
        ({"video": video(FRAMES), "audio": audio(FRAMES)}, "audio and video are given without .*nothing is left"),
        ({"video": video(FRAMES), "audio": audio(FRAMES), "retake": (0.5, 0.2)}, "0.5:0.2, expected a start before"),
        ({"video": video(FRAMES), "audio": audio(FRAMES), "retake": (0.2, 0.2)}, "expected a start before the end"),
        ({"video": video(FRAMES), "audio": audio(FRAMES), "retake": (0.5, 0.9)}, "within the clip, 0 to 0.8125 s"),
        ({"video": video(FRAMES), "audio": audio(FRAMES), "retake": (-0.1, 0.3)}, "within the clip"),
        ({"video": video(FRAMES), "audio": audio(FRAMES), "retake": (float("nan"), 0.3)}, "expected a start before"),
        ({"video": video(FRAMES + 4), "audio": audio(FRAMES), "retake": (0.1, 0.2)}, "17 frames, the clip has 13"),
        ({"video": video(3), "audio": audio(3), "extend": 1}, "3 frames, expected at least 5 to go on from"),
        ({"video": video(9), "audio": audio(8), "extend": 1}, "expected one channel of 9000 samples"),
        ({"extend": -1}, "extend is -1, expected 1 to 100"),
        ({"extend": 101}, "extend is 101, expected 1 to 100"),
        ({"only": "sound"}, "only is 'sound', expected video or audio"),
        ({"only": "audio", "image": image(0)}, "image and only=audio are both given"),
        ({"video": video(FRAMES).astype(np.float32)}, "expected uint8"),
        ({"video": video(FRAMES)[..., :2]}, "expected uint8"),
        ({"audio": audio(FRAMES) * np.float32("inf")}, "not numbers"),
    ],
)
def test_what_cannot_be_asked_for(pipeline, given, sentence):
    with pytest.raises(UsageError, match=sentence):
        pipeline("a", **given, **SHORT)


def test_pieces_that_are_too_short_and_noise_that_is_given_are_refused(pipeline):
    with pytest.raises(UsageError, match="a piece has 5 frames, 5 of which overlap"):
        pipeline("a", extend=1, frames=5, steps=1)
    noise = pipeline.clip_generator.noise([0], pipeline.defaults, pipeline.defaults.canvas(None))
    with pytest.raises(UsageError, match="each piece draws its own"):
        pipeline("a", extend=1, noise=noise, steps=1)


def test_clips_of_one_batch_are_asked_for_the_same(pipeline):
    generator, settings = pipeline.clip_generator, pipeline.defaults.changed(**SHORT)
    given = {"video": video(FRAMES), "audio": audio(FRAMES)}
    for others in (
        [ClipInputs("a"), ClipInputs("a", only="video")],
        [ClipInputs("a", extend=1), ClipInputs("a", extend=2)],
        [ClipInputs("a", **given, retake=(0.1, 0.2)), ClipInputs("a", **given, extend=1)],
        [ClipInputs("a"), ClipInputs("a", video=given["video"])],
    ):
        with pytest.raises(UsageError, match="batch"):
            generator.generate(others, settings)
