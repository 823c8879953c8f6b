"""What no step of a run changes is computed once; a step copies nothing between devices and works for nothing."""

import copy
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from mova_core.model.towers.dual_tower import LatentPair
from mova_core.model.towers.one_tower import OneTower
from mova_core.sampling import sampler as sampler_module
from mova_core.sampling.conditioning.known import KnownLatents
from mova_core.sampling.reuse.tables_of_run import TablesOfRun
from mova_core.sampling.sampler import GenerationCancelled, Watcher
from tests.mova_core.sampling.sampler_inputs import conditioning, noise


@pytest.mark.parametrize("merged", [True, False])
def test_texts_are_computed_once_for_each_expert(make, nano_towers, monkeypatch, merged):
    """Two experts read each text once; the audio tower does so beside either of them."""
    monkeypatch.setattr(sampler_module, "MERGE_UP_TO_LATENTS", 10**9 if merged else 0)
    seen = []
    hooks = [
        getattr(nano_towers, name).blocks[0].cross_attn.k.register_forward_hook(lambda *_, name=name: seen.append(name))
        for name in ("video_dit", "video_dit_2", "audio_dit")
    ]
    make(steps=6).sample(noise(2), conditioning(2))
    for hook in hooks:
        hook.remove()
    texts = 1 if merged else 2  # in one batch, or the negative and the prompt's apart
    assert {name: seen.count(name) for name in seen} == {
        "video_dit": texts,
        "video_dit_2": texts,
        "audio_dit": 2 * texts,
    }


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("alone", [None, "video", "audio"])
def test_what_is_computed_once_gives_the_bits_of_every_step(make, nano_towers, monkeypatch, merged, dtype, alone):
    monkeypatch.setattr(sampler_module, "MERGE_UP_TO_LATENTS", 10**9 if merged else 0)
    towers = copy.deepcopy(nano_towers).to(dtype)
    sampler = replace(make(), model=towers if alone is None else OneTower(towers, alone))
    given = replace(conditioning(2), audio_negative_context=conditioning(3).negative_context[1:])
    tables = TablesOfRun(sampler.model, given.contexts, sampler.video_fps)
    with torch.no_grad():
        for expert, level in (("video_dit", 990.0), ("video_dit", 950.0), ("video_dit_2", 500.0)):
            step = noise(2, seed=int(level)), torch.tensor([level, level - 50]), given, expert
            once, anew = sampler.velocity(*step, tables), sampler.velocity(*step)
            assert torch.equal(once.video, anew.video) and torch.equal(once.audio, anew.audio)


def test_the_branch_without_the_bridge_does_none_of_its_work(make, monkeypatch):
    """Not even beside the other branches in one batch: FLOPs are those of each branch alone."""
    counted = {}
    for merged in (True, False):
        monkeypatch.setattr(sampler_module, "MERGE_UP_TO_LATENTS", 10**9 if merged else 0)
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            make(steps=1).sample(noise(1), conditioning(1))
        counted[merged] = counter.get_flop_counts()
    bridges = [sum(counts["DualTower.dual_tower_bridge"].values()) for counts in counted.values()]
    assert bridges[0] == bridges[1] > 0
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        make(1.0, 2.0, steps=1).sample(noise(1), conditioning(1))  # v(0,B) and v(T,B), which the others have too
    assert sum(counter.get_flop_counts()["DualTower.dual_tower_bridge"].values()) == bridges[0]


class CopiesBetweenDevices(TorchDispatchMode):
    """Operations that take a tensor of one device and make one of another."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        made = operation(*args, **(kwargs or {}))
        devices = {each.device for each in tree_leaves((args, kwargs, made)) if isinstance(each, torch.Tensor)}
        if len(devices) > 1:
            self.seen.append(str(operation))
        return made


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_no_step_waits_for_the_device(make, nano_towers, monkeypatch, solver):
    """On the meta device, where a number cannot be asked for at all. Tables may be copied there, once an expert."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # there is none on the meta device
    copies = CopiesBetweenDevices()
    steps, at_step = 6, []

    def count(step, timesteps, latents):
        at_step.append(len(copies.seen))
        return latents

    watcher = Watcher(cancelled=lambda: len(at_step) == steps - 1, on_latents=count)
    sampler = replace(make(steps=steps, solver=solver, watcher=watcher), model=copy.deepcopy(nano_towers).to("meta"))
    start = LatentPair(*(each.to("meta") for each in noise(2)))
    audio = KnownLatents(noise(2).audio, torch.zeros(2, 1, 32, dtype=torch.bool))
    with torch.device("meta"):
        given = conditioning(2, True)
    given = replace(given, known=replace(given.known, audio=audio))  # copied before the first step
    with copies, pytest.raises(GenerationCancelled):
        sampler.sample(start, given)
    new = [after - before for before, after in pairwise([0, *at_step])]
    made = [count for count in new if count]
    assert len(made) == 2 and sum(made) <= 14, (new, copies.seen)
