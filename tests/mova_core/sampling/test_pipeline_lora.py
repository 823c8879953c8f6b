"""LoRA adapters of a pipeline, under diffusers' names; clips without one are as they were before the first."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mova_core.errors import StaleError, UsageError
from mova_core.sampling.pipeline import MovaPipeline

LAYER = "video_dit{}.blocks.0.self_attn.v"
SETTINGS = {"steps": 1, "seed": 3}


@pytest.fixture(scope="module")
def pipeline(nano_folder: Path) -> MovaPipeline:
    return MovaPipeline.from_pretrained(nano_folder)


@pytest.fixture(scope="module")
def files(pipeline: MovaPipeline, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two foreign adapters of both video experts."""
    folder, width = tmp_path_factory.mktemp("adapters"), pipeline.model.towers.video_dit.config["dim"]
    for seed, name in enumerate(("warm", "cold")):
        generator = torch.Generator().manual_seed(seed)
        tensors = {}
        for expert in ("", "_2"):
            tensors[f"{LAYER.format(expert)}.lora_A.weight"] = torch.randn(4, width, generator=generator)
            tensors[f"{LAYER.format(expert)}.lora_B.weight"] = torch.randn(width, 4, generator=generator)
        save_file(tensors, folder / f"{name}.safetensors")
    return {path.stem: path for path in folder.iterdir()}


def latents(pipeline: MovaPipeline) -> torch.Tensor:
    return pipeline("red ball", **SETTINGS).latents.video


def test_adapters_are_loaded_weighted_fused_and_unloaded(pipeline: MovaPipeline, files: dict[str, Path]) -> None:
    alone = latents(pipeline)
    pipeline.load_lora(files["warm"])
    pipeline.load_lora(files["cold"], adapter_name="blue", weight=0.5)
    assert sorted(pipeline.get_active_adapters()) == ["blue", "warm"]
    both = latents(pipeline)
    pipeline.set_adapters(["blue", "warm"], [0.5, 1.0])
    assert torch.equal(latents(pipeline), both) and not torch.equal(both, alone)
    pipeline.fuse_lora()
    torch.testing.assert_close(latents(pipeline), both, rtol=1e-4, atol=1e-4)
    pipeline.unfuse_lora()
    assert torch.equal(latents(pipeline), both)
    pipeline.set_adapters("warm", 0.5)
    assert pipeline.get_active_adapters() == ["warm"]
    pipeline.delete_adapters("blue")
    pipeline.set_adapters([])
    assert torch.equal(latents(pipeline), alone)
    pipeline.unload_lora_weights()
    assert torch.equal(latents(pipeline), alone)


def test_what_cannot_be_is_refused(pipeline: MovaPipeline, files: dict[str, Path], tmp_path: Path) -> None:
    save_file(
        {f"{LAYER.format('')}.lora_{name}.weight": torch.ones(shape) for name, shape in (("A", (2, 7)), ("B", (7, 2)))},
        tmp_path / "small.safetensors",
    )
    with pytest.raises(StaleError, match="belongs to a model of another size"):
        pipeline.load_lora(tmp_path / "small.safetensors")
    with pytest.raises(UsageError, match="2 adapter_weights for 1 adapters"):
        pipeline.set_adapters("warm", [1.0, 2.0])
    with pytest.raises(UsageError, match="no adapter 'warm' is loaded, expected one of none"):
        pipeline.set_adapters("warm")
    with pytest.raises(UsageError, match="weight of adapter warm is 0"):
        pipeline.load_lora(files["warm"], weight=0)
    assert pipeline.get_active_adapters() == []
