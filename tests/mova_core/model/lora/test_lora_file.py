"""Foreign LoRA files: which layouts are understood, and what is refused, by its header alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mova_core.errors import StaleError, UsageError
from mova_core.model.lora.adapter import WEIGHTS_FILE, Adapter
from mova_core.model.lora.lora_file import LoraFile, WeightedLora, linear_shapes, parse_wanted
from mova_core.storage.hashing import sha256_file

Q = "video_dit.blocks.0.self_attn.q"
SIZE = 24


def pair(layer: str, rank: int = 2, down: str = "lora_A", up: str = "lora_B", **sizes: int) -> dict[str, torch.Tensor]:
    inputs, outputs = sizes.get("inputs", SIZE), sizes.get("outputs", SIZE)
    return {
        f"{layer}.{down}.weight": torch.ones(rank, inputs),
        f"{layer}.{up}.weight": torch.ones(outputs, rank),
    }


LAYOUTS = {
    "released": pair(Q),
    "released, sharded": pair(Q, down="lora_A.default", up="lora_B.default"),
    "peft": pair(f"base_model.model.{Q}"),
    "diffusers": pair("transformer.blocks.0.attn1.to_q"),
    "diffusers, released module": pair("transformer.blocks.0.self_attn.q"),
    "kohya's matrices": pair("transformer.blocks.0.attn1.to_q", down="lora_down", up="lora_up"),
    "with alpha": pair(Q) | {f"{Q}.alpha": torch.tensor(1.0)},
}
BRIDGE = "dual_tower_bridge.audio_to_video_conditioners.0.inner.q"
ELSEWHERE = {
    "transformer_2.blocks.0.attn2.to_out.0": "video_dit_2.blocks.0.cross_attn.o",
    "transformer.blocks.0.attn2.to_k": "video_dit.blocks.0.cross_attn.k",
    "transformer.blocks.0.attn1.to_out.0": "video_dit.blocks.0.self_attn.o",
    "audio_dit.blocks.0.self_attn.v": "audio_dit.blocks.0.self_attn.v",
    BRIDGE: BRIDGE,
}
FEED_FORWARD = {"transformer.blocks.0.ffn.net.0.proj": (24, 32), "transformer.blocks.0.ffn.net.2": (32, 24)}


@pytest.fixture
def model(adapter: Adapter) -> Path:
    return adapter.folder.parent / "base"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_names_the_same_layer(model: Path, tmp_path: Path, layout: str) -> None:
    save_file(LAYOUTS[layout], tmp_path / "some.lora.safetensors")
    lora = LoraFile.of_model(tmp_path / "some.lora.safetensors", model)
    assert list(lora.layers) == [Q] and lora.layers[Q].rank == 2
    assert lora.adapter_id == sha256_file(tmp_path / "some.lora.safetensors")[:16]
    assert "no manifest" in lora.warnings[0] and ("no alpha" in lora.warnings[-1]) == (layout != "with alpha")


def test_layers_of_every_component_and_kind(model: Path, tmp_path: Path) -> None:
    tensors = {key: tensor for theirs in ELSEWHERE for key, tensor in pair(theirs).items()}
    for theirs, (inputs, outputs) in FEED_FORWARD.items():
        tensors |= pair(theirs, inputs=inputs, outputs=outputs)
    save_file(tensors, tmp_path / "a.safetensors")
    layers = LoraFile.of_model(tmp_path / "a.safetensors", model).layers
    assert layers.keys() == {*ELSEWHERE.values(), "video_dit.blocks.0.ffn.0", "video_dit.blocks.0.ffn.2"}
    assert layers.keys() <= linear_shapes(model).keys()


@pytest.mark.parametrize("where", ["config", "metadata", "nowhere"])
def test_alpha_is_that_of_the_config_or_of_diffusers_metadata_or_the_rank(tmp_path: Path, where: str) -> None:
    metadata = {"lora_adapter_metadata": json.dumps({"transformer.r": 2, "transformer.lora_alpha": 6})}
    save_file(LAYOUTS["diffusers"], tmp_path / WEIGHTS_FILE, metadata=metadata if where == "metadata" else None)
    if where == "config":
        (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 6}))
    lora = LoraFile.read(tmp_path)
    assert lora.layers[Q].alpha == (None if where == "nowhere" else 6.0)
    assert ("states no alpha" in " ".join(lora.warnings)) == (where == "nowhere")


def test_another_alpha_is_another_adapter(tmp_path: Path) -> None:
    save_file(LAYOUTS["released"], tmp_path / WEIGHTS_FILE)
    ids = set()
    for alpha in (None, 4, 8):
        if alpha is not None:
            (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_alpha": alpha}))
        ids.add(LoraFile.read(tmp_path).adapter_id)
    assert len(ids) == 3


REFUSED = {
    "no such layer": (pair("video_dit.blocks.7.self_attn.q"), "adapts video_dit.blocks.7.self_attn.q, and.*no such"),
    "no such component": (pair("unet.blocks.0.attn1.to_q"), r"adapts unet.blocks.0.self_attn.q"),
    "other inputs": (pair(Q, inputs=25), "has 25 inputs and 24 outputs there, 24 inputs.*another size"),
    "other outputs": (pair(Q, outputs=48), "has 24 inputs and 48 outputs there"),
    "nothing": ({}, "holds no tensor"),
    "no pair": ({f"{Q}.lora_A.weight": torch.ones(2, SIZE)}, "has no lora_B .*self_attn.q"),
    "alpha alone": ({f"{Q}.alpha": torch.tensor(1.0)}, "has no lora_A"),
    "ranks apart": (
        {f"{Q}.lora_A.weight": torch.ones(2, SIZE), f"{Q}.lora_B.weight": torch.ones(SIZE, 3)},
        r"shape \(2, 24\).*\(24, 3\), expected \[rank, in\]",
    ),
    "a convolution": (
        {f"{Q}.lora_down.weight": torch.ones(2, SIZE, 1, 1), f"{Q}.lora_up.weight": torch.ones(SIZE, 2, 1, 1)},
        "of a linear layer",
    ),
    "DoRA": (pair(Q) | {f"{Q}.lora_magnitude_vector.weight": torch.ones(SIZE)}, "1 unknown key .*magnitude_vector"),
    "a whole model": ({f"{Q}.weight": torch.ones(SIZE, SIZE), f"{Q}.bias": torch.ones(SIZE)}, "2 unknown keys"),
    "twice": (pair(Q) | pair("transformer.blocks.0.attn1.to_q"), "self_attn.q twice"),
    "8 bits": ({key: tensor.to(torch.int8) for key, tensor in pair(Q).items()}, "stored as I8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_adapter_of_the_model_is_refused_in_one_sentence(model: Path, tmp_path: Path, case: str) -> None:
    tensors, said = REFUSED[case]
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(StaleError, match=said) as caught:
        LoraFile.of_model(tmp_path / "a.safetensors", model)
    assert "a.safetensors" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["use_rslora", "use_dora", "alpha_pattern", "lora_bias"])
def test_a_config_that_means_another_sum_is_refused(tmp_path: Path, field: str) -> None:
    save_file(LAYOUTS["released"], tmp_path / WEIGHTS_FILE)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_alpha": 4, field: {"x": 1}}))
    with pytest.raises(StaleError, match=f"has {field}, which is not known here"):
        LoraFile.read(tmp_path)


def test_files_that_are_damaged_pickles_or_not_there_are_refused(tmp_path: Path) -> None:
    save_file(LAYOUTS["released"], tmp_path / "a.safetensors")
    whole = (tmp_path / "a.safetensors").read_bytes()
    for cut in (0, 7, 20, len(whole) - 1):
        (tmp_path / "cut.safetensors").write_bytes(whole[:cut])
        with pytest.raises(StaleError, match=r"cut\.safetensors is not a whole safetensors file"):
            LoraFile.read(tmp_path / "cut.safetensors")
    (tmp_path / "pickled").mkdir()
    for path in (tmp_path / "pickled", tmp_path / "pickled/lora_weights.pt"):
        (tmp_path / "pickled/lora_weights.pt").write_bytes(b"x")
        with pytest.raises(UsageError, match=r"lora_weights.pt is a pickle.*safetensors\.torch\.save_file"):
            LoraFile.read(path)
    (tmp_path / "empty").mkdir()
    for path, said in (("empty", "neither manifest.json nor"), ("none", "is missing"), (".", "2 safetensors files")):
        with pytest.raises(UsageError, match=f"is no LoRA adapter: it .*{said}"):
            LoraFile.read(tmp_path / path)


def test_an_adapter_is_named_once_with_a_weight_that_has_an_effect(adapter: Adapter, model: Path) -> None:
    both = [(adapter.folder, 1.0), (adapter.folder, 0.5)]
    with pytest.raises(UsageError, match="is given twice"):
        WeightedLora.all_of_model(both, model)
    with pytest.raises(UsageError, match=r"weight of adapter .* is 0"):
        WeightedLora.all_of_model([(adapter.folder, 0.0)], model)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("a/b", ("a/b", 1.0)), ("a/b=0.7", ("a/b", 0.7)), ("a=b/c", ("a=b/c", 1.0)), ("a=b=-2", ("a=b", -2.0))],
)
def test_a_path_and_its_weight(word: str, expected: tuple[str, float]) -> None:
    assert parse_wanted(word) == (Path(expected[0]), expected[1])


def test_looking_at_an_adapter_loads_no_torch(adapter: Adapter, model: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mova_core.model.lora.lora_file import LoraFile; "
        f"LoraFile.of_model(Path({str(adapter.folder)!r}), Path({str(model)!r})); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_ours_is_compared_with_the_weights_that_it_was_trained_on(
    adapter: Adapter, model: Path, tmp_path: Path
) -> None:
    assert LoraFile.of_model(adapter.folder, model).warnings == []
    for name in ("video_dit", "video_dit_2", "audio_dit", "dual_tower_bridge"):
        (tmp_path / name).mkdir()
        weights = next((model / name).glob("*.safetensors"))
        changed = {key: value + 1 if key.endswith("head.bias") else value for key, value in load_file(weights).items()}
        save_file(changed, tmp_path / name / weights.name)
    with pytest.raises(StaleError, match=r"belongs to checkpoint bbbb"):
        LoraFile.of_model(adapter.folder, tmp_path)
