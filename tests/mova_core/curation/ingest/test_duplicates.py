"""Of files with the same bytes one is kept, with all that is stated of any of them unless two statements differ."""

import json
import shutil

import pytest

from mova_core.curation.engine.base import Engine
from mova_core.curation.ingest.stage import ingest
from mova_core.curation.tables import read_table
from mova_core.params import Params
from mova_core.places import DataFolder


@pytest.fixture
def footage(tmp_path, audio_file):
    """One recording by three names."""
    (tmp_path / "footage").mkdir()
    audio_file("footage/a.wav")
    for name in ("b.wav", "c.wav"):
        shutil.copy(tmp_path / "footage/a.wav", tmp_path / "footage" / name)
    return tmp_path / "footage"


def run(footage, tmp_path):
    data = DataFolder(tmp_path / "data")
    summary = ingest(Params(), footage, data, Engine("local", 1), tmp_path / "result_cache")
    return summary, {row["path"]: row for row in read_table(data.table("sources"), "sources")}


def test_the_kept_file_inherits_what_is_stated_of_its_twins_by_row_or_sidecar(footage, tmp_path):
    (footage / "sources.csv").write_text("path,rights,consent\n./c.wav,CC0-1.0,\n")
    (footage / "b.wav.json").write_text(json.dumps({"consent": "release 3", "rights": "CC0-1.0"}))
    summary, rows = run(footage, tmp_path)
    assert (rows["a.wav"]["verdict"], rows["b.wav"]["reason_code"]) == ("accepted", "duplicate")
    assert (rows["a.wav"]["rights"], rows["a.wav"]["consent"], rows["a.wav"]["origin"]) == (
        "CC0-1.0",
        "release 3",
        None,
    )
    assert summary["conflicts"] == []


@pytest.mark.parametrize(
    ("stated", "first"), [({"a": "own", "b": "CC0-1.0"}, "a.wav"), ({"b": "CC0-1.0", "c": "own"}, "b.wav")]
)
def test_twins_that_contradict_each_other_are_told_and_neither_is_believed(footage, tmp_path, stated, first):
    for name, rights in stated.items():
        (footage / f"{name}.wav.json").write_text(json.dumps({"rights": rights, "origin": "camera 2"}))
    summary, rows = run(footage, tmp_path)
    assert (rows["a.wav"]["rights"], rows["a.wav"]["origin"]) == (None, "camera 2")
    (sentence,) = summary["conflicts"]
    later = f"{max(stated)}.wav"
    assert sentence.startswith(f"{later} holds the same bytes as {first}; rights '{stated[max(stated)]}'")
    assert sentence in summary["text"] and "neither is used" in rows[later]["reason"]
