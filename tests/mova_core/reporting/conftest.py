"""A project's model half as its manifests tell it, written by hand: runs, evaluations and decisions."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mova_core.evaluation.catalogue import SWEPT
from mova_core.geometry import GEOMETRIES
from mova_core.sampling.clip_file import write_clip

ALONE = "phase audio trains the audio tower alone"


def metric(value: float | None, *, better: str = "higher", unavailable: str | None = None) -> dict[str, Any]:
    """As metrics.json holds it; without a value, unavailable."""
    if value is None:
        numbers: dict[str, Any] = dict.fromkeys(("value", "low", "high", "shuffled", "data"))
        return numbers | {"better": better, "unavailable": unavailable or "nothing to measure"}
    numbers = {"value": value, "low": value - 0.05, "high": value + 0.05, "shuffled": 0.18, "data": 0.98}
    return numbers | {"better": better, "unavailable": None}


class Folders:
    """Writes what stages leave behind under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, values: Any) -> str:
        """Write JSON; returns the file's sha256."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
        return hashlib.sha256(file.read_bytes()).hexdigest()

    def train(self, phase: str, *, start: str | None = None, latents: dict[str, str] | None = None) -> str:
        """A finished run of 40 steps; returns the sha256 of its checkpoint's manifest."""
        sha256 = self.write(f"runs/{phase}/checkpoints/step-000040/manifest.json", {"weights of": phase})
        records = []
        for step in range(40):
            record: dict[str, Any] = {
                "step": step,
                "loss": 1.0,
                "audio": 1 / (1 + step),
                "audio_bins": [0.5] * 9 + [None],
            }
            if phase != "audio":
                record |= {"video": 2 / (1 + step), "video_bins": [1.0] * 10}
            if step % 20 == 19:
                record["validation"] = {name: 0.3 for name in ("loss", "video", "audio") if name in record}
            records.append(json.dumps(record))
        (self.root / f"runs/{phase}/curves.jsonl").write_text("\n".join(records) + "\n")
        self.write(
            f"runs/{phase}/manifest.json",
            {
                "phase": phase,
                "run_id": f"run-{phase}",
                "params": {},
                "code": "c" * 64,
                "latents": latents or {},
                "start_checkpoint": start and start[:16],
                "checkpoints": [{"id": sha256[:16], "step": 40, "path": "checkpoints/step-000040"}],
            },
        )
        return sha256

    def evaluate(self, phase: str, checkpoint: str, metrics: dict[str, Any], *, suite: str = "synthetic") -> str:
        """An evaluation with two clips and, of a joint phase, a sweep; returns the sha256 of its metrics.json."""
        folder = f"reports/evaluation/{phase}"
        (self.root / folder / "samples").mkdir(parents=True, exist_ok=True)
        geometry, rng = GEOMETRIES["nano-32"], np.random.default_rng(0)
        samples: list[dict[str, Any]] = []
        for index in range(2):
            frames = rng.integers(0, 255, (geometry.frames, 32, 32, 3), np.uint8)
            audio = np.zeros(geometry.audio_samples, np.float32)
            write_clip(self.root / folder / f"samples/{index:02d}.mp4", frames, audio, geometry, enlarge=4)
            sample = {"path": f"samples/{index:02d}.mp4", "prompt": "A <red> ball", "seed": index}
            events = {"video_events_s": [0.5, 1.0], "audio_onsets_s": [0.52, 1.6]} if suite == "synthetic" else {}
            samples.append(sample | events)
        value = metrics.get("event_f1", metric(None))["value"]
        levels = {name: {"value": value, "low": value, "high": value} for name in SWEPT}
        sweep = [
            {"bridge_guidance_scale": scale, "bridge": scale is not None, "metrics": levels}
            for scale in (None, 0.0, 2.0)
            if phase != "audio"
        ]
        if sweep:
            (self.root / folder / "sweep.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        values = {
            "phase": phase,
            "checkpoint_id": checkpoint[:16],
            "suite": {"name": suite, "seeds": [1, 2], "clips": 2, "sha256": "5" * 64},
            "metrics": metrics,
            "sweep": sweep,
            "samples": samples,
            "tasks": [{"path": "samples/00.mp4", "task": "retake", "prompt": "A <red> ball", "seed": 3}],
        }
        return self.write(f"{folder}/metrics.json", values)

    def samples(self, phase: str, steps: Sequence[int]) -> None:
        """Clips that a run made after these steps: one each, of the phase's evaluation."""
        for step in steps:
            folder = f"runs/{phase}/samples/step-{step:06d}"
            self.write(f"{folder}/clips.json", {"step": step, "clips": [{"path": "0.mp4", "prompt": "A", "seed": 1}]})
            shutil.copyfile(self.root / f"reports/evaluation/{phase}/samples/00.mp4", self.root / folder / "0.mp4")

    def select(self, phase: str, checkpoint: str, evaluation: str, gates: list[dict[str, Any]]) -> None:
        """The decision about that evaluation."""
        passed = all(gate["passed"] for gate in gates)
        values = {
            "phase": phase,
            "checkpoint_id": checkpoint[:16],
            "manifest_sha256": checkpoint,
            "evaluation_sha256": evaluation,
            "gates": gates,
            "passed": passed,
            "reason": "step 40 passes" if passed else "step 40 fails a gate",
        }
        self.write(f"models/{phase}/selection.json", values)

    def two_phases(self, f1: float | None = 0.94, *, suite: str = "synthetic", limit: float = 0.55) -> None:
        """Phase audio that passes, and phase 1, judged by its event F1."""
        audio = self.train("audio")
        of_audio = {"audio_class": metric(0.97), "event_f1": metric(None, unavailable=ALONE)}
        gate = {"name": "audio_class", "value": 0.97, "limit": 0.8, "passed": True}
        self.select("audio", audio, self.evaluate("audio", audio, of_audio, suite=suite), [gate])
        phase1 = self.train("phase1", start=audio)
        metrics = {
            "event_f1": metric(f1, unavailable="the footage is not synthetic"),
            "offset_s": metric(0.03, better="lower"),
            "audio_class": metric(0.99),
            "audible_share": metric(1.0),
        }
        gate = {"name": "event_f1", "value": f1, "limit": limit, "passed": f1 is not None and f1 >= limit}
        self.select("phase1", phase1, self.evaluate("phase1", phase1, metrics, suite=suite), [gate])


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """An empty project."""
    (tmp_path / "project").mkdir()
    return Folders(tmp_path / "project")
