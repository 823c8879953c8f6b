"""What the engine calls in a worker to know the most memory that the worker held: a stage's own work, then the peak."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mova_core.curation.cut.source_clips import SourceTask
    from mova_core.curation.segment.stage import Source

# Each stage is imported by its own worker alone, as in the stage itself.


def peak_of_segment(source: "Source") -> float:
    """MiB of a worker of `segment` that has worked on one source."""
    from mova_core.curation.segment.stage import segment_source

    segment_source(source)
    return _peak_mib()


def peak_of_cut(task: "SourceTask") -> float:
    """MiB of a worker of `cut` that has worked on one source."""
    from mova_core.curation.cut.source_clips import cut_source

    cut_source(task)
    return _peak_mib()


def _peak_mib() -> float:
    """Of this process, not of those that it came from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
