"""`mova generate` of a model that collapses: other seeds are tried, the clip is kept, and everything says so."""

import json
import subprocess

import pytest
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from mova_core.media.provenance import read_provenance
from tests.mova_core.sampling.flat_model import flat_copy

FAULT = "the video is one flat colour in 100% of its frames"


@pytest.fixture(scope="module")
def flat_folder(nano_folder, tmp_path_factory):
    return flat_copy(nano_folder, tmp_path_factory.mktemp("flat") / "model")


def generate(folder, out, *arguments):
    common = ("--checkpoint", folder, "--prompt", "red ball", "--seed", 7, "--steps", 1, "--out", out, "--json")
    result = CliRunner().invoke(build_app(), ["generate", *map(str, (*common, *arguments))])
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


@pytest.mark.parametrize("retries", [0, 2])
def test_every_seed_that_collapsed_is_told(flat_folder, tmp_path, retries):
    done = generate(flat_folder, tmp_path / "clip.mp4", "--retries", retries)
    assert done.returncode == 0
    summary, seeds = json.loads(done.stdout), [7, 1007, 2007][: retries + 1]
    (clip,) = summary["clips"]
    assert clip["tries"] == [{"seed": seed, "faults": [FAULT]} for seed in seeds]
    assert (summary["collapsed"], summary["reseeded"], clip["seed"]) == (1, 0, 7)
    (warning,) = summary["warnings"]
    assert FAULT in warning and "kept as it is" in warning and done.stderr.count(warning) == 1
    assert done.stderr.count("trying another") == retries
    assert [tried.seed for tried in read_provenance(tmp_path / "clip.mp4").tries] == seeds
    assert f"generate {retries + 1}/{retries + 1}" in done.stderr or retries


def test_a_clip_that_does_well_says_nothing_of_seeds(nano_folder, tmp_path):
    summary = json.loads(generate(nano_folder, tmp_path / "clip.mp4").stdout)
    assert (summary["collapsed"], summary["reseeded"], summary["warnings"]) == (0, 0, [])
    assert "tries" not in summary["clips"][0]
    assert read_provenance(tmp_path / "clip.mp4").tries == ()


def test_a_clip_that_was_reseeded_can_be_made_again_byte_for_byte(flat_folder, tmp_path):
    generate(flat_folder, tmp_path / "clip.mp4", "--retries", 1)
    common = ("--checkpoint", flat_folder, "--like", tmp_path / "clip.mp4", "--out", tmp_path / "again.mp4")
    again = CliRunner().invoke(build_app(), ["generate", *map(str, common)])
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "clip.mp4").read_bytes()
