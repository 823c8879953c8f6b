"""params.yaml stays the only place of settings: written in place, and only where a value differs."""

import shutil
from pathlib import Path

import pytest
import yaml

from flows.run.forms.params_editor import footage_in_params, set_footage, set_params, set_preset
from mova_core.errors import UsageError
from mova_core.params import defaults_of, load_params
from mova_core.params.nested import merged

REAL = Path(__file__).parents[4] / "params.yaml"


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(REAL, tmp_path))


def comments(path: Path) -> list[str]:
    return [line.partition("#")[2] for line in path.read_text().splitlines() if "#" in line]


def test_a_preset_brings_its_geometries_and_the_file_stays_valid(params: Path) -> None:
    assert set_preset("mova-720p")
    chosen = load_params(params)
    assert chosen.preset == "mova-720p"
    assert chosen.encode.geometries == tuple(geometry.name for geometry in chosen.geometries)


def test_only_the_chosen_values_change_and_no_comment_is_lost(params: Path) -> None:
    before = yaml.safe_load(params.read_text())
    set_preset("mova-360p")
    set_footage(Path("data/sources.lock"))
    after = yaml.safe_load(params.read_text())
    before = merged(before, defaults_of("mova-360p"))
    before["ingest"]["footage"] = "data/sources.lock"
    assert after == before
    assert comments(params) == comments(REAL)
    assert footage_in_params() == Path("data/sources.lock")


def test_footage_chooses_its_gates_and_footage_as_it_is_leaves_them(params: Path) -> None:
    for kind in ("other", "synthetic"):
        set_footage(Path("data/sources.lock"), kind)
        assert load_params(params).evaluate.footage == kind
        set_footage(Path("data/footage"))
        assert load_params(params).evaluate.footage == kind


def test_a_preset_leaves_values_of_ones_own(params: Path) -> None:
    set_params(params, {"train.optimizer.lr": 0.002, "generate.target_lufs": -20.0})
    set_preset("mova-360p")
    chosen = load_params(params)
    assert (chosen.train.optimizer.lr, chosen.generate.target_lufs) == (0.002, -20.0)
    assert chosen.train.phase1.batch == 128  # of the preset


def test_a_choice_that_is_already_there_does_not_touch_the_file(params: Path) -> None:
    written = params.stat()
    assert not set_preset("nano")
    assert params.stat().st_mtime_ns == written.st_mtime_ns
    assert params.read_bytes() == REAL.read_bytes()


def test_there_and_back_is_the_same_file(params: Path) -> None:
    set_preset("mova-720p")
    set_preset("nano")
    assert params.read_bytes() == REAL.read_bytes()


def test_a_footage_path_may_hold_anything(params: Path) -> None:
    for name in ("data/it's: a #1 [take] – ünïcode", "data/yes", "data/1e3"):
        set_footage(Path(name))
        assert footage_in_params() == Path(name)


def test_a_missing_or_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="missing: run from the project folder"):
        set_params(tmp_path / "params.yaml", {"preset": "nano"})
    (tmp_path / "params.yaml").write_text("a: [1")
    with pytest.raises(UsageError, match="not readable YAML"):
        set_params(tmp_path / "params.yaml", {"preset": "nano"})
    (tmp_path / "params.yaml").write_text("preset: nano")
    with pytest.raises(UsageError, match=r"no key encode\.geometries"):
        set_params(tmp_path / "params.yaml", {"encode.geometries": []})
