"""`mova curate`: the same bytes from one worker and two (from Ray: docs/curation.md), and a folder a person can use."""

import json
import re

import pytest

from mova_core.curation.tables import read_table
from mova_core.places import DataFolder


@pytest.fixture(scope="module")
def curated(synthetic_footage, tmp_path_factory, run):
    folder = tmp_path_factory.mktemp("curated")

    def curate(name: str, *options: str):
        out = folder / name
        done = run(folder, "mova", "curate", str(synthetic_footage), "--out", str(out), "--preset", "nano", *options)
        return out, done

    return curate


@pytest.fixture(scope="module")
def by_two(curated):
    return curated("two", "--workers", "2")[0]


def test_the_folder_holds_what_the_help_promises(by_two):
    tables = {path.stem for path in by_two.glob("*.parquet")}
    assert tables == {"sources", "segments", "windows", "near_duplicates", "clips", "verdicts", "rejects"}
    assert list((by_two / "clips").glob("*.mp4"))
    page = (by_two / "report.html").read_text()
    assert "fit to train on" in page
    assert not re.search(r"""(href|src)=["']https?://""", page)


def test_made_footage_has_no_near_duplicates(by_two):
    data = DataFolder(by_two)
    assert read_table(data.table("near_duplicates"), "near_duplicates") == []
    rejects = read_table(data.table("rejects"), "rejects")
    assert "near_duplicate" not in {row["reason_code"] for row in rejects}


def test_one_worker_and_two_agree_byte_for_byte(curated, by_two, hashes):
    out, _ = curated("one", "--workers", "1")
    assert hashes(out) == hashes(by_two)


def test_a_second_run_takes_everything_over(curated, by_two, hashes):
    before = hashes(by_two)
    _, done = curated("two", "--workers", "2", "--json")
    assert hashes(by_two) == before
    assert json.loads(done.stdout)["ingest"]
