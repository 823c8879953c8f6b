"""Of any registry: nothing that is reached is ever found, and all else is."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from mova_core.places import ARTIFACTS
from mova_core.registry.artifacts import artifact_name
from mova_core.registry.database.connection import opened_database, writing
from mova_core.registry.database.tables import Alias, Artifact, Checkpoint, Job, Run
from mova_core.registry.garbage.artifacts import YOUNG_S
from mova_core.registry.garbage.collect import find_garbage, remove_garbage
from mova_core.registry.promotion.log import append_promotion
from mova_core.storage.artifact_store.local import LocalStore

CHECKPOINTS = 7


@st.composite
def registries(draw: Callable[..., Any]) -> dict[str, Any]:
    """Checkpoints by number, each trained from an earlier one or from none, and who points at them."""
    numbers = st.integers(0, CHECKPOINTS - 1)
    some = st.lists(numbers, max_size=2, unique=True)
    return {
        "start": [draw(st.none() | st.integers(0, n - 1)) if n else None for n in range(CHECKPOINTS)],
        "phase": [draw(st.sampled_from(["phase1", "phase2"])) for _ in range(CHECKPOINTS)],
        "blobs": [draw(st.sets(st.integers(0, 4), min_size=1, max_size=3)) for _ in range(CHECKPOINTS)],
        "promoted": draw(st.lists(st.tuples(st.sampled_from(["production", "staging"]), numbers), max_size=6)),
        "served": draw(some),
        "kept": draw(st.lists(numbers, max_size=4, unique=True)),
        "deployed": draw(st.none() | numbers),
        "young": draw(st.sets(st.integers(0, 6), max_size=3)),
        "keep_last": draw(st.integers(1, 2)),
    }


def name_of(number: int) -> str:
    return f"{number:016x}"


def reached(given: dict[str, Any]) -> set[int]:
    """Told once more, by plain sets: what this registry must keep."""
    first = set(given["served"]) | ({given["deployed"]} - {None})
    for alias in ("production", "staging"):
        latest_first = list(dict.fromkeys(n for name, n in reversed(given["promoted"]) if name == alias))
        first |= set(latest_first[: given["keep_last"]])
    for phase in ("phase1", "phase2"):
        first |= set([n for n in reversed(given["kept"]) if given["phase"][n] == phase][: given["keep_last"]])
    while more := {given["start"][n] for n in first} - first - {None}:
        first |= more
    return first


def build(url: str, store: LocalStore, given: dict[str, Any]) -> dict[int, str]:
    """A registry and a store of that description; the name of each checkpoint's manifest."""
    contents = {number: bytes([number]) * 8 for number in range(7)}  # 5 and 6: of no manifest
    for number, content in contents.items():
        source = store.root.parent / "source"
        source.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        store.put_blob(source, sha256)
        age = 0 if number in given["young"] else 2 * YOUNG_S
        os.utime(store.root / "blobs" / sha256[:2] / sha256, (time.time() - age,) * 2)
    names = {}
    for number in range(CHECKPOINTS):
        of = {
            f"{n}.json": {"bytes": 8, "sha256": hashlib.sha256(contents[n]).hexdigest()} for n in given["blobs"][number]
        }
        content = json.dumps({"checkpoint_id": name_of(number), "files": of}).encode()
        names[number] = artifact_name(name_of(number), hashlib.sha256(content).hexdigest())
        store.put_manifest("models", names[number], content)
    with opened_database(url) as engine, writing(engine) as session:
        for number, start in enumerate(given["start"]):
            of_run = {"params": {}, "code": "", "latents": {}, "path": "", "manifest_sha256": ""}
            before = None if start is None else name_of(start)
            phase = given["phase"][number]
            session.add(Run(run_id=name_of(number), phase=phase, start_checkpoint=before, **of_run))
            session.flush()
            session.add(Checkpoint(checkpoint_id=name_of(number), run_id=name_of(number), phase=phase))
        session.flush()
        for time_kept, number in enumerate(given["kept"]):
            values = {"kind": "model", "path": "", "bytes": 8, "kept_at": 1.0, "sequence": time_kept + 1}
            session.add(Artifact(artifact_id=name_of(number), checkpoint_id=name_of(number), **values))
        holds: dict[str, str] = {}
        for alias, number in given["promoted"]:
            values = {"outcome": "promoted", "champion_id": holds.get(alias), "reason": "", "evidence": {}}
            append_promotion(session, values | {"alias": alias, "checkpoint_id": name_of(number)})
            holds[alias] = name_of(number)
        session.add_all(Alias(name=name, checkpoint_id=held, moved_at=1.0) for name, held in holds.items())
        for number in given["served"]:
            job = {"status": "completed", "request": {}, "progress": 100, "created_at": 1.0}
            session.add(Job(job_id=f"video_{number}", checkpoint_id=name_of(number), **job))
    return names


@pytest.fixture
def new_registry(empty_registry: Callable[[str], str]) -> Callable[[], str]:
    return lambda: empty_registry("sqlite")


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(registries())
def test_nothing_that_is_reached_is_found_and_all_else_is(
    new_registry: Callable[[], str], tmp_path_factory: pytest.TempPathFactory, given: dict[str, Any]
) -> None:
    root = tmp_path_factory.mktemp("project")
    store = LocalStore(root / ARTIFACTS)
    (root / ".mova").mkdir()
    (root / "params.yaml").write_text(f"registry:\n  keep_last: {given['keep_last']}\n")
    if given["deployed"] is not None:
        (root / ".mova/deployment.json").write_text(json.dumps({"checkpoint_id": name_of(given["deployed"])}))
    url = new_registry()
    names = build(url, store, given)
    keep = reached(given)
    blobs_kept = set().union(*(given["blobs"][number] for number in keep)) | given["young"]
    expected = {f"{store.address}/manifests/models/{names[n]}" for n in range(CHECKPOINTS) if n not in keep}
    digests = {n: hashlib.sha256(bytes([n]) * 8).hexdigest() for n in range(7)}
    expected |= {f"{store.address}/blobs/{digests[n][:2]}/{digests[n]}" for n in range(7) if n not in blobs_kept}
    with opened_database(url) as engine:
        assert {each.place for each in find_garbage(root, engine)} == expected
        assert {each.place for each in remove_garbage(root, engine)} == expected
        assert find_garbage(root, engine) == []
    assert {blob.sha256 for blob in store.blobs()} == {digests[n] for n in blobs_kept}
    assert set(store.manifests("models")) == {names[n] for n in keep}
