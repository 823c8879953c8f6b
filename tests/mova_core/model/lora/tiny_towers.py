"""Towers and Bridge of a few numbers, and an adapter of ours beside them."""

from pathlib import Path

import torch

from mova_core.model.lora.adapter import Adapter, AdapterManifest, base_digests, config_fields
from mova_core.model.lora.layers import adapter_parameters, attach, save_adapter
from mova_core.model.towers.dual_tower import DualTower, LatentPair
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.params.model import LoraParams

TINY = {"width": 24, "heads": 2, "layers": 1, "mlp_width": 32}
PARAMS = Params.model_validate({"train": {"model": {"video": TINY, "audio": TINY}}})
LORA = LoraParams(rank=2, alpha=6.0, modules=("q", "o", "ffn.0"))


def towers() -> DualTower:
    """The same at each call; the Bridge has an effect."""
    model = preset_dual_tower(PARAMS).eval()
    weight = model.dual_tower_bridge.audio_to_video_conditioners["0"].inner.o.weight
    torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(0))
    return model


def velocity(model: DualTower) -> torch.Tensor:
    """What it predicts of fixed latents."""
    generator = torch.Generator().manual_seed(1)
    noisy = LatentPair(torch.randn(1, 16, 2, 2, 2, generator=generator), torch.randn(1, 16, 8, generator=generator))
    condition, context = torch.randn(1, 20, 2, 2, 2, generator=generator), torch.randn(1, 3, 64, generator=generator)
    with torch.no_grad():
        both = model(noisy, torch.full((1, 2), 950.0), condition, context, expert="video_dit", video_fps=16.0)
    return torch.cat([half.flatten() for half in both])


def save_own_adapter(folder: Path, base: Path, seed: int = 0) -> Adapter:
    """An adapter of random numbers for `towers()`, which lie in `base`."""
    model = towers()
    attach(model, config_fields(LORA))
    generator = torch.Generator().manual_seed(seed)
    tensors = {key: torch.randn(parameter.shape, generator=generator) for key, parameter in adapter_parameters(model)}
    manifest = AdapterManifest(
        phase="phase3",
        fingerprint="f" * 64,
        base=base_digests(base),
        base_checkpoint="b" * 16,
        clips={},
        latents="0" * 64,
        params=LORA.model_dump(),
        seed=seed,
        trained_on=[],
    )
    save_adapter(folder, tensors, LORA, manifest)
    return Adapter.read(folder)
