"""A small curated folder: stored clips with verdicts and captions, as the stages before the codecs leave them."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import write_table
from mova_core.geometry import GEOMETRIES
from mova_core.media.bouncing import KINDS, draw_take, render_frames, render_sound
from mova_core.media.encode import write_media

CLIPS = 21  # the last one is rejected, two of the accepted are for validation


@pytest.fixture(scope="session")
def curated_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `curated` copies."""
    geometry = GEOMETRIES["nano-48"]
    root = tmp_path_factory.mktemp("curated")
    data = DataFolder(root / "data")
    data.clips.mkdir(parents=True)
    rows = []
    for number in range(CLIPS):
        rng = np.random.default_rng([3, number])
        take = draw_take(rng, list(KINDS)[number % len(KINDS)], geometry.duration_s)
        path = data.clips / f"{number:016x}.mp4"
        frames = render_frames(take, geometry.fps, geometry.frames, 48)
        sound = render_sound(take, geometry.audio_rate_hz, geometry.audio_samples)
        write_media(path, frames, geometry.fps, sound, geometry.audio_rate_hz)
        rows.append(
            {
                "clip_id": path.stem,
                "window_id": path.stem,
                "source_id": path.stem,
                "path": path.name,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
                "width_px": 48,
                "height_px": 48,
                "orientation": "square",
                "frames": geometry.frames,
                "fps": float(geometry.fps),
                "audio_rate_hz": geometry.audio_rate_hz,
                "audio_samples": geometry.audio_samples,
                "split": "validation" if number % 10 == 5 else "train",
            }
        )
    write_table(data.table("clips"), "clips", rows)
    last = rows[-1]["clip_id"]
    verdicts = [
        {"clip_id": row["clip_id"], "verdict": "accepted", "phases": ["phase1"], "rejections": {}} for row in rows[:-1]
    ]
    silent = {"clip_id": last, "verdict": "rejected", "phases": [], "rejections": {"silence_ratio": "silent"}}
    write_table(data.table("verdicts"), "verdicts", [*verdicts, silent])
    captions = [
        {
            "clip_id": row["clip_id"],
            "visual": f"A {list(KINDS)[number % len(KINDS)]} bounces.",
            "sound": "It knocks." if number % 2 else None,
            "merged": f"A {list(KINDS)[number % len(KINDS)]} bounces and knocks.",
            "kind": "template",
            "language": "en",
        }
        for number, row in enumerate(rows[:-1])
    ]
    write_table(data.table("captions"), "captions", captions)
    return root


@pytest.fixture
def curated(curated_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """A copy of its own, from whose folder the test runs."""
    shutil.copytree(curated_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return DataFolder(Path("data"))
