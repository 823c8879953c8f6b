"""Latents of a phase in memory, and the conditions made from them."""

from pathlib import Path

import torch

from mova_core.curation.encode.latent_shards import open_shard
from mova_core.model.condition import condition_from
from mova_core.model.text.nano_text import NanoText
from mova_core.training.data import load_latents
from mova_core.training.recipe import PHASES

FOLDER = Path("data/latents/nano-32")


def test_clips_of_the_phase_and_split(project):
    audio, later = (
        load_latents(FOLDER, PHASES["audio"], normalize_loudness=False),
        load_latents(FOLDER, PHASES["phase2"], normalize_loudness=False),
    )
    assert {split: len(clips) for split, clips in audio.items()} == {"train": 6, "validation": 1}
    assert {split: len(clips) for split, clips in later.items()} == {"train": 5, "validation": 1}


def test_the_loudness_switch_chooses_the_audio(project):
    shard = open_shard(FOLDER / "latents-00000.safetensors")
    for lufs, expected in ((False, shard.audio), (True, shard.audio_lufs)):
        assert torch.equal(load_latents(FOLDER, PHASES["audio"], normalize_loudness=lufs)["train"].audio, expected[:6])


def test_contexts_are_those_of_prompts(project):
    clips = load_latents(FOLDER, PHASES["phase1"], normalize_loudness=False)["train"]
    rows, kept = torch.tensor([0, 1, 2, 3]), torch.tensor([True, True, True, False])
    context = clips.context(rows, kept)
    expected = NanoText().encode(["A red ball bounces.", "A green box bounces.", "", ""])
    assert torch.equal(context.contexts[context.of_B], expected)
    assert len(context.contexts) <= 4


def test_the_audio_tower_alone_is_told_the_duration_and_no_other_phase(project):
    first = torch.tensor([0])
    texts = {"audio": "Duration: 2.06 s. A red ball bounces.", "phase1": "A red ball bounces."}
    for phase, text in texts.items():
        clips = load_latents(FOLDER, PHASES[phase], normalize_loudness=False)["train"]
        context = clips.context(first, torch.tensor([True]))
        assert torch.equal(context.contexts[context.of_B], NanoText().encode([text])), phase


def test_a_condition_is_the_first_frame_or_a_white_one(project):
    clips = load_latents(FOLDER, PHASES["phase1"], normalize_loudness=False)["train"]
    shard = open_shard(FOLDER / "latents-00000.safetensors")
    rows, given = torch.tensor([1, 1]), torch.tensor([True, False])
    expected = condition_from(torch.stack([shard.condition[1], clips.white]))
    assert torch.equal(clips.condition(rows, given), expected)
