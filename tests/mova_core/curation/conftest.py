"""A small curated folder: stored clips with verdicts and captions, as the stages before the codecs leave them; and a
little footage to segment and cut.
"""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mova_core.curation.engine.base import Engine
from mova_core.curation.tables import write_table
from mova_core.geometry import GEOMETRIES
from mova_core.media.encode import write_media
from mova_core.params import FitCodecParams, Params
from mova_core.places import DataFolder
from mova_core.storage.hashing import sha256_file
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames

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
        audio = render_audio(take, geometry.audio_rate_hz, geometry.audio_samples)
        write_media(path, frames, geometry.fps, audio, geometry.audio_rate_hz)
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
                "filled_s": 0.0,
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


@pytest.fixture(scope="session")
def codec_once(curated_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a codec fitted on those clips."""
    from mova_core.curation.fit_codec.stage import fit_codec

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("codec"))
        data = DataFolder(curated_once / "data")
        fit_codec(Params(fit_codec=FitCodecParams(clips=16)), data)
        return data.codec.resolve()


@pytest.fixture(scope="session")
def small_footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six files of three seconds, two cut in the middle, and one that is damaged."""
    folder = tmp_path_factory.mktemp("small") / "footage"
    folder.mkdir()
    for number in range(6):
        rng = np.random.default_rng([4, number])
        first, second = (draw_take(rng, list(KINDS)[(number + step) % len(KINDS)], 3.0) for step in (0, 1))
        frames = [*render_frames(first, 24, 72, 48)]
        if number % 3 == 1:
            frames[36:] = [*render_frames(second, 24, 36, 48)]
        write_media(folder / f"{number}.mp4", frames, Fraction(24), render_audio(first, 16_000, 48_000), 16_000)
    damaged = bytearray((folder / "0.mp4").read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 2000] = rng.bytes(2000)
    (folder / "damaged.mp4").write_bytes(damaged)
    return folder


@pytest.fixture(scope="session")
def write_sources() -> Callable[..., DataFolder]:
    """Function that writes table `sources` under a root as the stage before `segment` leaves it, all accepted."""

    def write(footage: Path, root: Path, names: Sequence[str] | None = None) -> DataFolder:
        data = DataFolder(root / "data")
        about = {"verdict": "accepted", "kind": "video", "rotation_deg": 0, "hflip": False, "display_aspect": 1.0}
        about |= {"width_px": 48, "height_px": 48, "duration_s": 3.0}
        files = sorted(footage.iterdir() if names is None else [footage / name for name in names])
        rows = [{"source_id": sha256_file(path), "path": path.name, **about} for path in files]
        write_table(data.table("sources"), "sources", rows)
        return data

    return write


@pytest.fixture(scope="session")
def segment_small(
    write_sources: Callable[..., DataFolder],
) -> Callable[[Path, Path, Engine], dict[str, bytes]]:
    """Function that runs `segment` on a folder with the tables and parts under a root; the tables' bytes by name."""
    from mova_core.curation.segment.stage import segment

    def run(footage: Path, root: Path, engine: Engine) -> dict[str, bytes]:
        data = write_sources(footage, root)
        segment(Params(), footage, data, engine, root / "result_cache")
        made = (*(data.table(name) for name in ("segments", "windows", "near_duplicates")), data.rejects("segment"))
        return {path.name: path.read_bytes() for path in made}

    return run
