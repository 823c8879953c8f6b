"""What curation costs beside the decoding that it cannot do without, and what a second worker brings."""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Row, ratio
from mova_core.curation.engine import Engine
from mova_core.curation.ingest import ingest
from mova_core.curation.layout import DataFolder
from mova_core.curation.segment import Source, segment, segment_source
from mova_core.media.decode import decode
from mova_core.media.made_footage import make_footage
from mova_core.params import Params

CLIPS = 60


def rows() -> list[Row]:
    """Measure all of them."""
    with tempfile.TemporaryDirectory() as folder:
        footage = Path(folder) / "footage"
        make_footage(footage, clips=CLIPS, seed=1)
        return [_segment(footage), _two_workers(footage, Path(folder)), _help()]


def _segment(footage: Path) -> Row:
    path = max(footage.glob("bouncing-*.mp4"), key=lambda path: path.stat().st_size)
    source = Source("0" * 64, path, Params().segment)

    def bare() -> None:
        for piece in decode(path, audio_rate_hz=16_000):
            del piece

    return ratio(
        "curation.segment",
        lambda: segment_source(source),
        bare,
        against="one strict decode of the same file, picture and sound",
        better="lower",
    )


def _two_workers(footage: Path, folder: Path) -> Row:
    runs = iter(range(1_000_000))

    def with_workers(workers: int) -> None:
        data = DataFolder(folder / f"data-{next(runs)}")  # parts of its own: nothing is taken over
        engine = Engine(workers=workers)
        ingest(Params(), footage, data, engine, data.root / "parts")
        segment(Params(), footage, data, engine, data.root / "parts")

    return ratio(
        "curation.one_worker",
        lambda: with_workers(1),
        lambda: with_workers(2),
        against="two workers, ingest and segment, start of the workers included",
        better="higher",
        repeats=3,
    )


def _help() -> Row:
    mova = Path(sys.executable).parent / "mova"
    return ratio(
        "curation.help",
        lambda: subprocess.run([mova, "--help"], stdout=subprocess.DEVNULL, check=True),
        lambda: subprocess.run([sys.executable, "-c", "import typer"], check=True),
        against="python -c 'import typer'",
        better="lower",
    )
