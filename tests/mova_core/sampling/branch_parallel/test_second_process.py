"""Guidance branches over two processes: the same latents as from one, and no process that outlives the other's end."""

import multiprocessing
from dataclasses import replace

import pytest
import torch

from mova_core.errors import MovaError, UsageError
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling.branch_parallel.second_process import second_process
from mova_core.sampling.generate import generate
from mova_core.sampling.guidance import Scales
from mova_core.sampling.request.request import Request
from mova_core.sampling.request.wanted import Given, Wanted
from mova_core.sampling.sampler import Watcher
from tests.mova_core.sampling.branch_parallel import work
from tests.mova_core.sampling.sampler_inputs import conditioning, noise

DIVIDED = 43  # clips: so many that branches run in turn
RUNS = (  # options of a sampler, clips, and the passes that the first of two processes makes for each, and one alone
    ({}, DIVIDED, 4, 6),
    ({"own_scales": {"audio": Scales(2.0, 1.0)}, "sigma_max": 0.95, "rescale": 0.7}, DIVIDED, 3, 4),
    ({}, 2, 6, 6),
)


@pytest.fixture(autouse=True)
def no_process_is_left():
    before = set(multiprocessing.active_children())
    yield
    assert set(multiprocessing.active_children()) == before


def shifted(step, timesteps, latents):
    return LatentPair(latents.video + step, latents.audio)


def test_two_processes_make_the_latents_of_one(nano_folder, make, forwards):
    """Bit for bit. The second one has the model alone: what else a run is made of, and what a watcher changes, it is
    told. Branches that share a batch are not divided: another size of it would change the last bits.
    """
    apart = torch.randn(DIVIDED, 6, 64, generator=torch.Generator().manual_seed(5))
    with second_process(work.follow, nano_folder) as parallel:
        for options, clips, passes, all_passes in RUNS:
            given = conditioning(clips, torch.arange(clips) % 2 == 0)
            given = replace(given, audio_negative_context=apart[:clips])
            found = []
            for group, expected in ((parallel, passes), (None, all_passes)):
                forwards.clear()
                sampler = make(steps=2, parallel=group, watcher=Watcher(on_latents=shifted), **options)
                found.append(sampler.sample(noise(clips), given))
                assert sum(batch for _, batch, _ in forwards) == expected * clips
            assert all(map(torch.equal, *found))


@pytest.mark.parametrize("given", [Given(), Given(only="video")], ids=["both", "video alone"])
def test_clips_of_two_processes_are_the_same_files(nano_folder, tmp_path, given):
    """Generated large enough for its branches to run in turn."""
    options = {
        "changes": {"steps": 1, "frames": 13, "height": 192, "width": 192, "enlarge": 1},
        "runtime": {"device": "cpu"},
    }
    for name, both in (("two", True), ("one", False)):
        wanted = [Wanted(name, "a red ball", 3, given)]
        request = Request.check(nano_folder, wanted, tmp_path, **options)
        generate(request.with_second_process() if both else request, "0" * 16)
    assert (tmp_path / "two.mp4").read_bytes() == (tmp_path / "one.mp4").read_bytes()


def test_a_second_process_without_guidance_to_divide_is_refused(nano_folder, tmp_path):
    changes = {"text_guidance_scale": 1.0, "bridge_guidance_scale": 1.0}
    wanted = [Wanted("one", "a red ball", 3)]
    request = Request.check(nano_folder, wanted, tmp_path, changes=changes, runtime={"device": "cpu"})
    with pytest.raises(UsageError, match="every guidance scale is 1"):
        request.with_second_process()


@pytest.mark.parametrize(
    ("task", "kind", "sentence"),
    [
        (work.refuse, UsageError, "the second one says no"),
        (work.die, MovaError, "killed by SIGKILL"),
    ],
)
def test_the_end_of_the_second_process_ends_the_first_with_its_error(task, kind, sentence):
    with pytest.raises(kind, match=sentence), second_process(task) as parallel:
        work.exchange(parallel, times=2)


def test_an_error_of_the_first_process_ends_the_second():
    with pytest.raises(UsageError, match="mine"), second_process(work.exchange, 10**6):
        raise UsageError("mine")
