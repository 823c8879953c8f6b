"""A wrong params file is refused in one sentence, before anything heavy is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from mova_core.errors import UsageError
from mova_core.params import Params, load_params, params_from

REPOSITORY = Path(__file__).parents[3]


def test_the_repositorys_params_are_the_defaults():
    params = load_params(REPOSITORY / "params.yaml")
    assert params.model_dump(exclude={"encode": {"geometries"}}) == Params().model_dump(
        exclude={"encode": {"geometries"}}
    )
    assert params.encode.geometries == tuple(geometry.name for geometry in params.geometries)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"cutt": {}}, "unknown key 'cutt'; the file knows preset, seed"),
        ({"cut": {"crff": 3}}, "unknown key 'cut.crff'; cut knows clips_per_shard"),
        ({"cut": {"crf": 99}}, "cut.crf is 99"),
        ({"cut": {"codec": "h265"}}, "cut.codec is 'h265': Input should be 'libx264' or 'ffv1'"),
        ({"preset": "mega"}, "preset is 'mega'"),
        ({"encode": {"geometries": ["nano-32"]}}, r"must be \[nano-32, nano-48\] for preset nano"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(values, sentence):
    with pytest.raises(UsageError, match=sentence):
        params_from(values)


def test_a_missing_or_unreadable_file_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="is missing"):
        load_params(tmp_path / "params.yaml")
    broken = tmp_path / "params.yaml"
    broken.write_text("preset: [nano")
    with pytest.raises(UsageError, match="not readable YAML"):
        load_params(broken)
    broken.write_text("- nano")
    with pytest.raises(UsageError, match="holds a list"):
        load_params(broken)
    broken.write_text("cut: {crf: 3}\nseed: 1\ncut: {crf: 4}\n")
    with pytest.raises(UsageError, match=r"key 'cut' stands there twice in .*line 1"):
        load_params(broken)


def test_another_preset_brings_its_own_geometries():
    params = load_params(REPOSITORY / "params.yaml", preset="mova-720p")
    assert params.clip_geometry.name == "mova-720p"


def test_params_are_checked_without_torch():
    script = "import sys, mova_core.params, mova_core.geometry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
