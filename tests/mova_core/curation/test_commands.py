"""`mova assess` and `mova caption` read the params file and find tables and footage where it says."""

from pathlib import Path

import pytest

from mova_core.curation.assess.command import assess
from mova_core.curation.caption.command import caption
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import UsageError
from mova_core.places import DataFolder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder whose footage gave no clip."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "short.mp4").write_bytes(b"media")
    (tmp_path / "params.yaml").write_text("ingest: {footage: films}\n")
    for name in ("sources", "segments", "windows", "clips"):
        write_table(DataFolder().table(name), name, [])
    return tmp_path


def test_no_clips_give_empty_tables(project):
    assert assess(workers=1)["text"] == "0 of 0 clips accepted"
    assert caption()["captions"] == 0
    assert read_table(DataFolder().table("verdicts"), "verdicts") == []
    assert read_table(DataFolder().rejects("assess"), "rejects") == []
    assert read_table(DataFolder().table("captions"), "captions") == []


def test_a_missing_table_is_one_sentence(project):
    (project / "data" / "clips.parquet").unlink()
    with pytest.raises(UsageError, match="missing"):
        assess(workers=1)


def test_an_unknown_engine_is_refused(project):
    with pytest.raises(UsageError, match="local or ray"):
        assess(engine="spark")
