"""From a served clip back to the footage, whatever is known of it, and honest about what changed."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE
from mova_core.curation.tables import write_table
from mova_core.errors import StaleError, UsageError
from mova_core.media.provenance import LoraUsed, Provenance, Recipe, write_provenance
from mova_core.model.lora.adapter import AdapterManifest
from mova_core.registry.aliases import set_alias
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Job
from mova_core.registry.lineage.lineage import Node, lineage
from mova_core.registry.lineage.tree import draw
from mova_core.registry.references import model_folder
from mova_core.registry.sync import sync
from mova_core.storage.manifest import write_manifest

EMPTY_MP4 = (16).to_bytes(4) + b"ftyp" + b"isom\0\0\2\0"


@pytest.fixture
def served(engine: sa.Engine, project: Any) -> tuple[str, str]:
    """A whole life: ids of the checkpoint of phase 1 and of the audio checkpoint it started from."""
    latents = {"nano-32": project.curate()}
    audio = project.train("audio", latents=latents)
    project.select(audio, project.evaluate(audio, "audio"), "audio")
    checkpoint = project.train("phase1", start=audio, latents=latents)
    project.select(checkpoint, project.evaluate(checkpoint))
    sync(engine, project.root)
    return checkpoint, audio


def clip_file(project: Any, checkpoint_id: str | None) -> Path:
    path = project.root / "clip.mp4"
    path.write_bytes(EMPTY_MP4)
    if checkpoint_id is not None:
        write_provenance(path, Provenance(checkpoint_id))
    return Path(path)


def job_of(engine: sa.Engine, path: Path, checkpoint_id: str | None) -> None:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with writing(engine) as session:
        made = {"checkpoint_id": checkpoint_id, "bento": "mova:4f2a", "result_sha256": sha256}
        session.add(Job(job_id="video_1", status="completed", request={}, progress=100, created_at=1.0, **made))


def trace(engine: sa.Engine, project: Any, reference: str) -> Node:
    with reading(engine) as session:
        return lineage(session, reference, project.root)


def path_to(node: Node, *kinds: str) -> Node:
    """Follow the first child of each kind."""
    for kind in kinds:
        node = next(child for child in node.came_from if child.kind == kind)
    return node


def test_a_clip_of_a_lora_adapter_leads_to_its_clips_too(engine: sa.Engine, project: Any) -> None:
    manifest = AdapterManifest(
        phase="phase3",
        fingerprint="f" * 64,
        base={},
        base_checkpoint="b" * 16,
        clips={"ball.mp4": "c" * 64},
        latents="0" * 64,
        params={},
        seed=0,
        trained_on=[],
    )
    path = project.root / "models/lora/my-ball/manifest.json"
    path.parent.mkdir(parents=True)
    write_manifest(path, manifest)
    adapter_id = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    write_provenance(clip_file(project, None), Provenance("b" * 16, (LoraUsed(adapter_id, 0.5),)))
    node = path_to(trace(engine, project, "clip.mp4"), "lora")
    note = f"scale 0.5, trained on 1 clips beside checkpoint {'b' * 16}"
    assert (node.name, node.note) == ("models/lora/my-ball", note)
    assert path_to(node, "file").name == "ball.mp4"
    path.unlink()
    assert "not in models/lora" in path_to(trace(engine, project, "clip.mp4"), "lora").note


def test_a_clip_leads_to_the_files_that_it_was_given(engine: sa.Engine, project: Any) -> None:
    recipe = Recipe("a ball", "", 1, {}, {}, {"image": "d" * 64}, {}, 1, {})
    write_provenance(clip_file(project, None), Provenance("b" * 16, recipe=recipe))
    node = path_to(trace(engine, project, "clip.mp4"), "file")
    assert (node.name, node.sha256) == ("image", "d" * 64)


def test_a_served_clip_leads_to_its_footage(engine: sa.Engine, project: Any, served: tuple[str, str]) -> None:
    clip = clip_file(project, served[0])
    job_of(engine, clip, served[0])
    node = trace(engine, project, "clip.mp4")
    assert (node.kind, node.sha256) == ("clip", hashlib.sha256(clip.read_bytes()).hexdigest())
    checkpoint = path_to(node, "job", "bento", "checkpoint")
    assert checkpoint.name == served[0] and "step 100" in checkpoint.note
    assert path_to(checkpoint, "evaluation").sha256 is not None
    latents = path_to(checkpoint, "run", "latents")
    table = latents
    for name in ("clips", "windows", "segments", "sources"):
        table = path_to(table, name)
        assert table.sha256 == hashlib.sha256(project.data.table(name).read_bytes()).hexdigest()
    assert path_to(checkpoint, "run", "checkpoint").name == served[1]


def test_only_the_clips_that_the_phase_trained_on_are_named(
    engine: sa.Engine, project: Any, served: tuple[str, str]
) -> None:
    phase1, audio = (path_to(trace(engine, project, id), "run", "latents") for id in served)

    def used(latents: Node) -> dict[str, list[str]]:
        return {node.name: [clip.name for clip in node.came_from] for node in latents.came_from if node.kind == "file"}

    assert used(audio) == {"a.mp4": ["c0", "c2"], "b.mp4": ["c1"]}  # c3 is for validation
    assert used(phase1) == {"a.mp4": ["c2"], "b.mp4": ["c1"]}  # c0 is for audio alone
    assert path_to(audio, "file").sha256 == "a" * 64 and path_to(audio, "file", "clip").sha256 == "0" * 64


def test_a_window_of_audio_alone_is_named_by_the_phase_that_trained_on_it(engine: sa.Engine, project: Any) -> None:
    latents = {"nano-32": project.curate(audio_alone=True)}
    audio = project.train("audio", latents=latents)
    phase1 = project.train("phase1", start=audio, latents=latents)
    sync(engine, project.root)

    def files(checkpoint: str) -> dict[str, list[tuple[str, str | None]]]:
        latents = path_to(trace(engine, project, checkpoint), "run", "latents")
        of_files = [node for node in latents.came_from if node.kind == "file"]
        return {node.name: [(clip.name, clip.sha256) for clip in node.came_from] for node in of_files}

    assert files(audio)["d.mp3"] == [("song-0", "d" * 64)]  # a window is no file: its sha256 is that of the whole
    assert set(files(phase1)) == {"a.mp4", "b.mp4"}
    window = trace(engine, project, "song-0")
    assert (window.kind, window.note) == ("clip", "train split, for audio")
    (file,) = window.came_from
    assert (file.name, file.sha256, file.note) == ("d.mp3", "d" * 64, "audio alone, 1.000 to 3.000 s")
    write_table(project.data.latents("nano-32") / AUDIO_CLIPS_FILE, "audio_clips", [])  # another version
    assert files(audio)["d.mp3"] == [("song-0", "d" * 64)]  # as it was when it was recorded


@pytest.mark.parametrize("known_by", ["provenance", "job"])
def test_a_clip_is_known_by_what_it_carries_or_by_its_job(
    engine: sa.Engine, project: Any, served: tuple[str, str], known_by: str
) -> None:
    clip = clip_file(project, served[0] if known_by == "provenance" else None)
    if known_by == "job":
        job_of(engine, clip, served[0])
    assert served[0] in draw(trace(engine, project, "clip.mp4"))


def test_a_clip_and_its_job_that_disagree_are_refused(engine: sa.Engine, project: Any, served: tuple[str, str]) -> None:
    job_of(engine, clip_file(project, served[0]), served[1])
    with pytest.raises(StaleError, match=f"checkpoint {served[0]} made it, its job video_1 says {served[1]}"):
        trace(engine, project, "clip.mp4")


def test_a_clip_of_nobody_is_refused(engine: sa.Engine, project: Any, served: tuple[str, str]) -> None:
    clip_file(project, None)
    with pytest.raises(UsageError, match="carries no provenance"):
        trace(engine, project, "clip.mp4")


def test_a_clip_of_another_registry_says_so(engine: sa.Engine, project: Any) -> None:
    clip_file(project, "0123456789abcdef")
    assert "checkpoint 0123456789abcdef  (not in this registry, so what it came from is not known" in draw(
        trace(engine, project, "clip.mp4")
    )


def test_a_model_folder_that_was_never_recorded_says_what_is_known(engine: sa.Engine, project: Any) -> None:
    checkpoint_id = project.candidate(seed=0)
    node = trace(engine, project, "models/phase1")
    assert (node.kind, node.name) == ("checkpoint", checkpoint_id)
    assert "phase1, not in this registry, so what it came from is not known" in node.note
    (project.root / "released").mkdir()
    with pytest.raises(UsageError, match=r"released has no selection\.json, so .* nothing is known of its training"):
        trace(engine, project, "released")


def test_a_training_clip_leads_to_its_file(engine: sa.Engine, project: Any, served: tuple[str, str]) -> None:
    node = trace(engine, project, "c2")
    assert (node.kind, node.sha256) == ("clip", "2" * 64) and "for audio, phase1" in node.note
    file = path_to(node, "file")
    assert (file.name, file.sha256) == ("a.mp4", "a" * 64) and "window w2, 4.000 to 6.000 s" in file.note
    assert path_to(node, "clips", "windows", "segments", "sources").name == "data/sources.parquet"


def test_a_training_clip_of_tables_that_were_never_recorded_says_so(engine: sa.Engine, project: Any) -> None:
    project.curate()
    node = trace(engine, project, "c3")
    assert "not in this registry" in path_to(node, "clips").note and path_to(node, "file").name == "b.mp4"


def test_many_names_for_one_checkpoint(engine: sa.Engine, project: Any, served: tuple[str, str]) -> None:
    with writing(engine) as session:
        set_alias(session, "production", served[0], None)
    for reference in (served[0], served[0][:8], "production", "models/phase1"):
        assert trace(engine, project, reference).name == served[0]
    assert trace(engine, project, "reports/evaluation/phase1/metrics.json").came_from[0].name == served[0]
    assert trace(engine, project, "data/clips.parquet").kind == "clips"
    for unknown in ("staging", "x" * 5000):
        with pytest.raises(UsageError, match=r"no alias \(known: production\), no checkpoint id"):
            trace(engine, project, unknown)


def test_what_changed_or_is_gone_is_said(engine: sa.Engine, project: Any, served: tuple[str, str]) -> None:
    project.data.table("clips").unlink()
    project.write("runs/phase1/checkpoints/step-000100/manifest.json", {"other": 1})
    text = draw(trace(engine, project, served[0]))
    assert any("clips data/clips.parquet" in line and "(4 rows, gone)" in line for line in text.splitlines())
    assert "step-000100, changed)" in text
    assert "file a.mp4" in text  # recorded while the table that lists them was there


def test_the_tree_is_short() -> None:
    files = [Node("file", f"{n}.mp4", came_from=[Node("clip", str(n))], clips=1) for n in range(7)]
    assert draw(Node("latents", "nano-32", "d" * 64, came_from=files, files=9, clips=11)).splitlines() == [
        "latents nano-32  sha256 dddddddddddd",
        *(f"├─ file {n}.mp4" for n in range(5)),
        "└─ … and 4 more files with 6 clips",
    ]


def test_an_alias_gives_its_model_folder_while_it_holds_that_checkpoint(
    engine: sa.Engine, registry_url: str, project: Any, served: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOVA_DATABASE_URL", registry_url)
    with writing(engine) as session:
        set_alias(session, "production", served[0], None)
    assert model_folder("production", project.root) == project.root / "models/phase1"
    newer = project.candidate(seed=1)
    with pytest.raises(StaleError, match=f"weights of checkpoint {served[0]} .*models/phase1 holds {newer}"):
        model_folder("production", project.root)
