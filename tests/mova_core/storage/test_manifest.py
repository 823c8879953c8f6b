"""A manifest lists what a folder holds; a reader is told the first file that is not as listed, and how."""

import hashlib
import json
from pathlib import Path
from typing import ClassVar

import pytest

from mova_core.errors import StaleError
from mova_core.storage.manifest import (
    MANIFEST_FILE,
    FileEntry,
    Files,
    Manifest,
    fault,
    file_entries,
    file_entry,
    read_manifest,
    verify,
    write_manifest,
)

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # sha256 of no bytes, FIPS 180-4
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of b"abc", FIPS 180-4
AGAIN = "make it again"


class Kind(Manifest):
    SCHEMA: ClassVar = "kind/1"
    step: int
    files: Files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/abc").write_bytes(b"abc")
    (tmp_path / "empty").touch()
    write_manifest(tmp_path / MANIFEST_FILE, Kind(step=3, files=file_entries(tmp_path)))
    return tmp_path


def verified(folder: Path) -> None:
    verify(folder, read_manifest(folder / MANIFEST_FILE, Kind)[0].files, AGAIN, unlisted=(MANIFEST_FILE,))


def test_a_manifest_holds_schema_facts_and_every_file(folder: Path) -> None:
    written = (folder / MANIFEST_FILE).read_bytes()
    files = {"empty": {"bytes": 0, "sha256": EMPTY}, "inner/abc": {"bytes": 3, "sha256": ABC}}
    assert json.loads(written) == {"schema": "kind/1", "step": 3, "files": files}
    manifest, sha256 = read_manifest(folder / MANIFEST_FILE, Kind)
    assert manifest.step == 3 and manifest.files["inner/abc"] == FileEntry(bytes=3, sha256=ABC)
    assert sha256 == hashlib.sha256(written).hexdigest()
    verified(folder)


def test_plain_values_are_written_like_a_manifest(folder: Path) -> None:
    write_manifest(folder / "plain", {"schema": "kind/1", "step": 3, "files": {"empty": file_entry(folder / "empty")}})
    assert read_manifest(folder / "plain", Kind)[0].files["empty"].sha256 == EMPTY


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"abd", f"has sha256 a52d159f262b, the manifest lists {ABC[:12]}"),
        (b"ab", "has 2 bytes, the manifest lists 3"),
        (None, "is missing, the manifest lists 3 bytes"),
    ],
)
def test_an_altered_a_truncated_and_a_missing_file_are_named(folder: Path, data: bytes | None, told: str) -> None:
    path = folder / "inner/abc"
    path.unlink() if data is None else path.write_bytes(data)
    with pytest.raises(StaleError, match=f"^{path} {told}: {AGAIN}$"):
        verified(folder)


def test_a_file_that_is_not_listed_is_refused_unless_others_may_lie_there(folder: Path) -> None:
    (folder / "inner/more").touch()
    with pytest.raises(StaleError, match=f"inner/more is not in the manifest: {AGAIN}"):
        verified(folder)
    verify(folder, read_manifest(folder / MANIFEST_FILE, Kind)[0].files, AGAIN, unlisted=None)
    assert fault(folder / "empty", None) == "is not in the manifest"


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "a/../x", "./x", "a//x", ".", ""])
def test_a_path_that_leads_out_of_the_folder_or_is_written_oddly_is_refused(tmp_path: Path, name: str) -> None:
    values = {"schema": "kind/1", "step": 3, "files": {name: {"bytes": 0, "sha256": EMPTY}}}
    write_manifest(tmp_path / MANIFEST_FILE, values)
    with pytest.raises(StaleError, match=r"expected a path inside the folder\): .*damaged, make it again"):
        read_manifest(tmp_path / MANIFEST_FILE, Kind)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "Expecting property name"),
        ("[]", "valid dictionary"),
        ('{"schema": "kind/0"}', "schema 'kind/0', expected 'kind/1'"),
        ('{"schema": "kind/1", "step": 3}', "files: Field required"),
        ('{"schema": "kind/1", "step": NaN, "files": {}}', "it holds NaN"),
        (
            '{"schema": "kind/1", "step": 3, "files": {"x": {"bytes": 1, "sha256": "0"}}}',
            "files.x.sha256 is '0': String",
        ),
        ("\udcff", "utf-8"),
        (None, "is missing"),
    ],
)
def test_an_unreadable_manifest_is_told_with_what_to_do(tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / MANIFEST_FILE).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(StaleError, match=f"{told}.*remove it") as raised:
        read_manifest(tmp_path / MANIFEST_FILE, Kind, "remove it")
    assert str(raised.value).startswith(str(tmp_path / MANIFEST_FILE))
