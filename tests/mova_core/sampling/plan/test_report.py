"""`mova plan --infer`: every memory mode on every card, readable at 80 columns; what has no part is refused."""

import pytest

from mova_core.cli.model.plan import plan
from mova_core.errors import UsageError
from mova_core.params.runtime import MEMORY_MODES
from mova_core.plan.hardware import ACCELERATORS, USABLE


@pytest.fixture
def params_file(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("preset: mova-360p\n")
    return path


def test_each_mode_and_card(params_file):
    told = plan(params_file=params_file, preset="mova-720p", infer=True)
    assert max(map(len, told["text"].splitlines())) <= 100
    table = [line for line in told["text"].splitlines() if line.startswith("│")]
    assert all(len(line) <= 80 for line in table) and len(table) == len(MEMORY_MODES)
    assert len(told["plans"]) == len(MEMORY_MODES) * len(ACCELERATORS)
    for each in told["plans"]:
        memory = each["memory_bytes"]
        assert each["fits"] == (memory["total"] <= USABLE * memory["of"])
        assert each["seconds"]["total"] == pytest.approx(sum(each["seconds"].values()) / 2)
    seconds = {(each["memory"], each["accelerator"]): each["seconds"]["total"] for each in told["plans"]}
    assert all(seconds[mode, "A100"] > 3 * seconds[mode, "H100"] for mode in MEMORY_MODES)
    assert seconds["offload", "H100"] > seconds["resident", "H100"]


def test_a_pass_takes_its_work_or_its_weights_whichever_is_longer(params_file):
    fast = plan(params_file=params_file, infer=True, accelerator="H100", mfu=1.0)["plans"]
    slow = plan(params_file=params_file, infer=True, accelerator="H100", mfu=0.01)["plans"]
    modes = [each["memory"] for each in fast]
    work = fast[modes.index("resident")]["seconds"]["denoising"]
    assert fast[modes.index("group_offload")]["seconds"]["denoising"] >= work
    assert slow[modes.index("resident")]["seconds"]["denoising"] == pytest.approx(100 * work)


def test_steps_and_precision_count(params_file):
    half, whole = (plan(params_file=params_file, infer=True, steps=steps)["plans"][0] for steps in (25, 50))
    assert whole["flops"]["denoising"] == 2 * half["flops"]["denoising"]
    wide = plan(params_file=params_file, infer=True, precision="float32")["plans"][0]
    assert wide["memory_bytes"]["weights"] > 1.8 * whole["memory_bytes"]["weights"]
    assert wide["seconds"]["denoising"] == pytest.approx(2 * whole["seconds"]["denoising"])


@pytest.mark.parametrize("option", [{"phase": "phase1"}, {"nodes": 2}, {"price": 0.0}, {"published": True}])
def test_options_of_training_are_refused(params_file, option):
    with pytest.raises(UsageError, match="has no part with --infer"):
        plan(params_file=params_file, infer=True, **option)
