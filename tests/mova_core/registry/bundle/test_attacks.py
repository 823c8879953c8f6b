"""Whatever is not exactly what a trusted key signed is refused, before anything is unpacked."""

import hashlib
import io
import json
import pickle
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mova_core.errors import StaleError
from mova_core.registry.bundle.importing import import_bundle
from mova_core.registry.database.connection import opened_database

Member = tuple[tarfile.TarInfo, bytes]


@pytest.fixture
def registry_url(empty_registry: Callable[[str], str]) -> str:
    """One dialect is enough: nothing here gets as far as a database."""
    return empty_registry("sqlite")


@pytest.fixture
def refused(sent: Any, elsewhere: tuple[str, Path]) -> Callable[..., None]:
    """Function that offers a bundle's members to another installation, which must refuse them and stay empty."""

    def offer(members: list[Member] | bytes, sentence: str) -> None:
        url, folder = elsewhere
        file = folder / "offered.tar"
        file.write_bytes(members if isinstance(members, bytes) else packed(members))
        with opened_database(url) as engine, pytest.raises(StaleError, match=sentence):
            import_bundle(engine, file, sent.key.public_key(), folder)
        with opened_database(url) as engine, engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT count(*) FROM checkpoints")) == 0
        assert [path for path in folder.rglob("*") if path.is_file()] == [file]
        assert not (folder.parent / "escaped.json").exists()

    return offer


def members_of(file: Path) -> list[Member]:
    with tarfile.open(file) as archive:
        return [(member, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]


def packed(members: list[Member]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def regular(name: str, content: bytes) -> Member:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def signed(key: Ed25519PrivateKey, values: dict[str, Any], blobs: list[bytes]) -> list[Member]:
    """A bundle as somebody with the trusted key might make it."""
    statement = json.dumps(values).encode()
    contents = [regular(f"blobs/{hashlib.sha256(blob).hexdigest()}", blob) for blob in blobs]
    contents.sort(key=lambda each: each[0].name)
    return [regular("statement.json", statement), regular("statement.sig", key.sign(statement)), *contents]


def entry(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def with_file(sent: Any, name: str, content: bytes) -> list[Member]:
    """The sent bundle with one file more, signed again."""
    members = members_of(sent.file)
    values = json.loads(members[0][1])
    values["files"][name] = entry(content)
    return signed(sent.key, values, [content, *(blob for _, blob in members[2:])])


def test_a_flipped_bit_anywhere_is_refused(sent: Any, refused: Any) -> None:
    whole, rng = sent.file.read_bytes(), random.Random(0)
    last = whole.rindex(b"ustar") + tarfile.BLOCKSIZE  # beyond, all is padding of zeros
    for place in (0, 600, last, *(rng.randrange(len(whole)) for _ in range(40))):
        altered = bytearray(whole)
        altered[place] ^= 1 << rng.randrange(8)
        refused(bytes(altered), r"offered\.tar (is refused|is not signed by the trusted key|cannot be taken)")


def test_a_bundle_cut_anywhere_is_refused(sent: Any, refused: Any) -> None:
    whole, rng = sent.file.read_bytes(), random.Random(1)
    for length in (0, 511, 512, *(rng.randrange(len(whole.rstrip(b"\0"))) for _ in range(10))):
        refused(whole[:length], r"offered\.tar is refused")
    refused(whole + b"more", "it goes on after its last part")


def test_unsigned_or_signed_by_another_key(sent: Any, refused: Any) -> None:
    members = members_of(sent.file)
    refused([members[0], *members[2:]], r"expected statement\.sig")
    refused(members[2:], r"expected statement\.json")
    another = Ed25519PrivateKey.from_private_bytes(bytes(32))
    refused([members[0], regular("statement.sig", another.sign(members[0][1])), *members[2:]], "not signed by the trus")
    refused([members[0], regular("statement.sig", b""), *members[2:]], "not signed by the trusted key")


def test_a_statement_of_other_files_than_there_are(sent: Any, refused: Any) -> None:
    members = members_of(sent.file)
    refused(members[:-1], "as its next part")
    refused([*members, regular("blobs/more", b"more")], "goes on after its last part")
    refused([*members[:2], *reversed(members[2:])], "expected blobs/")
    (member, content), *rest = members[2:]
    refused([*members[:2], (member, content[:-1] + b"?"), *rest], "holds other bytes than are signed")
    refused([*members[:2], regular(member.name, content + b"?"), *rest], "bytes, .* are signed")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_the_place_of_a_file(sent: Any, refused: Any, kind: bytes) -> None:
    members = members_of(sent.file)
    link = tarfile.TarInfo(members[2][0].name)
    link.type, link.linkname = kind, "/etc/passwd"
    refused([*members[:2], (link, b""), *members[3:]], "no regular file")


def test_extended_headers_are_not_followed(sent: Any, refused: Any) -> None:
    members = members_of(sent.file)
    header = tarfile.TarInfo("long")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 40  # a reader that follows it would take that much memory
    refused(header.tobuf(tarfile.GNU_FORMAT) + packed(members), "no regular file")


@pytest.mark.parametrize("name", ["../escaped.json", "/tmp/escaped.json", "model/../../escaped.json", "escaped.json"])
def test_a_path_out_of_the_model_is_refused_even_if_signed(sent: Any, refused: Any, name: str) -> None:
    refused(with_file(sent, name, b"{}"), "cannot be taken")


@pytest.mark.parametrize("name", ["weights.bin", "weights.pt", "run.py", "notes.pkl", "payload"])
def test_a_file_of_a_kind_that_no_model_has_is_refused_even_if_signed(sent: Any, refused: Any, name: str) -> None:
    refused(with_file(sent, f"model/{name}", b"{}"), r"it lists model/\S+, expected model/")


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_pickle_under_another_name_is_refused_even_if_signed(sent: Any, refused: Any, protocol: int) -> None:
    content = pickle.dumps({"weights": [1.0] * 4}, protocol)
    refused(with_file(sent, "model/more.safetensors", content), "is a pickle, which can run code")


def test_another_version_or_another_checkpoints_rows_are_refused_even_if_signed(sent: Any, refused: Any) -> None:
    members = members_of(sent.file)
    values, blobs = json.loads(members[0][1]), [blob for _, blob in members[2:]]
    refused(signed(sent.key, values | {"schema": "mova-bundle/9"}, blobs), "schema 'mova-bundle/9', expected")
    refused(signed(sent.key, values | {"checkpoint_id": "0" * 16}, blobs), "has no row of checkpoint 0000")
    rows = values["files"]["rows.json"]["sha256"]
    for content in (b"[]", b"{}", b'{"jobs": []}', b'{"datasets": [{"name": 1}], "runs": [], "checkpoints": []}'):
        files = values["files"] | {"rows.json": entry(content)}
        others = [blob for blob in blobs if hashlib.sha256(blob).hexdigest() != rows]
        refused(signed(sent.key, values | {"files": files}, [content, *others]), "cannot be read")
