"""After a run, what belongs into Git is named, and nothing that Git ignores or that the run did not write."""

import shlex
import subprocess
from pathlib import Path

import pytest

from flows.run.uncommitted import advice, uncommitted


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in ((".gitignore", "/data/?*\n!/data/*.dvc\n"), ("params.yaml", "seed: 0\n"), ("notes.txt", "")):
        (tmp_path / name).write_text(text)
    git("init", "-q")
    git("add", ".")
    commit()
    return tmp_path


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True)


def commit() -> None:
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "state")


def test_what_a_run_wrote_is_named_and_once_committed_no_more(repository: Path) -> None:
    assert uncommitted() == [] and advice() == ""
    (repository / "data").mkdir()
    for name in ("dvc.lock", "data/my footage.dvc", "data/clips.parquet", "notes.txt"):
        (repository / name).write_text("new")
    (repository / "params.yaml").write_text("seed: 1\n")
    assert sorted(map(str, uncommitted())) == ["data/my footage.dvc", "dvc.lock", "params.yaml"]
    add, _, _ = advice().partition(" && ")
    git(*shlex.split(add)[1:])
    commit()
    assert uncommitted() == []


def test_without_git_nothing_is_advised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert uncommitted() == []
