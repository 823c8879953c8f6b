"""What the tests of sampling share: a sampler, the forwards that it makes, and one thread to run them."""

from dataclasses import fields

import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def single_thread():
    """The models here are so small that a second one only waits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make(nano_towers):
    """Function that makes a sampler: scales, then fields of `Guidance` and of `Sampler`."""
    from mova_core.flow_matching import PairSchedule
    from mova_core.sampling.guidance import Guidance
    from mova_core.sampling.sampler import Sampler

    def sampler(bridge_scale=2.0, text_scale=3.0, *, steps=3, audio_shift=5.0, **options):
        schedule = PairSchedule(steps, 5.0, audio_shift)
        of_guidance = {field.name for field in fields(Guidance)} & set(options)
        guidance = Guidance(bridge_scale, text_scale, **{name: options.pop(name) for name in of_guidance})
        return Sampler(nano_towers, schedule, guidance, 16.0, **options)

    return sampler


@pytest.fixture
def forwards(nano_towers):
    """Every forward of the towers: (expert, or the tower that runs alone, batch, whether the Bridge was on)."""
    seen = []

    def note(module, arguments, options):
        seen.append((options["expert"], len(arguments[1]), not options["bridge_scale"].off))

    def note_alone(name):
        return lambda module, arguments: seen.append((name, len(arguments[1]), False))

    hooks = [nano_towers.register_forward_pre_hook(note, with_kwargs=True)]
    for name in ("video_dit", "video_dit_2", "audio_dit"):
        hooks.append(getattr(nano_towers, name).register_forward_pre_hook(note_alone(name)))
    yield seen
    for hook in hooks:
        hook.remove()
