"""The page's lineage leads from the newest result to its footage, in a page's worth of lines."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mova_core.curation.encode.latents_manifest import SCHEMA
from mova_core.curation.tables import write_table
from mova_core.media.provenance import Provenance, write_provenance
from mova_core.places import DataFolder
from mova_core.reporting.lineage_section import LISTED, Branch, Lineage, trace_lineage
from mova_core.reporting.phase_reports import read_phases

EMPTY_MP4 = (16).to_bytes(4) + b"ftyp" + b"isom\0\0\2\0"
FILES, CLIPS_PER_FILE = 7, 8


def trace(folders: Any) -> Lineage:
    return trace_lineage(folders.root, "data/footage", read_phases(folders.root), folders.root / "reports/index.html")


def branches(branch: Branch) -> Iterator[Branch]:
    yield branch
    for before in branch.before:
        yield from branches(before)


def of_kind(lineage: Lineage, kind: str) -> list[Branch]:
    assert lineage.tree is not None
    return [branch for branch in branches(lineage.tree) if branch.node.kind == kind]


def package(folders: Any, checkpoint: str, smoke_sha256: str | None = None) -> str:
    """The package of a checkpoint; returns the sha256 of its clip."""
    clip = folders.root / "dist/bento/smoke.mp4"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(EMPTY_MP4)
    write_provenance(clip, Provenance(checkpoint[:16]))
    sha256 = hashlib.sha256(clip.read_bytes()).hexdigest()
    folders.write(
        "dist/bento/reference.json",
        {
            "tag": "mova:4f2a",
            "checkpoint_id": checkpoint[:16],
            "manifest_sha256": "4" * 64,
            "smoke": {"request": {"prompt": "a ball", "seed": 1}, "sha256": smoke_sha256 or sha256},
        },
    )
    return sha256


@pytest.fixture
def latents(folders: Any) -> dict[str, str]:
    """Latents of more files and clips than a page lists."""
    data = DataFolder(folders.root / "data")
    sources = [{"source_id": f"{n}" * 64, "path": f"take {n}.mp4", "verdict": "accepted"} for n in range(FILES)]
    write_table(data.table("sources"), "sources", sources)
    segments = [{"source_id": row["source_id"]} for row in sources]
    write_table(data.table("segments"), "segments", segments, {"sources": data.table("sources")})
    clips = [
        {"clip_id": f"c{n:02d}", "source_id": sources[n % FILES]["source_id"], "sha256": f"{n % 10}" * 64}
        | {"split": "train"}
        for n in range(FILES * CLIPS_PER_FILE)
    ]
    write_table(data.table("clips"), "clips", clips, {"segments": data.table("segments")})
    rows = [{"clip_id": clip["clip_id"], "split": "train", "phases": ["audio"]} for clip in clips]
    index = data.latents("nano-32") / "index.parquet"
    write_table(index, "latents", rows, {"clips": data.table("clips")})
    sha256 = hashlib.sha256(index.read_bytes()).hexdigest()
    made_by = {"geometry": "nano-32", "codec": "1" * 64, "text_encoder": "2" * 64, "params": "3" * 64}
    files = {"index.parquet": {"bytes": 1, "sha256": sha256}}
    folders.write("data/latents/nano-32/manifest.json", {"schema": SCHEMA, **made_by, "files": files})
    footage = folders.root / "data/footage/take 0.mp4"
    footage.parent.mkdir()
    footage.touch()
    return {"nano-32": sha256}


def test_a_packaged_clip_leads_through_its_bento_to_its_footage(folders: Any, latents: dict[str, str]) -> None:
    checkpoint = folders.train("audio", latents=latents)
    sha256 = package(folders, checkpoint)
    lineage = trace(folders)
    assert lineage.tree is not None and lineage.tree.node.sha256 == sha256
    for kind in ("bento", "checkpoint", "run", "latents", "clips", "footage"):
        assert len(of_kind(lineage, kind)) == 1, kind
    assert of_kind(lineage, "bento")[0].node.name == "mova:4f2a"
    assert of_kind(lineage, "checkpoint")[0].node.sha256 == checkpoint


def test_long_lists_are_cut_and_counted(folders: Any, latents: dict[str, str]) -> None:
    folders.evaluate("audio", folders.train("audio", latents=latents), {})
    lineage = trace(folders)
    (footage,) = of_kind(lineage, "footage")
    assert footage.node.name == f"{FILES} files" and str(FILES * CLIPS_PER_FILE) in footage.node.note
    assert len(footage.before) == LISTED and footage.more == f"and {FILES - LISTED} more files"
    assert len(footage.before[0].before) == LISTED
    assert footage.before[0].more == f"and {CLIPS_PER_FILE - LISTED} more clips"


def test_links_lead_to_what_is_there_and_only_to_that(folders: Any, latents: dict[str, str]) -> None:
    package(folders, folders.train("audio", latents=latents))
    lineage = trace(folders)
    hrefs = {branch.node.kind: branch.href for kind in ("clip", "run", "latents") for branch in of_kind(lineage, kind)}
    assert lineage.tree is not None and lineage.tree.href == "../dist/bento/smoke.mp4"
    assert hrefs["run"] == "../runs/audio/manifest.json"
    assert hrefs["latents"] == "../data/latents/nano-32/index.parquet"
    assert [file.href for file in of_kind(lineage, "file")] == ["../data/footage/take%200.mp4", *[None] * (LISTED - 1)]


def test_without_a_package_the_last_selected_model_is_traced(folders: Any) -> None:
    folders.two_phases(0.31)  # phase 1 fails, so audio is the last that was handed on
    tree = trace(folders).tree
    assert tree is not None and (tree.node.kind, tree.href) == ("checkpoint", "../models/audio/selection.json")
    assert "audio" in tree.node.note


def test_a_clip_that_changed_is_not_told_as_the_packages(folders: Any) -> None:
    package(folders, folders.train("audio"), smoke_sha256="0" * 64)
    lineage = trace(folders)
    assert lineage.tree is not None and "changed" in lineage.tree.node.note
    assert not of_kind(lineage, "bento")


def test_nothing_to_trace_is_said(folders: Any) -> None:
    assert trace(folders) == Lineage(None, "no phase is evaluated yet")


def test_what_cannot_be_traced_is_said_with_its_reason(folders: Any) -> None:
    package(folders, folders.train("audio"))
    Path(folders.root / "dist/bento/smoke.mp4").write_bytes(b"no mp4")
    lineage = trace(folders)
    assert lineage.tree is None and "smoke.mp4" in (lineage.unavailable or "")
