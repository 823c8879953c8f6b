"""The doctor says of every measure whether it is taken, and what enables the others, in a few lines."""

import pytest

from mova_core.cli.doctor import told
from mova_core.cli.doctor_checks import Finding, examine
from mova_core.curation.tables import MEASURE_NAMES
from mova_core.endpoints.endpoint import MODELS
from mova_core.params import Params, params_from
from mova_core.storage.hashing import sha256_folder
from tests.mova_core.endpoints.model_server import ModelServer

SHA = "0" * 64


def about(params: Params, measure: str) -> Finding:
    (found,) = [each for each in examine(params) if measure in each.measures]
    return found


@pytest.mark.parametrize("preset", ["nano", "mova-720p"])
def test_every_measure_is_told_once(preset):
    told_of = [measure for each in examine(Params(preset=preset)) for measure in each.measures]
    assert sorted(told_of) == sorted(MEASURE_NAMES)


def test_what_is_not_taken_has_its_setting_and_its_effect():
    off = about(Params(), "flow_speed")
    assert off.state == "off" and "assess.measures" in off.enable and "columns of verdicts" in off.changes
    missing = about(Params(), "dover_technical")
    assert missing.state == "missing" and "weights.MODEL" in missing.enable
    assert about(Params(preset="mova-360p"), "flow_speed").state == "works"


def test_what_is_unavailable_takes_a_few_lines_after_what_works():
    findings = examine(Params())
    assert len(told(findings).splitlines()) <= 24
    states = [each.state for each in findings]
    assert states == sorted(states, key=("works", "off", "missing").index)
    for each in findings:
        assert each.state == "works" or (each.enable and each.changes), each


def test_weights_that_cannot_be_used_are_told_and_do_not_end_the_doctor():
    params = params_from({"weights": {"dover": {"path": "a.safetensors", "sha256": SHA}}})
    found = about(params, "dover_technical")
    assert found.state == "missing" and "there is no such file" in found.enable


def endpoint_findings(monkeypatch, kind, url, model="some-model"):
    monkeypatch.setenv(f"MOVA_{kind}_URL", url)
    monkeypatch.setenv(f"MOVA_{kind}_MODEL", model)
    monkeypatch.setenv(f"MOVA_{kind}_KEY", "sk-secret")
    found = [each for each in examine(Params()) if each.what == f"MOVA_{kind}_URL"]
    assert "sk-secret" not in told(examine(Params()))
    return found


@pytest.mark.parametrize("kind", MODELS)
def test_an_endpoint_is_told_with_its_model(monkeypatch, kind):
    server = ModelServer()
    (found,) = endpoint_findings(monkeypatch, kind, server.url)
    server.stop()
    assert found.state == "works" and server.url in found.detail and "some-model" in found.detail
    (found,) = endpoint_findings(monkeypatch, kind, server.url)
    assert found.state == "missing" and "cannot be reached" in found.detail


def test_endpoints_that_nothing_names_are_off_and_told_with_what_uses_them():
    (found,) = [each for each in examine(Params()) if each.what == "endpoints"]
    assert found.state == "off"
    for kind in MODELS:
        assert f"MOVA_{kind}_URL" in found.detail and f"MOVA_{kind}_MODEL" in found.enable and kind in found.changes
    assert "caption.kind: model" in found.changes and "--rewrite-prompt" in found.changes


def speech_findings(params):
    return {each.what: each for each in examine(params) if each.what in ("speech", "Whisper", "diarization")}


def test_speech_that_nothing_names_is_off_and_told_in_one_finding(monkeypatch):
    (found,) = speech_findings(Params()).values()
    assert found.state == "off" and "MOVA_ASR_URL" in found.enable and "weights.pyannote" in found.enable
    assert "cpCER" in found.changes
    monkeypatch.setenv("MOVA_ASR_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("MOVA_ASR_MODEL", "some-model")
    (found,) = speech_findings(Params()).values()
    assert found.detail == "no diarization" and "MOVA_ASR_URL" not in found.enable


def test_models_of_speech_are_told_one_by_one(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    whisper = {"path": str(tmp_path), "sha256": sha256_folder(tmp_path)}
    parts = dict.fromkeys(("embedding", "plda_transform", "plda"), whisper)
    found = speech_findings(params_from({"speech": {"whisper": whisper, "diarization": parts}}))
    assert set(found) == {"Whisper", "diarization"}
    assert found["Whisper"].state == "works" and "CER" in found["Whisper"].detail
    assert found["diarization"].state == "missing" and "weights.pyannote is not" in found["diarization"].enable
    wrong = {"path": str(tmp_path), "sha256": SHA}
    assert speech_findings(params_from({"speech": {"whisper": wrong}}))["Whisper"].state == "missing"
