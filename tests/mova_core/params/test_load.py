"""A wrong params file is refused in one sentence, before anything heavy is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from mova_core.errors import UsageError
from mova_core.params import Params, load_params, params_from
from mova_core.params.model import TrainParams

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"cutt": {}}, "unknown key 'cutt'; the file knows preset, seed"),
        ({"cut": {"crff": 3}}, "unknown key 'cut.crff'; cut knows clips_per_shard"),
        ({"cut": {"crf": 99}}, "cut.crf is 99"),
        ({"cut": {"codec": "h265"}}, "cut.codec is 'h265': Input should be 'libx264' or 'ffv1'"),
        ({"preset": "mega"}, "preset is 'mega'"),
        ({"train": {"micro_batches": 0}}, "train.micro_batches is 0: Input should be greater than or equal to 1"),
        ({"train": {"phase1": {"batch": 0}}}, "train.phase1.batch is 0: Input should be greater than or equal to 1"),
        ({"encode": {"geometries": ["nano-32"]}}, r"must be \[nano-32, nano-48\] for preset nano"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(values, sentence):
    with pytest.raises(UsageError, match=sentence):
        params_from(values)


def test_a_section_given_in_part_keeps_its_other_values():
    train = params_from({"train": {"phase1": {"steps": 9}}}).train
    assert train.phase1 == Params().train.phase1.model_copy(update={"steps": 9})
    assert TrainParams.model_validate({"phase3": {"steps": 9}}).phase3.normalize_loudness


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


def test_params_are_checked_without_torch():
    modules = [f"mova_core.params.{path.stem}" for path in (REPOSITORY / "mova_core/params").glob("[a-z]*.py")]
    script = f"import sys, mova_core.geometry, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
