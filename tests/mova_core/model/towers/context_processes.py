"""Run by a test in a process of its own: forks before torch has any threads; the processes divide a model's tokens.

python context_processes.py PORT
"""

import os
import sys
from collections import Counter
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from mova_core.errors import UsageError
from mova_core.model.towers.audio_tower import TextToAudio
from mova_core.model.towers.bridge import BRIDGE_ON, BridgeScale
from mova_core.model.towers.dual_tower import DualTower, LatentPair, divide_tokens
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.params.model import ModelParams, TowerParams, TrainParams

PROCESSES = 3
LAYERS = 2
# Of 3 processes one has padding alone for the audio's 2 heads; 4 heads are padded to 6.
SIZE = ModelParams(
    video=TowerParams(width=48, heads=4, layers=LAYERS, mlp_width=32),
    audio=TowerParams(width=24, heads=2, layers=LAYERS, mlp_width=32),
)
GRID, AUDIO = (5, 4, 4), 28  # 20 video tokens and 7 audio tokens: neither divides by 3


class Collectives(TorchDispatchMode):
    """Counts collectives by name."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.namespace == "_c10d_functional":
            self.counts[function._schema.name.partition("::")[2]] += 1
        return function(*args, **(kwargs or {}))


def model() -> DualTower:
    towers = preset_dual_tower(Params(train=TrainParams(model=SIZE)))
    generator = torch.Generator().manual_seed(7)
    for name, parameter in towers.named_parameters():
        if ".inner.o." in name:  # zero at first
            parameter.data.normal_(std=0.1, generator=generator)
    return towers


def velocity(towers: DualTower, scale: BridgeScale = BRIDGE_ON, audio: int = AUDIO) -> LatentPair:
    generator = torch.Generator().manual_seed(3)
    noisy = LatentPair(torch.randn(2, 16, *GRID, generator=generator), torch.randn(2, 16, audio, generator=generator))
    condition, context = torch.randn(2, 20, *GRID, generator=generator), torch.randn(2, 5, 64, generator=generator)
    timestep = torch.tensor([[900.0, 300.0], [20.0, 999.0]])
    options = {"expert": "video_dit", "video_fps": 16.0, "bridge_scale": scale}
    return towers(noisy, timestep, condition, context, **options)


def learn(towers: DualTower, scale: BridgeScale) -> tuple[LatentPair, dict[str, Tensor]]:
    """Velocities, and the gradients of a loss of them."""
    towers.zero_grad()
    pair = velocity(towers, scale)
    (pair.video.square().mean() + pair.audio.sin().mean()).backward()
    gradients = {name: value.grad for name, value in towers.named_parameters() if value.grad is not None}
    return LatentPair(pair.video.detach(), pair.audio.detach()), gradients


def check(scale: BridgeScale, *, checkpointing: bool = False, cross_rope: bool = True) -> dict[str, int]:
    """Divided equals whole; gives the collectives of a forward and a backward pass by name."""
    whole, divided = model(), model()
    divide_tokens(divided, dist.group.WORLD)
    for towers in (whole, divided):
        towers.dual_tower_bridge.apply_cross_rope = cross_rope
        for tower in (towers.video_dit, towers.audio_dit):
            if checkpointing:
                tower.enable_gradient_checkpointing()
    expected, expected_gradients = learn(whole, scale)
    with Collectives() as collectives:
        found, gradients = learn(divided, scale)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        dist.all_reduce(gradient)
        torch.testing.assert_close(gradient / PROCESSES, expected_gradients[name], rtol=1e-4, atol=1e-6, msg=name)
    with torch.inference_mode():
        torch.testing.assert_close(velocity(divided, scale), expected, rtol=1e-5, atol=1e-5)
    return dict(collectives.counts)


def one_of(rank: int, port: str) -> None:
    torch.set_num_threads(1)
    options = {"rank": rank, "world_size": PROCESSES, "timeout": timedelta(minutes=1)}
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", **options)
    counts = [
        check(BRIDGE_ON),
        check(BRIDGE_ON, checkpointing=True),
        check(BridgeScale(acts_B=torch.tensor([True, False])), cross_rope=False),
        check(BridgeScale(first=1)),
    ]
    # Three exchanges an attention: queries, keys with values, the result; as many on the way back.
    attentions = LAYERS * (1 + 1 + 2)  # of the towers, of the Bridge's two directions
    towers_again = LAYERS * 2  # computed once more where gradients are checkpointed
    exchanges = [3 * (2 * attentions), 3 * (2 * attentions + towers_again), 3 * (2 * attentions), 3 * (2 * attentions)]
    assert [count["all_to_all_single"] for count in counts] == exchanges, counts
    assert all(count["all_gather_into_tensor"] == count["reduce_scatter_tensor"] == 2 for count in counts), counts

    towers = model()
    divide_tokens(towers, dist.group.WORLD)
    with pytest.raises(UsageError, match="3 processes divide a clip of 2 tokens, each needs one at least"):
        velocity(towers, audio=8)
    with pytest.raises(UsageError, match="3 processes divide the heads of attention, the model has 2 at most"):
        divide_tokens(TextToAudio(model().audio_dit), dist.group.WORLD)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    children = []
    for rank in range(PROCESSES):
        if (child := os.fork()) == 0:
            one_of(rank, sys.argv[1])
            os._exit(0)
        children.append(child)
    assert not any([os.waitpid(child, 0)[1] for child in children])
