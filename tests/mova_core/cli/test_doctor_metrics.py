"""`mova doctor --metrics` lists the whole catalogue: what can be taken or why not, by which weights, proven or not."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save_file

from mova_core.cli.doctor import doctor
from mova_core.evaluation import availability
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.measures.models.table import MODELS, MeasuringModel
from mova_core.storage.hashing import sha256_file

ANY_FILE = "def check(path):\n    pass\n"
WRONG = "0" * 64


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that a model takes, and no proof that the model is right."""
    (tmp_path / "any_file.py").write_text(ANY_FILE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(MODELS, "clap", MeasuringModel("a toy", "any_file"))
    save_file({}, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def asked(tmp_path: Path, **values: Any) -> tuple[dict[str, dict[str, Any]], str]:
    """What is said of each metric under these params, and as text."""
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps(values))
    found = doctor(params, metrics=True)
    return {each["metric"]: each for each in json.loads(json.dumps(found["metrics"]))}, found["text"]


def test_every_metric_is_listed_with_its_version(tmp_path: Path) -> None:
    found, text = asked(tmp_path)
    assert list(found) == list(CATALOGUE)
    lines = text.splitlines()
    for name, spec in CATALOGUE.items():
        assert found[name]["version"] == spec.version and found[name]["state"] in ("works", "off", "missing")
        assert sum(f" {name} " in line and f"version {spec.version}" in line for line in lines) == 1
        assert (found[name]["proven_with_published_weights"] is None) == (spec.model is None)


def test_a_model_without_weights_is_told_what_to_set(tmp_path: Path) -> None:
    found, text = asked(tmp_path)
    clap = found["clap_score"]
    assert (clap["state"], clap["why"], clap["weights"]) == ("missing", "params weights.clap is not configured", None)
    assert clap["needs"] == ["prompts", "weights of clap"] and clap["proven_with_published_weights"] == "no"
    assert "proven with published weights: no" in text


def test_weights_are_told_with_their_sha256(tmp_path: Path, weights: Path) -> None:
    sha256 = sha256_file(weights)
    found, _ = asked(tmp_path, preset="mova-360p", weights={"clap": {"path": str(weights), "sha256": sha256}})
    assert found["clap_score"]["state"] == found["fad_clap"]["state"] == "works"
    assert found["clap_score"]["weights"] == {
        "path": str(weights),
        "sha256_expected": sha256,
        "sha256_found": sha256,
    }


@pytest.mark.parametrize("there", [True, False])
def test_weights_that_cannot_be_used_are_told_and_do_not_end_the_doctor(
    tmp_path: Path, weights: Path, there: bool
) -> None:
    sha256 = sha256_file(weights)
    if not there:
        weights.unlink()
    found, text = asked(tmp_path, weights={"clap": {"path": str(weights), "sha256": WRONG}})
    clap = found["clap_score"]
    assert clap["state"] == "missing" and ("expected" if there else "no such file") in clap["why"]
    assert clap["weights"]["sha256_found"] == (sha256 if there else None)
    assert f"sha256 expected: {WRONG}" in text
    assert f"sha256 found:    {sha256 if there else 'there is no such file'}" in text
    assert found["audiobox_pq"]["why"] == "params weights.audiobox is not configured"


def test_what_the_params_do_not_ask_for_is_off(tmp_path: Path) -> None:
    found, text = asked(tmp_path)
    assert found["loudness_lufs"]["state"] == "off" and "name it in evaluate.metrics" in found["loudness_lufs"]["why"]
    assert text.count("name it in evaluate.metrics") == 1
    found, _ = asked(tmp_path, evaluate={"metrics": ["loudness_lufs"]})
    assert found["loudness_lufs"]["state"] == "works"
    assert (found["motion"]["state"], found["motion"]["why"]) == ("off", "params evaluate.metrics does not name it")


def test_metrics_of_speech_without_models_go_by_given_transcripts(tmp_path: Path) -> None:
    found, _ = asked(tmp_path, preset="mova-360p")
    assert found["cer"]["state"] == "works" and "given transcripts" in found["cer"]["why"]
    assert "MOVA_ASR_URL" in found["cer"]["why"]


def test_a_package_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(availability, "find_spec", lambda name: None if name == "speechmos" else object())
    found, _ = asked(tmp_path, preset="mova-360p")
    assert found["dnsmos_sig"]["state"] == "missing" and "speechmos is not installed" in found["dnsmos_sig"]["why"]


def test_who_proved_a_model_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proven = MeasuringModel("EAT", MODELS["eat"].module, proven="a lab, against its paper")
    monkeypatch.setitem(MODELS, "eat", proven)
    found, text = asked(tmp_path)
    assert found["eat_speech"]["proven_with_published_weights"] == "a lab, against its paper"
    assert "proven with published weights: a lab, against its paper" in text
