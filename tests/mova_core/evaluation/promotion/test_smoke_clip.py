"""A stored model makes a clip before anything names it; one that cannot is told why."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.evaluation.promotion.smoke_clip import make_smoke_clip
from mova_core.params import Params
from mova_core.params.promotion import PromoteParams
from mova_core.sampling.collapse import collapse
from mova_core.sampling.plan import check

ID = "0123456789abcdef"
PARAMS = Params(promote=PromoteParams(smoke_steps=1))


@pytest.fixture
def model(nano_folder: Path, tmp_path: Path) -> Path:
    """A copy of the nano model, with the clip that it was evaluated by."""
    folder = tmp_path / "model"
    shutil.copytree(nano_folder, folder)
    (folder / "evaluation").mkdir()
    (folder / "evaluation/clips.jsonl").write_text('{"name": "00", "asked": {"prompt": "A red ball bounces."}}\n')
    return folder


@pytest.mark.parametrize(("phase", "frames"), [("phase3", 33), ("audio", 0)])
def test_a_model_makes_a_clip_of_its_evaluation_s_prompt_in_few_steps(model: Path, phase: str, frames: int) -> None:
    made = make_smoke_clip(model, ID, phase, PARAMS)
    assert (made["prompt"], made["steps"], made["frames"]) == ("A red ball bounces.", 1, frames)
    assert make_smoke_clip(model, ID, phase, PARAMS) == made  # the same bytes


def test_weights_that_give_no_numbers_are_refused(model: Path) -> None:
    for path in (model / "video_dit").glob("*.safetensors"):
        save_file({name: torch.full_like(tensor, torch.nan) for name, tensor in load_file(path).items()}, path)
    with pytest.raises(MovaError, match="finite"):
        make_smoke_clip(model, ID, "phase3", PARAMS)


def test_a_clip_that_collapses_with_every_seed_is_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collapse, "FLAT_SPREAD", 1e9)  # everything is flat
    with pytest.raises(MovaError, match=r"collapsed with every seed: .*one flat colour"):
        make_smoke_clip(model, ID, "phase3", PARAMS)


def test_a_machine_without_the_memory_says_so(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "available_bytes", lambda device: 1e6)
    with pytest.raises(UsageError, match="GB of memory on cpu"):
        make_smoke_clip(model, ID, "phase3", PARAMS)


def test_other_files_than_were_selected_are_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: Any = '{"config.json": {"bytes": 1, "sha256": "' + "0" * 64 + '"}}'
    (model / "selection.json").write_text(f'{{"checkpoint_id": "{ID}", "files": {files}}}')
    with pytest.raises(StaleError, match=r"config\.json is missing"):
        make_smoke_clip(model, ID, "phase3", PARAMS)
