"""`mova evaluate --checkpoint REF --sweep …`: a page and sweep.json; what cannot be is refused before torch loads."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from mova_core.model.single_thread import single_thread

SHORT = ("--steps", 1, "--frames", 5, "--limit", 2)


def mova_evaluate(*arguments):
    return CliRunner().invoke(build_app(), ["evaluate", *map(str, arguments), "--json"])


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("evaluate: {bootstrap_samples: 20}\n")


def test_a_sweep_writes_its_numbers_and_a_page(nano_folder, tmp_path) -> None:
    words = ("--sweep", "bridge-guidance-scale=1,2", "--sweep", "text_guidance_scale=1")
    with single_thread():
        result = mova_evaluate("--checkpoint", nano_folder, *words, *SHORT, "--out", "out")
    assert result.exit_code == 0, result.stderr
    told, written = json.loads(result.stdout), json.loads((tmp_path / "out/sweep.json").read_text())
    assert [point["settings"] for point in written["points"] if point["bridge"]] == [
        {"bridge_guidance_scale": scale, "text_guidance_scale": 1.0} for scale in (1.0, 2.0)
    ]
    assert written["suite"]["clips"] == 2 and written["suite"]["settings"]["frames"] == 5
    assert told["sync_metric"] == "event_f1" and told["page"] == "out/sweep.html"
    assert "Guidance and shifts" in (tmp_path / "out/sweep.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--sweep", "solver=1"], "cannot be swept: expected one of steps"),
        (["--sweep", "video_shift=0"], "at video_shift 0"),
        (["--sweep", "video_shift=1", "--video-shift", "2"], "--video-shift has no part"),
        (["--sweep", "video_shift=1", "--shard", "1/2"], "--shard has no part in a sweep"),
        (["--sweep", "video_shift=1", "--rewrite-prompt"], "--rewrite-prompt has no part in a sweep"),
        (["--sweep", "video_shift=1", "--against", "."], "measures no phase, --videos or --against"),
        (["--sweep", "video_shift=1", "--workers", "2"], "--workers have no part"),
        (["phase3", "--sweep", "video_shift=1"], "measures no phase"),
    ],
)
def test_what_cannot_be_is_refused(nano_folder, arguments, told) -> None:
    result = mova_evaluate(*arguments, "--checkpoint", nano_folder, "--out", "out")
    assert result.exit_code == 2 and told in result.output, result.output


def test_a_sweep_needs_a_checkpoint_and_a_folder_to_write_to(nano_folder) -> None:
    assert "--checkpoint REF" in mova_evaluate("--sweep", "steps=1", "--out", "out").output
    assert "--out is missing" in mova_evaluate("--sweep", "steps=1", "--checkpoint", nano_folder).output


def test_a_released_model_needs_a_suite(tiny_checkpoint) -> None:
    result = mova_evaluate("--sweep", "steps=1", "--checkpoint", tiny_checkpoint, "--out", "out")
    assert result.exit_code == 2 and "--suite is missing" in result.output


def test_an_unknown_setting_is_refused_without_torch() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from mova_core.cli.main import build_app;"
        "r = CliRunner().invoke(build_app(), ['evaluate', '--sweep', 'nonsense=1', '--checkpoint', '.', '--out', 'o']);"
        "assert r.exit_code == 2 and 'torch' not in sys.modules, (r.exit_code, r.output)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
