"""The remote of a project: what `.dvc/config` says of it, that no key gets there, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from typer.testing import CliRunner

from flows.project.dvc_config import edited_config
from flows.project.remote import set_remote, settings_of
from flows.project.start import start_project
from mova_core.cli.main import build_app
from mova_core.errors import MovaError, UsageError
from mova_core.ports import free_port

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # between two libraries of DVC's own


@pytest.fixture
def project(tmp_path: Path) -> Path:
    start_project(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def s3(object_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {**object_server.environment, "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    object_server.put("own-data", "marker", b"")
    return object_server


def init(*arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(build_app(), ["init", *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_dvc_pushes_to_a_bucket_and_pulls_from_it_and_no_key_is_kept(project: Path, s3: Any) -> None:
    assert init(str(project), "--remote", "s3://own-data/a/b") == (
        0,
        {"project": str(project), "made": [], "differing": [], "remote": "s3://own-data/a/b"},
    )
    (project / "data").mkdir(exist_ok=True)
    (project / "data/table").write_text("rows")
    with Repo(str(project)) as repo:
        repo.add([str(project / "data/table")])
        assert repo.push() == 1
        for path in (project / "data/table", *(project / ".dvc/cache/files").rglob("*")):
            if path.is_file():
                path.unlink()
        repo.pull([str(project / "data/table")])
    assert (project / "data/table").read_text() == "rows"
    assert [one.object_name for one in s3.client.list_objects("own-data", "a/b/files/md5/", recursive=True)]
    kept = "".join(path.read_text() for path in (project / ".dvc").glob("config*"))
    assert s3.environment["AWS_ENDPOINT_URL"] in kept
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert s3.environment[name] not in kept


def test_a_folder_is_made_and_another_remote_is_told(project: Path, tmp_path: Path) -> None:
    first = set_remote(project, settings_of(str(tmp_path / "first")))
    assert (tmp_path / "first").is_dir() and first.replaced is None
    before = (project / ".dvc/config").read_bytes()
    assert set_remote(project, settings_of(str(tmp_path / "first"))) == first
    assert (project / ".dvc/config").read_bytes() == before
    second = set_remote(project, settings_of(str(tmp_path / "second")))
    assert (second.address, second.replaced) == (str(tmp_path / "second"), str(tmp_path / "first"))
    with Repo(str(project)) as repo:
        assert repo.cloud.get_remote().path == str(tmp_path / "second")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("s3://KEY:SECRET@bucket/data", "a key belongs into AWS_ACCESS_KEY_ID alone"),
        ("s3://", "expected s3://BUCKET/PREFIX"),
        ("s3://no-such-bucket/data", "there is no bucket no-such-bucket at 127.0.0.1"),
        ("gs://bucket/data", "of kind gs://, expected s3://BUCKET/PREFIX or a folder"),
    ],
)
def test_what_is_no_remote_is_refused_before_anything_is_written(
    tmp_path: Path, s3: Any, address: str, told: str
) -> None:
    code, summary = init(str(tmp_path / "project"), "--remote", address)
    assert code == 2 and told in summary["error"] and "SECRET" not in summary["error"]
    assert not (tmp_path / "project").exists()


def test_refused_keys_and_a_server_that_is_not_there_are_told(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(UsageError, match="the keys are refused for bucket own-data") as refused:
        settings_of("s3://own-data/a")
    assert "another" not in str(refused.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(MovaError, match="no object store answers"):
        settings_of("s3://own-data/a")


def test_no_dvc_project_and_a_broken_config_are_told(project: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no DVC project: make it one with `mova init`"):
        set_remote(tmp_path, settings_of(str(tmp_path / "remote")))
    (project / ".dvc/config").write_text("[core\n")
    with pytest.raises(UsageError, match="is not understood by DVC"), edited_config(project):
        pass
    code, summary = init(str(project))
    assert code == 2 and len(summary["error"].splitlines()) == 1
