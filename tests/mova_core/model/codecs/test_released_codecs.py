"""The released codecs and text path give the same to threads that share them as to one that has them alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from mova_core.model.codecs.released_codecs import read_text, read_video_vae
from mova_core.model.single_thread import single_thread

THREADS = 4


@pytest.fixture(autouse=True)
def no_grad():
    with single_thread():
        yield


def in_threads(work, items):
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(torch.no_grad()(work), items))


def test_videos_of_several_lengths_at_once(tiny_checkpoint):
    vae = read_video_vae(tiny_checkpoint)
    generator = torch.Generator().manual_seed(0)
    videos = [torch.rand(1, 3, frames, 32, 32, generator=generator) * 2 - 1 for frames in (5, 13, 9, 1) * 2]
    with torch.no_grad():
        latents = [vae.encode(video) for video in videos]
        decoded = [vae.decode(one) for one in latents]
    assert all(map(torch.equal, in_threads(vae.encode, videos), latents))
    assert all(map(torch.equal, in_threads(vae.decode, latents), decoded))


def test_prompts_are_counted_while_others_are_encoded(tiny_checkpoint):
    text = read_text(tiny_checkpoint)
    prompts = ["a dog barks " * times for times in (1, 40, 200, 7)] * 10

    def seen(prompt: str) -> tuple[int, int]:
        mask = text.tokenize([prompt]).attention_mask
        assert mask.shape == (1, text.max_tokens)
        return int(mask.sum()), text.count_tokens(prompt)

    alone = [seen(prompt) for prompt in prompts]
    assert max(count for _, count in alone) > text.max_tokens  # cut where it is encoded, not where it is counted
    assert in_threads(seen, prompts) == alone
