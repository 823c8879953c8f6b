"""Inputs that cannot be trained on are refused in one sentence, before anything is written."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mova_core.cli.model.train import train as train_command
from mova_core.curation.encode.latents_manifest import INDEX_FILE, read_latents_manifest, write_latents_manifest
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.params import Params, params_from
from mova_core.params.nested import merged
from mova_core.training.preflight import Places, check_inputs, few_clips, run_folder
from mova_core.training.recipe import PHASES


def refused(project, phase: str, error: type[MovaError], *words: str, section=None) -> None:
    """Training is refused with these words, and leaves nothing behind."""
    with pytest.raises(error, match=".*".join(map(re.escape, words))) as raised:
        project.train(phase, section)
    assert "\n" not in str(raised.value)
    assert not (project.root / "runs").exists()


def test_the_checks_load_no_torch():
    code = "import sys, mova_core.training.preflight, mova_core.cli.model.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_command_refuses_an_unknown_phase_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # without params.yaml
    with pytest.raises(UsageError, match="phase4"):
        train_command("phase4")


def test_another_preset_needs_its_own_latents():
    with pytest.raises(UsageError, match=r"mova-360p/manifest\.json is missing.*mova encode mova-360p"):
        check_inputs(PHASES["audio"], params_from({"preset": "mova-360p"}), Places())


def test_no_latents(project):
    shutil.rmtree(project.root / "data/latents/nano-32")
    refused(project, "audio", UsageError, "data/latents/nano-32/manifest.json is missing", "mova encode nano-32")


def test_latents_of_another_codec(project):
    path = project.root / "models/codec/video_vae/config.json"
    path.write_text(path.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    refused(project, "audio", StaleError, "nano-32 was encoded with codec", "mova encode nano-32")


def test_latents_of_other_params(project):
    path = project.root / "data/latents/nano-32/manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "params": "0" * 64}))
    refused(project, "audio", StaleError, "nano-32 was encoded with params 000000000000")


@pytest.mark.parametrize("name", ["latents-00000.safetensors", "constants.safetensors", "index.parquet"])
def test_latents_that_were_touched(project, name):
    path = project.root / f"data/latents/nano-32/{name}"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    refused(project, "audio", StaleError, f"{name} has sha256", "mova encode nano-32")


def test_no_start_weights(project):
    refused(project, "phase2", UsageError, "models/phase1/selection.json is missing", "phase2 starts from a selected")


def test_start_weights_of_another_phase(project):
    shutil.copytree(project.root / "models/audio", project.root / "models/phase1")
    refused(project, "phase2", StaleError, "phase 'audio', phase2 starts from those of phase1")


def test_a_phase_before_that_failed_its_gates(project):
    path = project.root / "models/audio/selection.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "passed": False, "reason": "fails 1 gate"}))
    refused(project, "phase1", UsageError, "models/audio holds no model to start phase1 from (fails 1", "train audio")


def test_start_weights_of_another_codec(project):
    path = project.root / "models/audio/video_vae/config.json"
    path.write_text(path.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    refused(project, "phase1", StaleError, "models/audio was trained with codec 0")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"audio": {"layers": 3}}, ["models/audio/audio_dit has layers 1, params train.model.audio.layers is 3"]),
        (
            {"video": {"mlp_width": 8}},
            ["models/audio/video_dit has mlp_width 32", "is 8", "train from phase audio on"],
        ),
        ({"video": {"layers": 2}}, ["models/audio/video_dit has layers 1", "is 2"]),
        ({"rope_theta": 10000.0}, ["models/audio/video_dit has rope_theta 256.0", "is 10000.0"]),
        ({"timestep_width": 32}, ["models/audio/video_dit has timestep_width 64", "is 32"]),
    ],
)
def test_start_weights_of_another_size(project, section, model, words):
    size, init = merged(section().model.model_dump(), model), {"video": "models/audio", "bridge": "models/audio"}
    refused(project, "phase1", StaleError, *words, section=section(model=size, init=init))


@pytest.mark.parametrize(
    ("init", "words"),
    [
        ({"video": "nowhere"}, ["nowhere is no folder"]),
        ({"bridge": "models/codec"}, ["models/codec/dual_tower_bridge/config.json is missing", "train.init"]),
        ({"video": "models"}, ["models has no video_vae"]),
    ],
)
def test_a_start_folder_without_the_component(project, section, init, words):
    refused(project, "phase1", UsageError, *words, section=section(init=init))


def test_a_start_folder_of_another_codec(project, section):
    shutil.copytree(project.root / "models/audio", project.root / "brought")
    path = project.root / "brought/video_vae/config.json"
    path.write_text(path.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    words = "brought was trained with codec 0", "name another folder in train.init"
    refused(project, "phase1", StaleError, *words, section=section(init={"video": "brought"}))


def test_the_first_joint_phase_starts_from_what_params_name(project, section):
    """Fresh experts and Bridge beside the selected audio tower, unless a folder is named for them."""
    shutil.copytree(project.root / "models/audio", project.root / "brought")
    inputs = check_inputs(PHASES["phase1"], Params(train=section()), Places())
    assert {name for name, digests in inputs["start"].items() if digests} == {"audio_dit"}
    assert inputs["start_checkpoint"] == "0" * 16
    named = section(init={"video": "brought", "audio": "brought", "bridge": "brought"})
    inputs = check_inputs(PHASES["phase1"], Params(train=named), Places())
    assert all(inputs["start"].values())
    assert inputs["start_checkpoint"] is None


def test_weights_of_a_component_that_are_not_as_its_config_says(project):
    path = project.root / "models/audio/audio_dit/config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "freq_dim": 32}))
    refused(project, "phase1", StaleError, "models/audio/audio_dit")


def change_index(project, change) -> None:
    """Rewrite the index of the small latents, and the manifest over it."""
    folder = project.root / "data/latents/nano-32"
    rows = [row | change(row) for row in read_table(folder / "index.parquet", "latents")]
    write_table(folder / "index.parquet", "latents", rows)
    manifest = json.loads((folder / "manifest.json").read_text())
    inputs = {name: manifest[name] for name in ("geometry", "codec", "text_encoder", "params")}
    write_latents_manifest(folder, ["latents-00000.safetensors", "constants.safetensors"], inputs)


def test_a_phase_without_clips(project):
    change_index(project, lambda row: {"phases": ["audio"]})
    refused(project, "phase1", MovaError, "none of the clips of data/latents/nano-32", "training clip of phase1")


def test_a_phase_without_validation_clips(project):
    change_index(project, lambda row: {"split": "train"})
    words = "none of the 7 clips", "audio takes is a validation clip", "raise cut.validation_share"
    refused(project, "audio", MovaError, *words)


def test_few_clips_are_warned_about(project, monkeypatch):
    latents = Path("data/latents/nano-32")
    warning = few_clips(PHASES["phase2"], latents)
    assert warning.startswith("phase2 trains on 5 clips and is validated on 1: below 200 and 16")
    monkeypatch.setattr("mova_core.training.preflight.FEW_CLIPS", {"train": 5, "validation": 1})
    assert few_clips(PHASES["phase2"], latents) is None
    assert few_clips(PHASES["phase3"], latents) is None


@pytest.mark.parametrize("name", ["runs/phase1", "runs/trial", "data", "params.yaml"])
def test_a_trial_in_a_folder_of_something_else(project, name):
    (project.root / "params.yaml").write_text("preset: nano")
    with pytest.raises(UsageError, match=f"--out is {name}, "):
        run_folder(PHASES["phase1"], Places(), Path(name))


def test_a_trial_goes_on_in_its_own_folder(project):
    trial = Path("trials/low")
    (trial / "checkpoints").mkdir(parents=True)
    assert run_folder(PHASES["phase1"], Places(), trial) == trial
    assert run_folder(PHASES["phase1"], Places(), None) == Path("runs/phase1")


def captioned(project, origin_of, **captions):
    """Write the origins of the clips, and table `captions` with these kinds."""
    path = project.root / "data/latents/nano-32" / INDEX_FILE
    rows = read_table(path, "latents")
    write_table(path, "latents", [row | {"origin": origin_of(number)} for number, row in enumerate(rows)])
    manifest = read_latents_manifest(path.parent)
    names = [name for name in manifest.files if name != INDEX_FILE]
    inputs = manifest.model_dump(include={"geometry", "codec", "text_encoder", "params"})
    write_latents_manifest(path.parent, names, inputs)
    own = [{"clip_id": row["clip_id"], "kind": "own"} | captions for row in rows]
    write_table(project.root / "data/captions.parquet", "captions", own)


def test_an_origin_that_no_clip_has(project, section):
    captioned(project, lambda number: ("film", "music", None)[number % 3], merged="A red ball.")
    sources = {"musci": {"weight": 2.0}}
    words = ("train.audio.sources names 'musci'", "'film', 'music', none stated")
    refused(project, "audio", UsageError, *words, section=section().model_copy(update={"audio": of(section, sources)}))
    known = {"music": {"weight": 2.0, "captions": {"sound": 0.5}}}
    project.train("audio", section(steps=2).model_copy(update={"audio": of(section, known, steps=2)}))


def of(section, sources, **own):
    values = section(**own).audio.model_dump() | {"sources": sources}
    return type(section().audio).model_validate(values)


@pytest.mark.parametrize(
    ("sources", "captions", "words"),
    [
        (
            {},
            {"merged": 0.0, "speech": 1.0},
            ("train.audio trains on captions of kind speech alone", "no training clip"),
        ),
        (
            {"music": {"captions": {"merged": 0.0, "speech": 1.0, "sound": 2.0}}},
            {"merged": 1.0},
            ("captions of kind speech, sound alone", "no training clip of origin 'music'"),
        ),
    ],
)
def test_kinds_of_caption_that_no_clip_has(project, section, sources, captions, words):
    captioned(project, lambda number: "music" if number % 2 else "film", merged="A red ball.", visual="A red ball.")
    values = section().audio.model_dump() | {"sources": sources, "captions": captions}
    own = type(section().audio).model_validate(values)
    refused(project, "audio", UsageError, *words, section=section().model_copy(update={"audio": own}))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"captions": {"musical": 1.0}}, r"train\.audio\.captions\.musical"),
        ({"sources": {"music": {"captions": {"musical": 1.0}}}}, r"train\.audio\.sources\.music\.captions\.musical"),
        ({"sources": {"music": {"wieght": 1.0}}}, r"train\.audio\.sources\.music\.wieght"),
        ({"sources": {"music": {"weight": 0}}}, r"train\.audio\.sources\.music\.weight"),
        (
            {"sources": {"music": {"captions": dict.fromkeys(("merged", "visual"), 0)}}},
            "no kind of caption has a weight",
        ),
    ],
)
def test_what_no_source_can_say(changed, words):
    with pytest.raises(UsageError, match=words) as refusal:
        params_from({"train": {"audio": changed}})
    assert "\n" not in str(refusal.value)
