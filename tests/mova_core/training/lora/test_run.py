"""LoRA on clips of one's own: what is written, that it learns, goes on, and keeps what was there; then it is used."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mova_core.cli.model.export import export
from mova_core.cli.model.generate import generate
from mova_core.curation.engine.base import Engine
from mova_core.curation.tables import read_table
from mova_core.errors import StaleError
from mova_core.media.provenance import LoraUsed, read_provenance
from mova_core.model.lora.adapter import WEIGHTS_FILE, Adapter
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import MANIFEST_FILE, file_entries
from mova_core.training.curves import read_curves
from mova_core.training.lora.run import encode_clips, train_lora

ADAPTER, RUN, BASE = Path("models/lora/bars"), Path("runs/lora/bars"), Path("models/phase3")


@pytest.fixture(scope="module")
def trained_once(project_once, section, write_own_clips, request_of, tmp_path_factory):
    """The folder of a project with adapter `bars`; the digests of its base before the training."""
    root = tmp_path_factory.mktemp("lora")
    shutil.copytree(project_once, root, dirs_exist_ok=True)
    shutil.copytree(root / "models/audio", root / BASE)
    write_own_clips(root / "my_clips")
    before = file_entries(root / BASE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        wanted = request_of(section)
        encode_clips(wanted, Engine("local", 1))
        train_lora(wanted)
    assert file_entries(root / BASE) == before
    return root


@pytest.fixture
def trained(trained_once, tmp_path, monkeypatch):
    """A copy of it, from which the test runs."""
    shutil.copytree(trained_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def bytes_of(folder: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in sorted(folder.iterdir())}


@pytest.mark.usefixtures("trained")
def test_what_an_adapter_says_and_holds():
    adapter = Adapter.read(ADAPTER)
    adapter.check_base(BASE)
    said = adapter.manifest
    assert said.clips == {path.name: sha256_file(path) for path in sorted(Path("my_clips").glob("*.mp4"))}
    assert (said.phase, said.base_checkpoint, said.seed) == ("phase3", "0" * 16, 0)
    assert {"bar", "stands"} <= set(said.trained_on)
    stored = load_file(ADAPTER / WEIGHTS_FILE)
    assert all(bool(tensor.any()) for key, tensor in stored.items() if key.endswith("lora_B.weight"))
    last = RUN / "checkpoints/step-000008"
    for kind in ("model", "ema", "optimizer"):
        assert all(".lora_" in name for name in load_file(last / f"{kind}-00001.safetensors"))
    averaged = load_file(last / "ema-00001.safetensors")
    assert len(averaged) == len(stored)
    rows = read_table(Path("data/lora/bars/clips.parquet"), "clips")
    assert [(row["frames"], row["audio_samples"], row["width_px"]) for row in rows] == [(33, 33_000, 48)] * 3


@pytest.mark.usefixtures("trained")
def test_the_loss_on_its_clips_falls():
    losses = [record["validation"]["loss"] for record in read_curves(RUN / "curves.jsonl")]
    assert len(losses) == 8 and losses[-1] < 0.95 * losses[0]


@pytest.mark.usefixtures("trained")
def test_it_is_deterministic_goes_on_after_a_stop_and_does_nothing_when_nothing_changed(section, request_of):
    made, wanted = bytes_of(ADAPTER), request_of(section)
    assert train_lora(wanted)["seconds"] == 0.0
    (RUN / MANIFEST_FILE).unlink()
    shutil.rmtree(RUN / "checkpoints/step-000008")
    shutil.rmtree(ADAPTER)
    train_lora(wanted)  # from step 4
    assert bytes_of(ADAPTER) == made
    shutil.rmtree(RUN)
    shutil.rmtree(ADAPTER)
    train_lora(wanted)  # from step 0
    assert bytes_of(ADAPTER) == made


@pytest.mark.usefixtures("trained")
def test_an_adapter_of_other_params_is_kept_and_comes_back(section, request_of, capsys):
    made = bytes_of(ADAPTER)
    train_lora(request_of(section, rank=1, steps=1))
    assert f"{ADAPTER} was trained from other inputs, params or code: it is kept as models/lora/kept/bars-" in (
        capsys.readouterr().err
    )
    (kept,) = Path("models/lora/kept").iterdir()
    assert bytes_of(kept) == made != bytes_of(ADAPTER)
    assert train_lora(request_of(section))["seconds"] == 0.0
    assert bytes_of(ADAPTER) == made


@pytest.mark.usefixtures("trained")
def test_a_clip_made_beside_the_base_says_so_and_the_merged_model_makes_the_same():
    common = {"prompt": "A bar stands at place 1.", "steps": 1}
    done = generate(str(BASE), Path("beside.mp4"), lora=[f"{ADAPTER}=0.5"], **common)
    used = LoraUsed(Adapter.read(ADAPTER).adapter_id, 0.5)
    assert done["loras"] == [asdict(used)] and read_provenance(Path("beside.mp4")).loras == (used,)
    assert generate(str(BASE), Path("alone.mp4"), **common)["loras"] == []
    assert read_provenance(Path("alone.mp4")).loras == ()
    generate(like=Path("beside.mp4"), out=Path("again.mp4"))
    assert Path("again.mp4").read_bytes() == Path("beside.mp4").read_bytes() != Path("alone.mp4").read_bytes()

    export(str(BASE), Path("merged"), lora=[f"{ADAPTER}=0.5"])
    beside, merged, alone = (MovaPipeline.from_pretrained(folder) for folder in (BASE, "merged", BASE))
    beside.load_lora(ADAPTER, weight=0.5)
    found, same, other = (pipeline("A bar.", steps=2).latents.video for pipeline in (beside, merged, alone))
    torch.testing.assert_close(same, found, rtol=0, atol=1e-5)
    assert float((other - found).abs().max()) > 1e-3
    assert {path.name for path in Path("merged/audio_dit").iterdir()} == {
        path.name for path in (BASE / "audio_dit").iterdir()
    }


@pytest.mark.usefixtures("trained")
def test_it_is_refused_beside_another_model():
    shutil.copytree("models/phase3", "models/other")
    weights = Path("models/other/audio_dit/diffusion_pytorch_model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    for use in (
        lambda: generate("models/other", Path("clip.mp4"), prompt="A bar.", lora=[str(ADAPTER)]),
        lambda: export("models/other", Path("merged"), lora=[str(ADAPTER)]),
    ):
        with pytest.raises(StaleError, match=r"models/lora/bars belongs to checkpoint 0{16}, whose audio_dit has"):
            use()
    assert not Path("clip.mp4").exists() and not Path("merged").exists()
    assert json.loads((ADAPTER / "adapter_config.json").read_text())["r"] == 2
