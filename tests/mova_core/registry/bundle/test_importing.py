"""A champion goes to another installation with all that is known of it, and nothing moves there unasked."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import DiskFull, StaleError, UsageError
from mova_core.evaluation.promote import promote
from mova_core.registry.aliases import get_alias
from mova_core.registry.bundle.export import export_bundle
from mova_core.registry.bundle.importing import import_bundle
from mova_core.registry.database.connection import opened_database, reading, writing
from mova_core.registry.database.tables import Base, Run
from mova_core.registry.lineage.lineage import Node, lineage
from mova_core.registry.references import find_checkpoint, folder_of


@pytest.fixture
def there(elsewhere: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """The registry of the other installation, in whose folder the test goes on."""
    with opened_database(elsewhere[0]) as engine:
        monkeypatch.chdir(elsewhere[1])
        yield engine


def everything(engine: sa.Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            name: sorted(map(str, connection.execute(sa.select(table)))) for name, table in Base.metadata.tables.items()
        }


def kinds(node: Node) -> set[tuple[str, str | None]]:
    """Kind and hash of everything in a lineage."""
    return {(node.kind, node.sha256)}.union(*map(kinds, node.came_from))


def test_the_model_and_its_lineage_arrive_and_no_alias_moves(sent: Any, engine: sa.Engine, there: sa.Engine) -> None:
    imported = import_bundle(there, sent.file, sent.key.public_key())
    assert imported.checkpoint_id == sent.checkpoint_id and imported.rows > 10
    with reading(there) as session:
        assert get_alias(session, "production") is None
        folder = folder_of(session, find_checkpoint(session, sent.checkpoint_id), Path())
        assert (folder / "weights.safetensors").read_bytes() == sent.checkpoint_id.encode()
        here = kinds(lineage(session, sent.checkpoint_id))
    with reading(engine) as session:
        assert here == kinds(lineage(session, sent.checkpoint_id, Path("/nowhere")))
    found = {"run", "latents", "clips", "segments", "sources", "file", "clip", "evaluation"}
    assert found <= {kind for kind, _ in here}


def test_importing_again_changes_nothing(sent: Any, there: sa.Engine) -> None:
    first = import_bundle(there, sent.file, sent.key.public_key())
    rows, files = everything(there), sorted(Path().rglob("*"))
    again = import_bundle(there, sent.file, sent.key.public_key())
    assert first.rows > 0 and again.rows == 0 and again.path == first.path
    assert everything(there) == rows and sorted(Path().rglob("*")) == files


def test_an_imported_champion_is_promoted_like_any_other(sent: Any, there: sa.Engine) -> None:
    import_bundle(there, sent.file, sent.key.public_key())
    Path("params.yaml").write_text("promote: {smoke_clip: false}\n")  # its model is no weights
    decision = promote(there, sent.checkpoint_id, "production")
    assert decision.outcome == "promoted" and "it passed its gates" in decision.reason


def test_the_sender_loses_nothing_and_the_same_champion_gives_the_same_bytes(
    sent: Any, engine: sa.Engine, tmp_path: Path
) -> None:
    shutil.rmtree("models")  # the kept copy is exported
    export_bundle(engine, sent.checkpoint_id[:8], tmp_path / "again.tar", sent.key)
    assert (tmp_path / "again.tar").read_bytes() == sent.file.read_bytes()
    with pytest.raises(UsageError, match=r"again\.tar is there already"):
        export_bundle(engine, "production", tmp_path / "again.tar", sent.key)
    before = everything(engine)
    assert import_bundle(engine, sent.file, sent.key.public_key()).rows == 0
    assert everything(engine) == before


def test_an_altered_model_is_not_exported(sent: Any, engine: sa.Engine, tmp_path: Path) -> None:
    (file,) = Path(".mova/artifacts/models").glob("*/weights.safetensors")
    file.chmod(0o644)
    file.write_bytes(b"sixteen others!!")
    with pytest.raises(StaleError, match=r"weights\.safetensors has sha256"):
        export_bundle(engine, "production", tmp_path / "other.tar", sent.key)
    assert not (tmp_path / "other.tar").exists()


def test_a_contradiction_with_what_is_known_is_refused_and_nothing_is_recorded(sent: Any, there: sa.Engine) -> None:
    known = {"phase": "phase1", "params": {"lr": 9}, "code": "f" * 64, "latents": {}, "path": "", "manifest_sha256": ""}
    with writing(there) as session:
        session.add(Run(run_id="phase1-1", start_checkpoint=None, **known))
    before = everything(there)
    with pytest.raises(StaleError, match=r"runs row phase1-1 of \S+champion\.tar says"):
        import_bundle(there, sent.file, sent.key.public_key())
    assert everything(there) == before


def test_no_room_is_said_before_anything_is_unpacked(
    sent: Any, there: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(DiskFull, match=r"champion\.tar needs 0 MiB"):
        import_bundle(there, sent.file, sent.key.public_key())
    assert [path for path in Path().rglob("*") if path.is_file()] == []


def test_commands_say_what_they_did(sent: Any, elsewhere: tuple[str, Path], tmp_path: Path, monkeypatch: Any) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
    from typer.testing import CliRunner

    from mova_core.cli.registry.registry import registry

    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    private.write_bytes(sent.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(sent.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    monkeypatch.setenv("MOVA_DATABASE_URL", elsewhere[0])
    monkeypatch.chdir(elsewhere[1])
    Path("params.yaml").write_text("promote: {smoke_clip: false}\n")  # its model is no weights

    def mova(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(registry, arguments)
        return result.exit_code, result.stdout or result.stderr

    code, output = mova("import", str(sent.file), "--trust", str(public), "--alias", "production")
    assert code == 0 and sent.checkpoint_id in output and "becomes production" in output
    code, output = mova("export", "production", "--out", "again.tar", "--key", str(private), "--json")
    assert code == 0 and json.loads(output)["checkpoint_id"] == sent.checkpoint_id
    code, output = mova("import", str(sent.file), "--trust", str(private))
    assert code == 2 and "holds no Ed25519 public key" in output
    code, output = mova("export", "production", "--out", "b.tar", "--key", str(public))
    assert code == 2 and "holds no Ed25519 private key" in output
