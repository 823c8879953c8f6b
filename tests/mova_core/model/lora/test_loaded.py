"""Adapters beside a model: what they add, several at once, fused, and taken out without a trace."""

import itertools
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mova_core.errors import MovaError, UsageError
from mova_core.model.lora.adapter import WEIGHTS_FILE, Adapter
from mova_core.model.lora.loaded import LoadedAdapters
from mova_core.model.lora.lora_file import LoraFile
from mova_core.model.towers.dual_tower import DualTower
from tests.mova_core.model.lora.tiny_towers import LORA, save_own_adapter, towers, velocity

SCALE = LORA.alpha / LORA.rank


@pytest.fixture(scope="module")
def three(adapter: Adapter, tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoraFile]:
    """Adapters: one of ours, a foreign one of another rank for some layers, one of the Bridge alone."""
    root = tmp_path_factory.mktemp("three")
    generator = torch.Generator().manual_seed(7)
    q, o = "transformer.blocks.0.attn1.to_q", "audio_dit.blocks.0.cross_attn.o"
    bridge = "dual_tower_bridge.video_to_audio_conditioners.0.inner.k"
    foreign = {
        f"{q}.lora_down.weight": torch.randn(5, 24, generator=generator),
        f"{q}.lora_up.weight": torch.randn(24, 5, generator=generator),
        f"{q}.alpha": torch.tensor(2.5),
        f"{o}.lora_A.weight": torch.randn(1, 24, generator=generator).to(torch.bfloat16),
        f"{o}.lora_B.weight": torch.randn(24, 1, generator=generator).to(torch.bfloat16),
    }
    save_file(foreign, root / "foreign.v1.safetensors")
    matrices = {
        f"{bridge}.lora_{name}.default.weight": torch.randn(shape, generator=generator)
        for name, shape in (("A", (3, 24)), ("B", (24, 3)))
    }
    save_file(matrices, root / "bridge.safetensors")
    return {
        "own": LoraFile.of_model(adapter.folder, adapter.folder.parent / "base"),
        "foreign.v1": LoraFile.read(root / "foreign.v1.safetensors"),
        "bridge": LoraFile.read(root / "bridge.safetensors"),
    }


def loaded(model: DualTower, files: dict[str, LoraFile]) -> LoadedAdapters:
    adapters = LoadedAdapters(model)
    for name, lora in files.items():
        adapters.load(name, lora)
    return adapters


def state(model: DualTower) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(model: DualTower, before: dict[str, torch.Tensor]) -> bool:
    now = model.state_dict()
    return list(now) == list(before) and all(torch.equal(now[name], before[name]) for name in before)


def test_each_layer_adds_weight_times_alpha_over_rank_times_BA(three: dict[str, LoraFile], adapter: Adapter) -> None:
    model = towers()
    before = state(model)
    adapters = loaded(model, three)
    adapters.set({"own": 0.5, "foreign.v1": -2.0, "bridge": 1.0})
    adapters.keep_fused()
    after = model.state_dict()
    own, foreign, bridge = (load_file(lora.weights) for lora in three.values())
    q = "video_dit.blocks.0.self_attn.q"
    expected = before[f"{q}.weight"] + 0.5 * SCALE * own[f"{q}.lora_B.weight"] @ own[f"{q}.lora_A.weight"]
    there = "transformer.blocks.0.attn1.to_q"
    expected -= 2.0 * 2.5 / 5 * foreign[f"{there}.lora_up.weight"] @ foreign[f"{there}.lora_down.weight"]
    torch.testing.assert_close(after[f"{q}.weight"], expected)
    k = "dual_tower_bridge.video_to_audio_conditioners.0.inner.k"
    added = bridge[f"{k}.lora_B.default.weight"] @ bridge[f"{k}.lora_A.default.weight"]  # no alpha: as its rank
    torch.testing.assert_close(after[f"{k}.weight"], before[f"{k}.weight"] + added)
    untouched = "video_dit.blocks.0.self_attn.k.weight"
    assert torch.equal(after[untouched], before[untouched]) and list(after) == list(before)


def test_fused_gives_what_it_gives_beside_and_unfused_the_same_bits(three: dict[str, LoraFile]) -> None:
    model = towers()
    adapters = loaded(model, three)
    adapters.set({"own": 0.7, "foreign.v1": 0.3})
    beside, before = velocity(model), state(model)
    assert float((beside - velocity(towers())).abs().max()) > 1e-2
    adapters.fuse()
    torch.testing.assert_close(velocity(model), beside, rtol=0, atol=1e-5)
    adapters.unfuse()
    assert same(model, before) and torch.equal(velocity(model), beside)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_taken_out_the_model_is_bit_for_bit_as_before(three: dict[str, LoraFile], dtype: torch.dtype) -> None:
    model = towers().to(dtype)
    before, modules = state(model), [type(module) for module in model.modules()]
    adapters = loaded(model, three)
    adapters.set({"own": 1.0, "bridge": 3.0})
    adapters.fuse()
    assert not same(model, before)
    adapters.unload()
    assert same(model, before) and [type(module) for module in model.modules()] == modules
    assert not hasattr(model, "peft_config")
    adapters.load("own", three["own"])  # and anew


def test_the_order_decides_nothing(three: dict[str, LoraFile]) -> None:
    weights = {"own": 0.7, "foreign.v1": 1.3, "bridge": -0.5}
    found = []
    for order in itertools.permutations(three):
        model = towers()
        adapters = loaded(model, {name: three[name] for name in order})
        adapters.set({name: weights[name] for name in reversed(order)})
        found.append(velocity(model))
    assert all(torch.equal(other, found[0]) for other in found[1:])


def test_what_is_loaded_but_not_in_force_changes_no_bit(three: dict[str, LoraFile]) -> None:
    model = towers()
    alone = velocity(model)
    adapters = loaded(model, three)
    assert adapters.weights == {} and torch.equal(velocity(model), alone)
    adapters.set({"own": 1.0})
    one = velocity(model)
    adapters.set({"own": 2.0, "bridge": 1.0})
    assert not torch.equal(velocity(model), one)
    adapters.set({"own": 1.0})
    assert torch.equal(velocity(model), one)
    adapters.delete("bridge")
    assert torch.equal(velocity(model), one) and adapters.names == ["own", "foreign.v1"]
    adapters.set({})
    assert torch.equal(velocity(model), alone)


def test_impossible_requests_are_refused_and_change_nothing(three: dict[str, LoraFile]) -> None:
    model = towers()
    adapters = loaded(model, three)
    adapters.set({"own": 1.0})
    before = velocity(model)
    for wrong, said in (
        (lambda: adapters.load("own", three["bridge"]), "'own' is loaded already"),
        (
            lambda: adapters.set({"own": 1.0, "other": 1.0}),
            "no adapter 'other' is loaded, expected one of own, foreign",
        ),
        (lambda: adapters.set({"own": 0.0}), "weight of adapter own is 0"),
        (lambda: adapters.set({"own": float("nan")}), "weight of adapter own is nan"),
        (lambda: adapters.set({"own": 1e9}), "weight of adapter own is 1e"),
        (lambda: adapters.delete("other"), "no adapter 'other'"),
    ):
        with pytest.raises(UsageError, match=said):
            wrong()
    assert torch.equal(velocity(model), before)
    adapters.fuse()
    for fused in (adapters.fuse, lambda: adapters.set({}), lambda: adapters.delete("own")):
        with pytest.raises(UsageError, match="fused"):
            fused()


@pytest.mark.parametrize("key", ["lora_down.weight", "lora_up.weight", "alpha"])
def test_numbers_that_are_not_finite_are_refused_before_a_layer_is_made(
    three: dict[str, LoraFile], tmp_path: Path, key: str
) -> None:
    stored = load_file(three["foreign.v1"].weights)
    name = f"transformer.blocks.0.attn1.to_q.{key}"
    save_file(stored | {name: torch.full_like(stored[name], torch.inf)}, tmp_path / "bad.safetensors")
    model = towers()
    before = state(model)
    with pytest.raises(MovaError, match=f"to_q.{key} holds NaN or infinity"):
        LoadedAdapters(model).load("bad", LoraFile.read(tmp_path / "bad.safetensors"))
    assert same(model, before)


def test_adapters_of_ours_have_ids_of_their_manifests(adapter: Adapter, tmp_path: Path) -> None:
    base = adapter.folder.parent / "base"
    assert LoraFile.read(adapter.folder).adapter_id == adapter.adapter_id
    other = save_own_adapter(tmp_path / "other", base, seed=1)
    assert LoraFile.of_model(other.folder, base).adapter_id != adapter.adapter_id
    assert (adapter.folder / WEIGHTS_FILE) == LoraFile.read(adapter.folder).weights
