"""Weights that the user brings are checked before anything is measured, and a model that has them is asked."""

import hashlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mova_core.curation.assess import measure_groups
from mova_core.curation.assess.measure_clip import MEASURED_BY_GROUP, measure_clip
from mova_core.curation.assess.measure_groups import GROUPS, measuring, unavailable_measures, wanted_groups
from mova_core.curation.assess.stage import assess
from mova_core.curation.curate import curate
from mova_core.curation.engine.base import Engine
from mova_core.curation.tables import MEASURES, measures_of
from mova_core.errors import UsageError
from mova_core.measures.models import table
from mova_core.measures.models.table import MODELS, MeasuringModel, configured_models
from mova_core.media.encode import write_media
from mova_core.params import AssessParams, Params, WeightsParams, params_from
from mova_core.places import DataFolder

TOY = """
from mova_core.measures.clip import Unavailable

def check(path):
    pass

def load(path):
    number = float(path.read_text())
    return lambda clip: {"lse_d": number * len(clip.frames), "lse_c": Unavailable("no face")}
"""


def with_weights(path: Path, sha256: str, name: str = "syncnet") -> Params:
    return params_from({"weights": {name: {"path": str(path), "sha256": sha256}}})


@pytest.fixture
def weights(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "toy.safetensors"
    path.write_text("0.5")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose adapter exists."""
    (tmp_path / "toy_adapter.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(MODELS, "syncnet", MeasuringModel("a toy", "toy_adapter"))
    yield
    sys.modules.pop("toy_adapter", None)
    table._adapter.cache_clear()


def test_every_measure_is_made_by_one_thing():
    assert {measure.group for measure in MEASURES} <= {"always", *GROUPS, *MODELS}
    assert list(GROUPS) == list(MEASURED_BY_GROUP)
    assert list(MODELS) == list(WeightsParams.model_fields)


def test_the_page_of_weights_has_a_row_for_each_adapter():
    page = (Path(__file__).parents[4] / "docs" / "weights.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_refuses_weights_of_something_else(tmp_path, name):
    path = tmp_path / "other.safetensors"
    save_file({"other": np.zeros(2, np.float32)}, path)
    params = with_weights(path, hashlib.sha256(path.read_bytes()).hexdigest(), name)
    with pytest.raises(UsageError, match=rf"params weights\.{name}\.path is .*, which .*: expected"):
        configured_models(params.weights)


def test_refused_before_anything_is_read_or_cut(weights, tmp_path):
    params = with_weights(*weights)
    with pytest.raises(UsageError, match="is no safetensors file"):
        assess(params, DataFolder(tmp_path), Engine(), tmp_path)  # there is no table at all
    with pytest.raises(UsageError, match="is no safetensors file"):
        curate(params, str(tmp_path / "footage"), tmp_path / "out", Engine())
    assert not (tmp_path / "out").exists()


def test_wrong_weights_are_refused(weights, adapter):
    path, sha256 = weights
    with pytest.raises(UsageError, match=f"has sha256 {sha256}, expected {'0' * 64}"):
        measuring(with_weights(path, "0" * 64))
    with pytest.raises(UsageError, match="there is no such file"):
        measuring(with_weights(path.with_name("other.safetensors"), sha256))
    with pytest.raises(UsageError, match=r"expected a \.safetensors file"):
        measuring(with_weights(path.with_suffix(".pth"), sha256))


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"vgg": {"path": "a", "sha256": "0" * 64}}, "unknown key 'weights.vgg'; weights knows audiobox"),
        ({"dover": {"path": "a", "md5": "0"}}, "weights.dover"),
        ({"dover": {"path": "a", "sha256": "short"}}, "weights.dover.sha256 is 'short'"),
    ],
)
def test_a_wrong_key_is_named(weights, told):
    with pytest.raises(UsageError, match=told):
        params_from({"weights": weights})


def test_a_configured_model_measures_and_its_reason_stands_in_the_row(weights, adapter, tmp_path):
    chosen = measuring(with_weights(*weights))
    frames = np.random.default_rng(0).integers(0, 255, (4, 48, 48, 3)).astype(np.uint8)
    write_media(tmp_path / "clip.mp4", frames, 16, np.zeros(4000, np.float32), 16_000)
    row = measure_clip((tmp_path / "clip.mp4").read_bytes(), {"fps": 16.0, "audio_rate_hz": 16_000}, chosen)
    assert (row["lse_d"], row["lse_c"], row["unavailable"]) == (2.0, None, {"lse_c": "no face"})
    assert set(row) == {*measures_of("always"), "lse_d", "lse_c", "unavailable"} - {"speech_share"}


def test_a_model_is_asked_once_a_clip_and_what_is_no_number_is_unavailable(weights, adapter, tmp_path, monkeypatch):
    asked = []

    def answers(clip):
        asked.append(len(clip.frames))
        return {"lse_d": float("nan"), "lse_c": 1.5}

    chosen = measuring(with_weights(*weights))
    monkeypatch.setattr("toy_adapter.load", lambda path: answers)
    frames = np.random.default_rng(0).integers(0, 255, (4, 48, 48, 3)).astype(np.uint8)
    write_media(tmp_path / "clip.mp4", frames, 16, np.zeros(4000, np.float32), 16_000)
    row = measure_clip((tmp_path / "clip.mp4").read_bytes(), {"fps": 16.0, "audio_rate_hz": 16_000}, chosen)
    assert asked == [4]
    assert (row["lse_d"], row["lse_c"], row["unavailable"]) == (None, 1.5, {"lse_d": "its value is no number"})


def test_groups_are_those_of_the_preset_or_those_named():
    assert wanted_groups(Params()) == ()
    assert wanted_groups(Params(preset="mova-360p")) == tuple(GROUPS)
    assert wanted_groups(Params(preset="mova-360p", assess=AssessParams(measures=("flow", "look")))) == ("look", "flow")
    with pytest.raises(UsageError, match=r"assess\.measures"):
        params_from({"assess": {"measures": ["smell"]}})


def test_a_package_that_is_not_there_leaves_a_reason_or_is_refused_when_named(monkeypatch):
    monkeypatch.setattr(measure_groups, "find_spec", lambda name: None if name == "speechmos" else object())
    large = Params(preset="mova-720p")
    assert measuring(large).groups == ("loudness", "look", "flow", "sync", "text")
    assert "package speechmos is not installed" in unavailable_measures(large)["dnsmos_sig"]
    with pytest.raises(UsageError, match="names 'speech', which needs the package speechmos"):
        measuring(Params(assess=AssessParams(measures=("speech",))))
