"""Memory falls with every way of cutting, and activations are what autograd keeps."""

from itertools import pairwise

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from mova_core.flow_matching.experts import HIGH_NOISE
from mova_core.geometry import GEOMETRIES
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.training.plan.memory import activation_bytes, memory_by_part
from mova_core.training.strategy.layout import Layout

CLIPS = 8  # at once: float32 copies of the time embedding's weights hardly count then


def test_more_parts_need_less_and_only_activations_care_for_context(workload):
    full = workload("mova-720p", "phase3")
    cut = [memory_by_part(full, Layout(shard=shard), "full", "bfloat16") for shard in (1, 2, 4, 8)]
    for more, less in pairwise(cut):
        assert all(less[part] <= more[part] for part in more) and sum(less.values()) < sum(more.values())
    whole = memory_by_part(full, Layout(), "full", "bfloat16")
    shared = memory_by_part(full, Layout(context=8), "full", "bfloat16")
    assert shared["activations"] == whole["activations"] / 8
    assert shared["weights"] == cut[3]["weights"]
    copies = memory_by_part(full, Layout(replicate=8), "full", "bfloat16")
    assert copies | {"buckets of gradients": 0} == whole


def test_each_backend_and_option_cuts_its_own_parts(workload):
    full = workload("mova-360p", "phase1")

    def of(**options):
        return memory_by_part(full, Layout(**options), "full", "bfloat16")

    cut = of(shard=8)
    zero1, zero2, zero3 = (of(replicate=8, backend=name) for name in ("zero1", "zero2", "zero3"))
    assert {each["optimizer moments"] for each in (cut, zero1, zero2, zero3)} == {cut["optimizer moments"]}
    assert zero1["gradients"] == 8 * zero2["gradients"] == 8 * cut["gradients"]
    assert zero3["gradients"] == 4 * full.trained.parameters / 8  # DeepSpeed keeps those of the idle expert too
    assert zero1["moving average"] == zero2["moving average"] == 8 * zero3["moving average"]
    offloaded = of(shard=8, cpu_offload=True)
    assert offloaded == cut | dict.fromkeys(("weights", "gradients", "optimizer moments", "moving average"), 0)
    kept = of(shard=8, reshard=False)
    assert kept["gathered weights"] - cut["gathered weights"] == 2 * full.step.parameters
    more = memory_by_part(full, Layout(shard=8), "full", "bfloat16", clips=4)
    assert more == cut | {"activations": 4 * cut["activations"]}


def test_a_parameter_costs_twenty_bytes_of_which_an_idle_expert_needs_sixteen(workload):
    full = workload("mova-360p", "phase1")
    parts = memory_by_part(full, Layout(), "full", "bfloat16")
    held = sum(parts[name] for name in ("weights", "gradients", "optimizer moments", "moving average"))
    assert held == 16 * full.held.parameters + 4 * full.step.parameters


def test_less_is_kept_the_more_is_computed_again(workload):
    full = workload("mova-360p", "phase1")
    most = [activation_bytes(full, checkpointing, 2) for checkpointing in ("full", "selective", "none")]
    assert most == sorted(most) and most[0] < most[2] / 5


@pytest.mark.parametrize(("dtype", "number"), [(torch.float32, 4), (torch.bfloat16, 2)])
def test_activations_are_what_autograd_keeps(workload, dtype, number):
    planned, geometry = workload("nano", "phase3"), GEOMETRIES["nano-48"]
    towers, tokens = preset_dual_tower(Params()).to(dtype), planned.tokens
    weights = {parameter.untyped_storage().data_ptr() for parameter in towers.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}  # by address; holding them keeps an address from being used twice

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage
        return tensor

    canvas = geometry.canvases[0]
    grid = geometry.latent_frames, canvas.latent_height, canvas.latent_width
    noisy = LatentPair(torch.randn(CLIPS, 16, *grid), torch.randn(CLIPS, 16, 4 * tokens.audio))
    inputs = noisy, torch.ones(CLIPS, 2), torch.randn(CLIPS, 20, *grid), torch.randn(CLIPS, tokens.text, 64)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        velocity = towers(*inputs, expert=HIGH_NOISE, video_fps=float(geometry.fps))
    assert velocity.video.requires_grad
    assert sum(each.nbytes() for each in kept.values()) == pytest.approx(
        CLIPS * activation_bytes(planned, "none", number), rel=0.1
    )
