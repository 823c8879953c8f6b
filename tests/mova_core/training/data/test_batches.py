"""A batch is its micro-batches, whoever computes them; validation is the same each time."""

from dataclasses import fields

import pytest
import torch

from mova_core.model.condition import condition_from
from mova_core.model.tasks import TASKS
from mova_core.params.model import TrainParams
from mova_core.training.data.batches import AudioBatches, JointBatches
from mova_core.training.recipe import PHASES
from mova_core.training.strategy.micro_batch import MicroBatch

CPU = torch.device("cpu")
KINDS = {"audio": AudioBatches, "phase1": JointBatches}


def batches(latents, phase="phase1", shards=(("square", 5), ("square", 4)), **own):
    train = TrainParams.model_validate({phase: {"batch": 4, **own}})
    return KINDS[phase](latents(shards).folder, PHASES[phase], train, seed=1)


def flat(part) -> list[torch.Tensor]:
    """Every tensor of a part with a row a clip."""
    tensors = []
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name == "context":
            tensors.append(value.contexts[value.of_B])
        elif field.name != "expert":
            tensors += [value] if isinstance(value, torch.Tensor) else list(value)
    return tensors


@pytest.mark.parametrize("phase", ["audio", "phase1"])
def test_micro_batches_are_the_batch(latents, phase):
    made = batches(latents, phase)
    for step in (0, 5):
        whole = flat(made.part(step, MicroBatch(0, 1, CPU)))
        halves = [flat(made.part(step, MicroBatch(index, 2, CPU))) for index in range(2)]
        for tensor, *parts in zip(whole, *halves, strict=True):
            assert torch.equal(torch.stack(parts, 1).flatten(0, 1), tensor)


def test_the_condition_is_the_first_frame_or_a_white_one(latents):
    for given in (0.0, 1.0):
        made = batches(latents, tasks={"first_frame": given, "text_to_both": 1 - given})
        part = made.part(0, MicroBatch(0, 1, CPU))
        _, clips, _ = made._sample_step(0)
        first = made.reader.latents("condition", made._buckets[0], clips.tolist())
        assert torch.equal(part.condition, condition_from(first if given else torch.ones_like(first)))


@pytest.mark.parametrize(("task", "without"), [("first_and_last_frame", "first_frame"), ("last_frame", "text_to_both")])
def test_the_condition_on_a_last_frame_ends_in_it(latents, task, without):
    made = batches(latents, tasks={"first_frame": 0, "text_to_both": 0} | {task: 1, without: 1}, batch=64)
    part = made.part(0, MicroBatch(0, 1, CPU))
    _, clips, sample = made._sample_step(0)
    last_B = sample.last_given_B
    assert 16 < int(last_B.sum()) < 48 and bool((sample.first_given_B == TASKS[task].first_frame).all())
    first, last = (made.reader.latents(n, made._buckets[0], clips.tolist()) for n in ("condition", "condition_last"))
    first = first if TASKS[task].first_frame else torch.ones_like(first)
    assert torch.equal(part.condition[~last_B], condition_from(first)[~last_B])
    whole = torch.cat([first[:, :, :-1], last], dim=2)
    assert torch.equal(part.condition[last_B], condition_from(whole, last_B)[last_B])
    mask = part.condition[last_B][:, :4]
    assert mask[:, :, 0].all() and mask[:, 3, -1].all() and not mask[:, :3, -1].any() and not mask[:, :, 1:-1].any()


def test_the_loudness_switch_chooses_the_audio(latents):
    for switch, name in ((False, "audio"), (True, "audio_lufs")):
        made = batches(latents, "audio", normalize_loudness=switch)
        _, clips, _ = made._sample_step(0)
        expected = made.reader.latents(name, made._buckets[0], clips.tolist())
        assert torch.equal(made.part(0, MicroBatch(0, 1, CPU)).clean, expected)


def test_the_audio_tower_alone_is_told_the_duration_and_no_other_phase(latents):
    """In these folders the texts of a clip are `knock` with its duration, and `red knock` without."""
    for phase, expected in (("audio", 2), ("phase1", 3)):
        made = batches(latents, phase, shards=[("square", 2)], text_dropout=0)
        assert made.part(0, MicroBatch(0, 1, CPU)).context.contexts[:, 0, 0].tolist() == [expected]


def test_no_two_clips_share_their_noise_and_a_step_has_its_own(latents):
    made = batches(latents)
    noise = torch.cat([made.part(step, MicroBatch(0, 1, CPU)).noise.video for step in range(3)])
    assert len(noise.flatten(1).unique(dim=0)) == 12
    assert len(noise.unique()) == noise.numel()


def test_validation_is_every_held_out_clip_of_each_shape_and_the_same_each_time(latents):
    made = batches(latents, shards=[("landscape", 3)] * 5 + [("portrait", 3)])
    first, again = ([flat(part) for part in made.validation("video_dit_2")] for _ in range(2))
    assert [len(part[0]) for part in first] == [2, 2, 1, 1]  # in micro-batches, a shape at a time
    for one, other in zip(first, again, strict=True):
        assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))
    other_expert = flat(next(iter(made.validation("video_dit"))))
    assert not torch.equal(other_expert[2], first[0][2])


def test_the_sizes_that_a_model_must_have(latents):
    assert batches(latents).sizes() == {"video": 2, "audio": 2, "text": 4}
    assert batches(latents, "audio").sizes() == {"audio": 2, "text": 4}


def test_an_origin_has_a_weight_and_kinds_of_caption_of_its_own(latents):
    """Rows 0, 3 … are of film, 1, 4 … of music, the others of no origin; their texts go by row too."""
    sources = {"film": {"weight": 3.0, "captions": {"merged": 0.0, "sound": 1.0}}, "music": {"weight": 0.5}}
    made = batches(latents, shards=[("square", 12)], batch=34, text_dropout=0, sources=sources)
    clips = torch.cat([made._sample_step(step)[1] for step in range(9)])
    origin_of = [("film", "music", None)[row % 3] for row in made._buckets[0].row_of_N[clips].tolist()]
    # 4 of film, 4 of music and 3 without an origin train: 12 + 2 + 3 clips an epoch.
    assert [origin_of.count(name) / len(clips) for name in ("film", "music", None)] == [12 / 17, 2 / 17, 3 / 17]
    part = made.part(0, MicroBatch(0, 1, CPU))
    words = part.context.contexts[part.context.of_B][:, 0, 0].tolist()
    _, clips, _ = made._sample_step(0)
    for clip, word in zip(clips.tolist(), words, strict=True):
        row = int(made._buckets[0].row_of_N[clip])
        assert word == {"film": 2, "music": 1, None: 0}[("film", "music", None)[row % 3]]  # knock, red, nothing
