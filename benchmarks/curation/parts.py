"""What curation costs: beside the decoding it cannot do without, beside separate tools, on workers, in memory.

Each part can be run by itself, as `python -m benchmarks curation.tools`.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import av

from benchmarks.curation import against_tools, contracts, engines, long_source
from benchmarks.measure import Row, ratio
from mova_core.curation.segment.stage import Source, segment_source
from mova_core.params import Params
from mova_core.synthetic.footage import make_footage

CLIPS = 60


def decoding() -> list[Row]:
    """`segment` of one synthetic file over decoding it with PyAV."""
    with tempfile.TemporaryDirectory() as folder:
        footage = Path(folder) / "footage"
        make_footage(footage, clips=CLIPS, seed=1)
        path = max(footage.glob("bouncing-*.mp4"), key=lambda path: path.stat().st_size)
        source = Source("0" * 64, path, Params().segment)

        def bare() -> None:
            with av.open(str(path)) as container:
                for frame in container.decode(container.streams.video[0], container.streams.audio[0]):
                    del frame

        made = ratio(
            "curation.segment",
            lambda: segment_source(source),
            bare,
            against="PyAV alone decoding video and audio of the same file",
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
