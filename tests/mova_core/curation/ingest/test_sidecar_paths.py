"""A row of the footage's sidecar reaches the file that it means however its path is written, or stops the run."""

import json
import unicodedata

import pytest

from mova_core.curation.engine.base import Engine
from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.lock import lock_footage
from mova_core.curation.ingest.sidecar_paths import FilePaths
from mova_core.curation.ingest.stage import ingest
from mova_core.curation.tables import read_table
from mova_core.errors import UsageError
from mova_core.params import Params
from mova_core.places import DataFolder

COMPOSED = unicodedata.normalize("NFC", "day 1/café.wav")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@pytest.fixture
def footage(tmp_path, audio_file):
    (tmp_path / "footage/day 1").mkdir(parents=True)
    audio_file("footage/a.wav")
    (tmp_path / "footage/a.wav").rename(tmp_path / "footage" / DECOMPOSED)
    audio_file("footage/a.wav")
    with (tmp_path / "footage/a.wav").open("ab") as file:
        file.write(b"\0\0")  # bytes of its own
    return tmp_path / "footage"


def rights_of(footage, tmp_path):
    data = DataFolder(tmp_path / "data")
    ingest(Params(), footage, data, Engine("local", 1), tmp_path / "result_cache")
    return {row["path"]: row["rights"] for row in read_table(data.table("sources"), "sources")}


@pytest.mark.parametrize("kind", ["folder", "list", "lock"])
@pytest.mark.parametrize(
    ("plain", "accented"),
    [
        ("a.wav", DECOMPOSED),
        ("./a.wav", COMPOSED),
        (".//a.wav", f"./{COMPOSED}"),
        ("day 1/../a.wav", COMPOSED.replace("/", "//")),
        (".\\a.wav", DECOMPOSED.replace("/", "\\")),
    ],
)
def test_rights_reach_the_file_however_its_path_is_written(footage, tmp_path, kind, plain, accented):
    rows = [{"path": plain, "rights": "own"}, {"path": accented, "rights": "CC0-1.0"}]
    (footage / "sources.json").write_text(json.dumps(rows))
    named = footage
    if kind == "list":
        named = footage / "all.txt"
        named.write_text(f"a.wav\n{DECOMPOSED}\n")
    if kind == "lock":
        named = tmp_path / "sources.lock"
        lock_footage(str(footage), named)
    assert rights_of(named, tmp_path) == {"a.wav": "own", DECOMPOSED: "CC0-1.0"}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("A.WAV", r"there is no file 'A.WAV' in the footage: write 'a\.wav' if that is meant"),
        (" a.wav", r"write 'a\.wav' if that is meant"),
        ("footage/a.wav", "there is no file 'footage/a.wav' in the footage: correct the row or remove it"),
        ("../footage/a.wav", "there is no file"),
        ("", "there is no file ''"),
        (".hidden.wav", r"'\.hidden\.wav' is hidden .* and no footage"),
        ("day 1", "there is no file 'day 1'"),
    ],
)
def test_a_row_that_means_no_file_of_the_footage_stops_the_run(footage, tmp_path, written, told):
    (footage / ".hidden.wav").write_bytes(b"x")
    (footage / "sources.json").write_text(json.dumps([{"path": written, "rights": "own"}]))
    with pytest.raises(UsageError, match=rf"sources\.json, row 1: .*{told}"):
        rights_of(footage, tmp_path)


def test_a_path_that_could_mean_two_files_is_refused_and_an_exact_one_is_not():
    one, other = unicodedata.normalize("NFC", "é\u0323.mp4"), unicodedata.normalize("NFD", "é\u0323.mp4")
    third = "e\u0301\u0323.mp4"  # the same letter again, its marks in another order
    paths = FilePaths([one, other, "a\\b.mp4", "a/b.mp4"])
    assert (paths.find(one), paths.find(other)) == (one, other)
    with pytest.raises(UsageError, match=r"may mean .* or .*rename one of them"):
        paths.find(third)
    assert (paths.find("a\\b.mp4"), paths.find("./a/b.mp4")) == ("a\\b.mp4", "a/b.mp4")


def test_rows_of_one_file_may_add_to_each_other_but_not_disagree(footage, tmp_path):
    (footage / "sources.csv").write_text("path,rights,consent\na.wav,own,\n./a.wav,,release 3\na.wav,own,release 3\n")
    assert rights_of(footage, tmp_path)["a.wav"] == "own"
    (footage / "sources.csv").write_text("path,rights\na.wav,own\n./a.wav,CC0-1.0\n")
    with pytest.raises(UsageError, match=r"line 3: './a\.wav' was named before with rights 'own', now it is 'CC0"):
        rights_of(footage, tmp_path)


def test_a_list_may_leave_out_files_that_the_sidecar_names(footage, tmp_path):
    (footage / "sources.csv").write_text(f"path,rights\na.wav,own\n{DECOMPOSED},CC0-1.0\n")
    (footage / "some.txt").write_text("a.wav\n")
    assert rights_of(footage / "some.txt", tmp_path) == {"a.wav": "own"}


def test_a_files_own_sidecar_is_found_by_its_letters_and_one_of_no_file_is_told(footage, tmp_path):
    (footage / f"{COMPOSED}.json").write_text('{"rights": "CC0-1.0"}')
    (footage / "A.wav.json").write_text('{"rights": "own"}')
    assert Footage.open(footage).sidecar(DECOMPOSED) == {"rights": "CC0-1.0"}
    data = DataFolder(tmp_path / "data")
    ingest(Params(), footage, data, Engine("local", 1), tmp_path / "result_cache")
    rows = {row["path"]: row for row in read_table(data.table("sources"), "sources")}
    assert rows[DECOMPOSED]["rights"] == "CC0-1.0" and rows["a.wav"]["rights"] is None
    assert rows["A.wav.json"]["reason_code"] == "sidecar_alone"
    assert "there is no file 'A.wav' in the footage: write 'a.wav' if that is meant" in rows["A.wav.json"]["reason"]
