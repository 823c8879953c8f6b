"""What curation costs: beside the decoding it cannot do without, beside separate tools, on workers, in memory.

Each part can be run by itself, as `python -m benchmarks curation.tools`.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import against_tools, contracts, engines, long_source
from benchmarks.measure import Row, ratio
from mova_core.curation.segment.stage import Source, segment_source
from mova_core.media.decode import decode
from mova_core.params import Params
from mova_core.synthetic.footage import make_footage

CLIPS = 60


def decoding() -> list[Row]:
    """`segment` of one made file over decoding it."""
    with tempfile.TemporaryDirectory() as folder:
        footage = Path(folder) / "footage"
        make_footage(footage, clips=CLIPS, seed=1)
        path = max(footage.glob("bouncing-*.mp4"), key=lambda path: path.stat().st_size)
        source = Source("0" * 64, path, Params().segment)

        def bare() -> None:
            for piece in decode(path, audio_rate_hz=16_000):
                del piece

        made = ratio(
            "curation.segment",
            lambda: segment_source(source),
            bare,
            against="one strict decode of the same file, picture and sound",
            better="lower",
        )
    return [made]


def start() -> list[Row]:
    """What `mova --help` takes."""
    mova = Path(sys.executable).parent / "mova"
    made = ratio(
        "curation.help",
        lambda: subprocess.run([mova, "--help"], stdout=subprocess.DEVNULL, check=True),
        lambda: subprocess.run([sys.executable, "-c", "import typer"], check=True),
        against="python -c 'import typer'",
        better="lower",
    )
    return [made]


PARTS: dict[str, Callable[[], list[Row]]] = {
    "decoding": decoding,
    "start": start,
    "tools": against_tools.rows,
    "workers": engines.workers,
    "ray": engines.ray,
    "memory": long_source.rows,
    "contracts": contracts.rows,
}
