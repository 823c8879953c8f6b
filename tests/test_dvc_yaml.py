"""dvc.yaml makes a stage again when code changes that its results are remembered by."""

from pathlib import Path

import pytest
import yaml

from mova_core.curation.cut import source_clips
from mova_core.curation.segment import stage as segment

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.parametrize(("stage", "code"), [("segment", segment.CODE), ("cut", source_clips.CODE)])
def test_a_stage_depends_on_all_code_that_its_parts_are_named_by(stage, code):
    named = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"][stage]["deps"]
    files = [Path(f"{module.replace('.', '/')}.py") for module in code]
    assert all((REPOSITORY / file).is_file() for file in files)
    forgotten = [str(file) for file in files if not any(file.is_relative_to(dependency) for dependency in named)]
    assert forgotten == []
