"""A LoRA adapter beside a model and merged into it; its file; what does not fit is refused."""

import re
from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.model.lora.adapter import WEIGHTS_FILE, Adapter, AdapterManifest, base_digests, config_fields
from mova_core.model.lora.layers import adapter_parameters, attach, load_adapter, merge, save_adapter
from mova_core.model.towers.dual_tower import DualTower, LatentPair
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.params.model import LoraParams

TINY = {"width": 24, "heads": 2, "layers": 1, "mlp_width": 32}
PARAMS = Params.model_validate({"train": {"model": {"video": TINY, "audio": TINY}}})
LORA = LoraParams(rank=2, alpha=6.0, modules=("q", "o", "ffn.0"))
RELEASED_KEY = re.compile(
    r"(video_dit|video_dit_2|audio_dit)\.blocks\.\d+\.(self_attn\.[qo]|cross_attn\.[qo]|ffn\.0)\.lora_[AB]\.weight|"
    r"dual_tower_bridge\.(audio_to_video|video_to_audio)_conditioners\.\d+\.inner\.[qo]\.lora_[AB]\.weight"
)


def towers() -> DualTower:
    model = preset_dual_tower(PARAMS).eval()
    torch.nn.init.normal_(model.dual_tower_bridge.audio_to_video_conditioners["0"].inner.o.weight, std=0.1)
    return model


def velocity(model: DualTower) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    noisy = LatentPair(torch.randn(1, 16, 2, 2, 2, generator=generator), torch.randn(1, 16, 8, generator=generator))
    condition, context = torch.randn(1, 20, 2, 2, 2, generator=generator), torch.randn(1, 3, 64, generator=generator)
    with torch.no_grad():
        both = model(noisy, torch.full((1, 2), 950.0), condition, context, expert="video_dit", video_fps=16.0)
    return torch.cat([half.flatten() for half in both])


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    """Of random numbers, for `towers()`, beside which they lie."""
    root = tmp_path_factory.mktemp("lora")
    torch.manual_seed(0)
    model = towers()
    model.save_pretrained(root / "base")
    attach(model, config_fields(LORA))
    tensors = {key: torch.randn(parameter.shape) for key, parameter in adapter_parameters(model)}
    manifest = AdapterManifest(
        phase="phase3",
        fingerprint="f" * 64,
        base=base_digests(root / "base"),
        base_checkpoint="b" * 16,
        clips={},
        latents="0" * 64,
        params=LORA.model_dump(),
        seed=0,
        trained_on=[],
    )
    save_adapter(root / "adapter", tensors, LORA, manifest)
    return Adapter.read(root / "adapter")


def altered(adapter: Adapter, folder: Path, tensors: dict[str, torch.Tensor]) -> Adapter:
    """The same adapter with other tensors."""
    save_adapter(folder, tensors, LORA, adapter.manifest)
    return Adapter.read(folder)


def test_keys_are_those_of_released_lora_files_and_the_config_is_pefts(adapter):
    stored = load_file(adapter.folder / WEIGHTS_FILE)
    assert all(RELEASED_KEY.fullmatch(key) for key in stored)
    assert len(stored) == 2 * (3 * 5 + 2 * 2)  # A and B; three towers of one block, two directions of the Bridge
    block, direction = "video_dit.blocks.0.ffn.0", "dual_tower_bridge.video_to_audio_conditioners.0.inner.q"
    assert stored[f"{block}.lora_A.weight"].shape == (2, 24) and stored[f"{block}.lora_B.weight"].shape == (32, 2)
    assert stored[f"{direction}.lora_B.weight"].shape == (24, 2)
    config = LoraConfig.from_pretrained(adapter.folder)
    assert (config.r, config.lora_alpha, config.lora_dropout) == (2, 6.0, 0.0)


def test_it_adds_alpha_over_rank_times_BA_and_merged_gives_what_it_gives_beside(adapter):
    alone, beside = towers(), towers()
    before = {name: value.clone() for name, value in beside.state_dict().items()}
    load_adapter(beside, adapter)
    for name, value in beside.state_dict().items():
        if ".lora_" not in name:  # base weights bit for bit
            assert torch.equal(value, before[name.replace(".base_layer.", ".")])
    found = velocity(beside)
    assert float((found - velocity(alone)).abs().max()) > 1e-2
    merge(beside)
    assert list(beside.state_dict()) == list(before)
    torch.testing.assert_close(velocity(beside), found, rtol=0, atol=1e-5)
    key, stored = "audio_dit.blocks.0.cross_attn.q", load_file(adapter.folder / WEIGHTS_FILE)
    expected = before[f"{key}.weight"] + 3.0 * stored[f"{key}.lora_B.weight"] @ stored[f"{key}.lora_A.weight"]
    torch.testing.assert_close(beside.state_dict()[f"{key}.weight"], expected)


def test_only_the_layers_of_the_named_components_are_adapted():
    model = preset_dual_tower(PARAMS)
    attach(model, config_fields(LORA.model_copy(update={"components": ("audio_dit",)})))
    assert {key.partition(".")[0] for key, _ in adapter_parameters(model)} == {"audio_dit"}
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learning and all(".lora_" in name for name in learning)


def test_an_adapter_of_other_weights_is_refused(adapter, tmp_path):
    base = adapter.folder.parent / "base"
    adapter.check_base(base)
    other = towers()
    other.audio_dit.head.head.bias.data += 1
    other.save_pretrained(tmp_path)
    with pytest.raises(StaleError, match=r"belongs to checkpoint bbbb.*audio_dit has sha256 .* train it on this one"):
        adapter.check_base(tmp_path)


def test_what_does_not_fit_the_model_or_is_not_finite_is_refused_by_its_key(adapter, tmp_path):
    stored = load_file(adapter.folder / WEIGHTS_FILE)
    key = "video_dit.blocks.0.ffn.0.lora_A.weight"
    for name, tensor, error, said in (
        (key, torch.zeros(2, 25), StaleError, rf"{key} has shape \(2, 25\), the model's is \(2, 24\)"),
        (key, torch.full((2, 24), torch.nan), MovaError, f"{key} holds NaN"),
        (key.replace("blocks.0", "blocks.7"), torch.zeros(2, 24), StaleError, "blocks.7.*no such layer"),
    ):
        wrong = altered(adapter, tmp_path / "wrong", stored | {name: tensor})
        with pytest.raises(error, match=said):
            load_adapter(towers(), wrong)


def test_a_damaged_folder_is_refused_before_it_is_loaded(adapter, tmp_path):
    with pytest.raises(UsageError, match=r"is no LoRA adapter: manifest.json is missing.*mova train --lora"):
        Adapter.read(tmp_path)
    damaged = altered(adapter, tmp_path / "damaged", load_file(adapter.folder / WEIGHTS_FILE)).folder
    save_file({}, damaged / WEIGHTS_FILE)
    with pytest.raises(StaleError, match=rf"{WEIGHTS_FILE} has \d+ bytes, the manifest lists"):
        Adapter.read(damaged)
