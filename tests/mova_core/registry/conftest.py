"""A registry with its tables, and a small project whose folders it records."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE, SCHEMA
from mova_core.curation.tables import write_table
from mova_core.places import DataFolder
from mova_core.registry.database.connection import open_database

WINDOW = {"clip_id": "song-0", "source_id": "d" * 64, "split": "train", "start_s": 1.0, "end_s": 3.0}


@pytest.fixture
def engine(registry_url: str) -> Iterator[sa.Engine]:
    """A registry with its tables and no rows."""
    engine = open_database(registry_url)
    yield engine
    engine.dispose()


class Project:
    """Folders as the stages leave them: curation, latents, runs, evaluations, selected models."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.root = root
        self.data = DataFolder(root / "data")

    def write(self, path: str, values: Any) -> str:
        """Write JSON; returns the sha256 of the file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
        return hashlib.sha256(file.read_bytes()).hexdigest()

    def curate(self, audio_alone: bool = False) -> str:
        """Two files, four clips, latents at nano-32; returns the sha256 of their index.

        Args:
            audio_alone: a window of a third file too, which has no video.
        """
        table, sources = self.data.table, ("a" * 64, "b" * 64)
        rows = [{"source_id": id, "path": f"{id[0]}.mp4", "verdict": "accepted"} for id in sources]
        rows += [{"source_id": "d" * 64, "path": "d.mp3", "verdict": "accepted"}] * audio_alone
        write_table(self.data.rejects("ingest"), "rejects", [])
        write_table(table("sources"), "sources", rows, {"rejects": self.data.rejects("ingest")})
        write_table(table("segments"), "segments", [{"source_id": id} for id in sources], {"sources": table("sources")})
        windows = [
            {"window_id": f"w{n}", "source_id": sources[n % 2], "start_s": 2.0 * n, "end_s": 2.0 * n + 2}
            for n in range(4)
        ]
        write_table(table("windows"), "windows", windows, {"segments": table("segments")})
        clips = [
            {"clip_id": f"c{n}", "window_id": f"w{n}", "source_id": sources[n % 2], "sha256": f"{n}" * 64}
            | {"split": "validation" if n == 3 else "train"}
            for n in range(4)
        ]
        write_table(table("clips"), "clips", clips, {"windows": table("windows"), "segments": table("segments")})
        for name in ("verdicts", "captions"):
            write_table(table(name), name, [{"clip_id": f"c{n}"} for n in range(4)], {"clips": table("clips")})
        folder = self.data.latents("nano-32")
        index = [
            {"clip_id": f"c{n}", "split": "validation" if n == 3 else "train", "phases": ["audio", "phase1"][: n + 1]}
            for n in range(4)
        ]
        index += [{"clip_id": "song-0", "split": "train", "phases": ["audio"]}] * audio_alone
        inputs = {name: table(name) for name in ("clips", "verdicts", "captions")}
        write_table(folder / "index.parquet", "latents", index, {**inputs, "codec": "c" * 64})
        sha256 = hashlib.sha256((folder / "index.parquet").read_bytes()).hexdigest()
        manifest = {"schema": SCHEMA, "geometry": "nano-32", "codec": "c" * 64, "text_encoder": "t", "params": "p"}
        files = {"index.parquet": {"bytes": 1, "sha256": sha256}}
        if audio_alone:
            path = folder / AUDIO_CLIPS_FILE
            write_table(path, "audio_clips", [WINDOW])
            files[path.name] = {"bytes": 1, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        self.write("data/latents/nano-32/manifest.json", manifest | {"files": files})
        return sha256

    def train(
        self, phase: str = "phase1", seed: int = 0, start: str | None = None, latents: dict[str, str] | None = None
    ) -> str:
        """A run of two checkpoints; returns the id of the last."""
        checkpoints = []
        for step in (50, 100):
            path = f"checkpoints/step-{step:06d}"
            manifest = {"step": step, "seed": seed, "phase": phase}
            checkpoint_id = self.write(f"runs/{phase}/{path}/manifest.json", manifest)[:16]
            checkpoints.append({"id": checkpoint_id, "step": step, "path": path})
        run = {"phase": phase, "run_id": f"{phase}-{seed}", "params": {"seed": seed, "lr": 0.0015}, "code": "e" * 64}
        more = {"latents": latents or {}, "start_checkpoint": start, "checkpoints": checkpoints}
        self.write(f"runs/{phase}/manifest.json", run | more)
        return checkpoints[-1]["id"]

    def evaluate(
        self,
        checkpoint_id: str,
        phase: str = "phase1",
        *,
        f1: float | None = 0.8,
        offset_s: float = 0.05,
        seeds: int = 64,
    ) -> str:
        """An evaluation; returns its id."""
        suite = {"name": "made-64", "seeds": list(range(seeds)), "clips": seeds, "sha256": "5" * 64}
        metrics = {"f1": metric(f1, 0.05, "higher"), "offset_s": metric(offset_s, 0.01, "lower")}
        values = {"phase": phase, "checkpoint_id": checkpoint_id, "suite": suite, "metrics": metrics}
        return self.write(f"reports/evaluation/{phase}/metrics.json", values)

    def select(self, checkpoint_id: str, evaluation_id: str, phase: str = "phase1", *, passed: bool = True) -> None:
        """The judgement of a checkpoint of runs/PHASE."""
        manifest = next(
            path
            for path in (self.root / f"runs/{phase}/checkpoints").glob("*/manifest.json")
            if hashlib.sha256(path.read_bytes()).hexdigest().startswith(checkpoint_id)
        )
        selection = {
            "phase": phase,
            "checkpoint_id": checkpoint_id,
            "manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
            "evaluation_sha256": evaluation_id,
            "gates": [{"name": "f1", "value": 0.8 if passed else 0.1, "limit": 0.55, "passed": passed}],
            "passed": passed,
            "reason": "all gates passed" if passed else "f1 too low",
        }
        weights = self.root / f"models/{phase}/weights.safetensors"
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.write_bytes(checkpoint_id.encode())
        files = {weights.name: {"bytes": 16, "sha256": hashlib.sha256(checkpoint_id.encode()).hexdigest()}}
        self.write(f"models/{phase}/selection.json", selection | {"files": files if passed else {}})

    def candidate(self, seed: int, phase: str = "phase1", *, passed: bool = True, **evaluation: Any) -> str:
        """Train, evaluate and select; returns the checkpoint id."""
        checkpoint_id = self.train(phase, seed)
        self.select(checkpoint_id, self.evaluate(checkpoint_id, phase, **evaluation), phase, passed=passed)
        return checkpoint_id


def metric(value: float | None, margin: float, better: str) -> dict[str, Any]:
    """A metric whose interval is value ± margin; None is unavailable."""
    known = value is not None
    interval = {"low": value - margin, "high": value + margin} if known else {"low": None, "high": None}
    reason = None if known else "no weights"
    return {"value": value, **interval, "shuffled": 0.2, "data": 0.98, "better": better, "unavailable": reason}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path / "project")
