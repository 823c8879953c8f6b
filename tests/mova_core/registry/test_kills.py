"""Killed anywhere between the first byte and the alias, nothing that is named is missing, and a rerun completes.

A child process is forked and ends itself by SIGKILL at a call of some Python function, drawn by a seed from all that a
whole promotion makes.
"""

import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.evaluation.promote import promote
from mova_core.places import ARTIFACTS
from mova_core.registry.artifacts import MODEL, kept_folder
from mova_core.registry.configured_store import configured_store
from mova_core.registry.database.connection import open_database, reading
from mova_core.registry.database.tables import Alias, Artifact
from mova_core.registry.promotion.log import check_chain
from mova_core.storage.artifact_store import digests

KILLS, KILLS_OF_A_SOAK = 3, 50
BEGAN_AT_MOST = 100_000


@pytest.fixture(params=["local", "s3"])
def candidate(request: pytest.FixtureRequest, project: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], str]:
    """Function that selects another model of several files; its store is a folder or a bucket."""
    monkeypatch.chdir(project.root)
    monkeypatch.setattr(digests, "PART_BYTES", 5 << 20)
    store = "kept"
    if request.param == "s3":
        objects = request.getfixturevalue("objects")
        bucket = "k" + hashlib.sha256(os.urandom(8)).hexdigest()[:20]
        objects.client.make_bucket(bucket)
        store = f"s3://{bucket}/kept"
    Path("params.yaml").write_text(f"registry: {{store: '{store}'}}\npromote: {{smoke_clip: false}}\n")

    def select(seed: int) -> str:
        checkpoint_id = str(project.candidate(seed))
        path = Path("models/phase1/selection.json")
        selection = json.loads(path.read_text())
        for number, size in enumerate((100, 70_000, (5 << 20) + 1)):
            data = hashlib.shake_256(f"{seed} {number}".encode()).digest(size)
            Path(f"models/phase1/part-{number}.safetensors").write_bytes(data)
            entry = {"bytes": size, "sha256": hashlib.sha256(data).hexdigest()}
            selection["files"][f"part-{number}.safetensors"] = entry
        path.write_text(json.dumps(selection))
        return checkpoint_id

    return select


def in_child(act: Callable[[], object], kill_at: int | None) -> int:
    """Call a function in a forked process, which is killed at that call; how many calls it made."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        calls = itertools.count()
        code = 1
        try:

            def count(frame: object, event: str, argument: object) -> None:
                if event == "call" and next(calls) == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

            threading.setprofile(count)
            sys.setprofile(count)
            act()
            sys.setprofile(None)
            threading.setprofile(None)
            os.write(write_end, str(next(calls)).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write_end)
    _, status = os.waitpid(child, 0)
    with os.fdopen(read_end) as pipe:
        told = pipe.read()
    if kill_at is None:
        assert os.waitstatus_to_exitcode(status) == 0
        return int(told)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return kill_at


def check_named(engine: sa.Engine, tmp_path: Path) -> None:
    """What an alias names is in the store, whole."""
    store = configured_store()
    with reading(engine) as session:
        check_chain(session)
        for checkpoint_id in session.scalars(sa.select(Alias.checkpoint_id)):
            query = sa.select(Artifact).where(Artifact.checkpoint_id == checkpoint_id, Artifact.kind == MODEL)
            artifacts = session.scalars(query).all()
            assert artifacts
            for artifact in artifacts:
                content = store.get_manifest("models", Path(artifact.path).name)
                assert content is not None and hashlib.sha256(content).hexdigest() == artifact.artifact_id
                for entry in json.loads(content)["files"].values():
                    store.get_blob(entry["sha256"], tmp_path / "read")


def killed(engine: sa.Engine, url: str, candidate: Callable[[int], str], tmp_path: Path, kills: int, seed: int) -> None:
    def promote_now() -> None:
        child = open_database(url)
        promote(child, "models/phase1", "production")
        child.dispose()

    engine.dispose()  # nothing of a connection is shared with a child
    candidate(0)
    calls = in_child(promote_now, None)
    assert calls < BEGAN_AT_MOST
    draw = random.Random(seed)
    for number in range(1, kills + 1):
        checkpoint_id = candidate(number)
        engine.dispose()
        in_child(promote_now, draw.randrange(calls))
        check_named(engine, tmp_path)
        if draw.random() < 0.3:
            shutil.rmtree(ARTIFACTS, ignore_errors=True)  # this machine loses all, the store keeps what is named
            check_named(engine, tmp_path)
        assert promote(engine, "models/phase1", "production").outcome in ("promoted", "unchanged")
        check_named(engine, tmp_path)
        with reading(engine) as session:
            kept = kept_folder(session, MODEL, checkpoint_id, Path())
        assert kept is not None and (kept / "weights.safetensors").read_bytes() == checkpoint_id.encode()


def test_killed_anywhere_a_promotion_names_nothing_that_is_missing(
    engine: sa.Engine, registry_url: str, candidate: Callable[[int], str], tmp_path: Path
) -> None:
    killed(engine, registry_url, candidate, tmp_path, KILLS, seed=19)


@pytest.mark.soak
def test_killed_at_fifty_points(
    engine: sa.Engine, registry_url: str, candidate: Callable[[int], str], tmp_path: Path
) -> None:
    killed(engine, registry_url, candidate, tmp_path, KILLS_OF_A_SOAK, seed=1919)
