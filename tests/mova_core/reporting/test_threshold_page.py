"""`mova curate --what-if`: sentences at a terminal, JSON for machines, a page that plays what is there."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from mova_core.curation.assess.threshold_simulation import what_if
from mova_core.curation.tables import read_table, write_table
from mova_core.places import DataFolder
from mova_core.reporting.threshold_page import headline, told, write_page


@pytest.fixture
def data(small_curation, tmp_path: Path) -> DataFolder:
    return small_curation(tmp_path / "curated")


@pytest.fixture
def call(data, tmp_path):
    """Call `mova curate --what-if` with limits of loudness."""
    (tmp_path / "other.yaml").write_text("assess: {lufs_above: -30}\n")

    def run(*arguments: str):
        places = ("--what-if", str(tmp_path / "other.yaml"), "--out", str(data.root))
        return CliRunner().invoke(build_app(), ["curate", *arguments, *places])

    return run


def test_it_is_told_in_sentences(call, data):
    result = call()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "1 of 5 clips would be accepted instead of 2: 2 s of footage instead of 4 s (+0 clips, −1 clip).",
        "  lufs_above: -50 -> -30",
        "  accepted           2 ->     1 clips         4 s ->       2 s",
        "  lufs               1 ->     2 clips         2 s ->       4 s",
        "  damaged_clip       1 ->     1 clips         2 s ->       2 s",
        "  silence_ratio      1 ->     1 clips         2 s ->       2 s",
        "  clips by phase: audio 2 -> 1 · phase1 2 -> 1 · phase2 2 -> 1 · phase3 2 -> 1",
        "  quiet (<talk>.mp4 @ 2.0 s) now rejected: lufs -40 is not above -30",
        f"page: {data.root / 'what-if.html'}",
    ]


def test_machines_get_all_of_it(call, data):
    answer = json.loads(call("--json").stdout)
    assert answer["accepted"]["now"] == {"clips": 1, "footage_s": 2.0}
    assert [each["clip_id"] for each in answer["changed"]] == ["quiet"]
    assert answer["page"] == str(data.root / "what-if.html")


def test_nothing_but_the_page_is_written(call, data):
    before = {path: path.read_bytes() for path in data.root.iterdir()}
    call()
    page = data.root / "what-if.html"
    after = {path: path.read_bytes() for path in data.root.iterdir() if path != page}
    assert after == before
    html = page.read_text(encoding="utf-8")
    assert 'src="clips/quiet.mp4"' in html and "loud.mp4" not in html
    assert "&lt;talk&gt;.mp4 @ 2.00 s" in html and "<talk>" not in html
    assert "kept above -30 instead of -50 · 3 of 4 clips fail" in html and 'class="former"' in html


def test_a_clip_in_a_tar_is_named_without_a_player(data, tmp_path):
    rows = [row | {"path": "clips-00000.tar", "member": "m"} for row in read_table(data.table("clips"), "clips")]
    write_table(data.table("clips"), "clips", rows)
    (tmp_path / "other.yaml").write_text("assess: {lufs_above: -30}\n")
    answer = what_if(data, tmp_path / "other.yaml")
    write_page(answer, data, data.root / "what-if.html")
    html = (data.root / "what-if.html").read_text(encoding="utf-8")
    assert "clip quiet" in html and "<video" not in html


def test_no_difference_is_said(data):
    answer = what_if(data, data.root / "params.yaml")
    assert headline(answer) == "No limit differs: 2 of 5 clips stay accepted, 4 s."


def test_many_changes_are_counted(small_curation, tmp_path):
    rows = [{"clip_id": f"{number:03}", "lufs": -40.0, "noise_sd": 1.0} for number in range(30)]
    data = small_curation(tmp_path / "many", rows)
    (tmp_path / "other.yaml").write_text("assess: {lufs_above: -30}\n")
    answer = what_if(data, tmp_path / "other.yaml")
    assert told(answer, 20)[-1] == "  and 10 more clips: all are on the page, and in --json"
    write_page(answer, data, data.root / "what-if.html")
    html = (data.root / "what-if.html").read_text(encoding="utf-8")
    assert all(f"clips/{row['clip_id']}.mp4" in html or f"<td>{row['clip_id']}</td>" in html for row in rows)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("footage",), "FOOTAGE has no effect"),
        (("--preset", "nano"), "--preset has no effect"),
        (("--workers", "2"), "--workers has no effect"),
        (("--engine", "ray"), "--engine has no effect"),
    ],
)
def test_what_would_have_no_effect_is_refused(call, arguments, told):
    result = call(*arguments)
    assert result.exit_code == 2 and told in result.stderr


def test_neither_footage_nor_limits_is_refused(tmp_path):
    result = CliRunner().invoke(build_app(), ["curate", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2 and "no FOOTAGE is named" in result.stderr
    assert not (tmp_path / "out").exists()
