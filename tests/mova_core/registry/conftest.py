"""A registry with its tables, and a small project whose folders it records."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE, SCHEMA
from mova_core.curation.tables import write_table
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.places import DataFolder
from mova_core.registry.database.connection import open_database
from mova_core.storage.manifest import file_entries

WINDOW = {"clip_id": "song-0", "source_id": "d" * 64, "split": "train", "start_s": 1.0, "end_s": 3.0}


@pytest.fixture
def engine(registry_url: str) -> Iterator[sa.Engine]:
    """A registry with its tables and no rows."""
    engine = open_database(registry_url)
    yield engine
    engine.dispose()


@pytest.fixture
def drop_triggers(engine: sa.Engine) -> Callable[[], None]:
    """Function that lets the log of promotions be altered, as whoever owns the database can."""

    def drop() -> None:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("ALTER TABLE promotions DISABLE TRIGGER ALL")
            else:
                for event in ("update", "delete", "replace"):
                    connection.exec_driver_sql(f"DROP TRIGGER promotions_no_{event}")

    return drop


class Project:
    """Folders as the stages leave them: curation, latents, runs, evaluations, selected models."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.root = root
        self.data = DataFolder(root / "data")
        self.write("params.yaml", {"promote": {"smoke_clip": False}})  # its models are no weights

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
        clips: Mapping[str, Sequence[tuple[float, float]]] | None = None,
        version: int = 1,
    ) -> str:
        """An evaluation; returns its id.

        Args:
            checkpoint_id, phase: what was evaluated.
            f1, offset_s: two metrics of which there is no value of each clip.
            seeds: of the suite.
            clips: what each clip adds to further metrics.
            version: of all metrics.
        """
        suite = {"name": "made-64", "seeds": list(range(seeds)), "clips": seeds, "sha256": "5" * 64}
        metrics = {"f1": metric(f1, 0.05, "higher"), "offset_s": metric(offset_s, 0.01, "lower")}
        for name, ratios in (clips or {}).items():
            value = sum(ratio[0] for ratio in ratios) / sum(ratio[1] for ratio in ratios)
            metrics[name] = metric(value, 0.1, CATALOGUE[name].better)
        metrics = {name: each | {"version": version} for name, each in metrics.items()}
        lines = [
            {"name": f"{n:02d}", "asked": {}, "unavailable": {}}
            | {"metrics": {name: ratios[n] for name, ratios in (clips or {}).items() if n < len(ratios)}}
            for n in range(seeds)
        ]
        folder = self.root / f"reports/evaluation/{phase}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "clips.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        values = {"phase": phase, "checkpoint_id": checkpoint_id, "suite": suite, "metrics": metrics}
        digest = hashlib.sha256((folder / "clips.jsonl").read_bytes()).hexdigest()
        return self.write(f"reports/evaluation/{phase}/metrics.json", values | {"clips_sha256": digest})

    def select(
        self,
        checkpoint_id: str,
        evaluation_id: str,
        phase: str = "phase1",
        *,
        passed: bool = True,
        judged: Sequence[str] = ("f1",),
    ) -> None:
        """The judgement of a checkpoint of runs/PHASE by gates on these metrics."""
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
            "gates": [
                {"name": name, "value": 0.8 if passed else 0.1, "limit": 0.55, "passed": passed} for name in judged
            ],
            "passed": passed,
            "reason": "all gates passed" if passed else "f1 too low",
        }
        weights = self.root / f"models/{phase}/weights.safetensors"
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.write_bytes(checkpoint_id.encode())
        for name in ("metrics.json", "clips.jsonl"):
            path = self.root / f"reports/evaluation/{phase}/{name}"
            if path.is_file():
                copy = weights.parent / "evaluation" / name
                copy.parent.mkdir(exist_ok=True)
                copy.write_bytes(path.read_bytes())
        files = {name: entry.model_dump() for name, entry in file_entries(weights.parent).items()}
        files.pop("selection.json", None)
        self.write(f"models/{phase}/selection.json", selection | {"files": files if passed else {}})

    def candidate(
        self,
        seed: int,
        phase: str = "phase1",
        *,
        passed: bool = True,
        judged: Sequence[str] = ("f1",),
        **evaluation: Any,
    ) -> str:
        """Train, evaluate and select; returns the checkpoint id."""
        checkpoint_id = self.train(phase, seed)
        evaluation_id = self.evaluate(checkpoint_id, phase, **evaluation)
        self.select(checkpoint_id, evaluation_id, phase, passed=passed, judged=judged)
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
