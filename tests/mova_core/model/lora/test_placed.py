"""An adapter wherever weights wait and in whatever dtype they are: the clip of the resident model, or near it."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mova_core.model.lora.loaded import LoadedAdapters
from mova_core.model.lora.lora_file import WeightedLora
from mova_core.model.model_folder import load_components
from mova_core.params.runtime import MEMORY_MODES, RuntimeParams
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.inputs import ClipInputs

SETTINGS = {"steps": 2, "frames": 5, "height": 32, "width": 32}


@pytest.fixture(scope="module")
def adapter_file(nano_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, generator = tmp_path_factory.mktemp("placed") / "a.safetensors", torch.Generator().manual_seed(0)
    tensors = {}
    for layer in ("video_dit.blocks.0.self_attn.v", "video_dit_2.blocks.0.ffn.0", "audio_dit.blocks.1.cross_attn.o"):
        outputs = 384 if "ffn" in layer else 96
        tensors[f"{layer}.lora_A.weight"] = torch.randn(2, 96, generator=generator)
        tensors[f"{layer}.lora_B.weight"] = torch.randn(outputs, 2, generator=generator)
    save_file(tensors, path)
    return path


def latents(folder: Path, path: Path | None, **runtime: str) -> torch.Tensor:
    model = load_components(folder)
    if path is not None:
        LoadedAdapters.of(model.towers, WeightedLora.all_of_model([(path, 0.5)], folder))
    generator = ClipGenerator.of(model, RuntimeParams(device="cpu", **runtime))
    output = generator.generate([ClipInputs("red ball", 3)], generator.defaults.changed(**SETTINGS))
    return torch.cat([output.latents.video.flatten(), output.latents.audio.flatten()]).float()


@pytest.mark.parametrize("memory", MEMORY_MODES)
def test_every_memory_mode(nano_folder: Path, adapter_file: Path, memory: str) -> None:
    resident, alone = latents(nano_folder, adapter_file), latents(nano_folder, None)
    placed = latents(nano_folder, adapter_file, memory=memory)
    if memory == "fp8":  # the base is rounded to 8 bits, the adapter is not
        assert float((placed - resident).abs().mean()) < 0.3 * float((resident - alone).abs().mean())
    else:
        torch.testing.assert_close(placed, resident, rtol=0, atol=1e-5)


def test_half_the_bits(nano_folder: Path, adapter_file: Path) -> None:
    resident, alone = latents(nano_folder, adapter_file), latents(nano_folder, None)
    half = latents(nano_folder, adapter_file, dtype="bfloat16")
    assert float((half - resident).abs().mean()) < 0.3 * float((resident - alone).abs().mean())
