"""`mova plan`: without torch for the released sizes, exit 1 for what cannot fit, 2 for wrong use."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mova_core.cli.main import build_app

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text("preset: mova-720p\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("arguments", [["--help"], ["--json"], ["--published", "--json"]])
def test_torch_is_not_imported(arguments):
    script = (
        "import sys\nfrom mova_core.cli.main import main\n"
        f"sys.argv = ['mova', 'plan', *{arguments}]\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    sys.exit(ended.code or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


def test_a_plan_as_json():
    options = ["--phase", "1", "--nodes", "8", "--gpus-per-node", "4", "--price", "2", "--steps", "1000", "--json"]
    told = json.loads(RUNNER.invoke(build_app(), ["plan", *options]).stdout)
    assert (told["phase"], told["layout"]["gpus"], told["steps"]) == ("phase1", 32, 1000)
    assert told["cost"] == 2 * told["gpu_hours"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--nodes", "1"], 1),
        (["--accelerator", "B52"], 2),
        (["--checkpointing", "some"], 2),
        (["--precision", "int4"], 2),
        (["--nodes", "41"], 2),
        (["--phase", "4"], 2),
        (["--measure"], 2),
        (["--shard", "8"], 2),  # params say it
    ],
)
def test_what_is_refused(arguments, code):
    assert RUNNER.invoke(build_app(), ["plan", *arguments]).exit_code == code


def test_precision_and_checkpointing_are_those_of_the_params_unless_given(tmp_path):
    (tmp_path / "params.yaml").write_text(
        "preset: mova-360p\ntrain: {precision: float32, activation_checkpointing: selective}\n"
    )
    given = ["--checkpointing", "full", "--precision", "bfloat16"]
    told = [json.loads(RUNNER.invoke(build_app(), ["plan", *more, "--json"]).stdout) for more in ([], given)]
    kinds = [(plan["checkpointing"], plan["precision"]) for plan in told]
    assert kinds == [("selective", "float32"), ("full", "bfloat16")]
    assert told[0]["memory_bytes"]["activations"] > told[1]["memory_bytes"]["activations"]


def plan_of(train, *arguments):
    Path("params.yaml").write_text(yaml.safe_dump({"preset": "mova-360p", "train": train}))
    return RUNNER.invoke(build_app(), ["plan", "--phase", "1", "--json", *arguments])


@pytest.mark.parametrize(
    ("train", "arguments", "layout"),
    [
        ({"parallel": {"shard": 32, "context": 2}, "micro_batches": 128}, ["--nodes", "16"], (128, 2, 32, 2, "torch")),
        ({"parallel": {"shard": 64}, "micro_batches": 128}, [], (64, 1, 64, 1, "torch")),
        (
            {"launch": {"nodes": 8, "processes_per_node": 8}, "parallel": {"shard": 16}, "micro_batches": 128},
            ["--nodes", "4"],
            (32, 2, 16, 1),
        ),
        (
            {"launch": {"nodes": 16, "processes_per_node": 4}, "parallel": {"backend": "zero3"}, "micro_batches": 64},
            [],
            (64, 64, 1, 1, "zero3"),
        ),
    ],
)
def test_the_layout_is_the_one_that_mova_train_would_have(train, arguments, layout):
    told = json.loads(plan_of(train, "--accelerator", "H200", *arguments).stdout)
    assert tuple(told["layout"].values())[: len(layout)] == layout


@pytest.mark.parametrize(
    ("train", "code", "said"),
    [
        ({"parallel": {"context": 4}, "launch": {"processes_per_node": 8}, "micro_batches": 128}, 1, "the cheapest"),
        ({"parallel": {"shard": 8}, "micro_batches": 2}, 2, "micro_batches 2: expected"),
        ({"parallel": {"shard": 3}, "launch": {"processes_per_node": 8}, "micro_batches": 128}, 2, "gpus 8, shard 3"),
        ({"parallel": {"shard": 2, "backend": "zero2"}}, 2, "zero2 with shard 2"),
        ({"launch": {"processes_per_node": 8}, "micro_batches": 128}, 1, "replicate: 8, shard: 1, context: 1"),
    ],
)
def test_a_layout_of_params_that_cannot_train_is_refused(train, code, said):
    result = plan_of(train)
    assert result.exit_code == code
    assert said in " ".join(result.output.split()) + str(result.exception)
