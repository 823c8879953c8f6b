"""Memory of a worker: a source of two hours, made by looping a short one, beside the short one itself.

A worker decodes a source once while it streams by, so what it holds must not grow with the length. It is a worker of
the local engine, with what that preloads for the stage.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import av

from benchmarks.curation import footage_project
from benchmarks.curation.footage_project import MEDIA, Project
from benchmarks.curation.worker_memory import peak_of_cut, peak_of_segment
from benchmarks.measure import Row, row
from mova_core.curation.cut import stage as cut_stage
from mova_core.curation.cut.source_clips import SourceTask
from mova_core.curation.cut.stage import read_tables, source_tasks
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.segment import stage as segment_stage
from mova_core.curation.segment.stage import Source
from mova_core.params import Limits
from mova_core.storage.hashing import sha256_file

SHORT = MEDIA / "derived/edited-sequence-known-cuts-720p-30fps-51s.mp4"
LONG_S = 2 * 3600.0
MEMORY_TARGET_MIB = 300.0
GROWTH_TARGET = 1.25  # of the worker's peak, from the short source to the one of two hours
STAGES = ("segment", "cut")
PATIENT = Limits(seconds_per_file=6 * 3600)  # a busy machine may take hours over two hours of footage
GAP_S = 0.1  # between one turn and the next: packets may begin a little before a file's start


def rows() -> list[Row]:
    """Peaks of both stages on both sources, and how they grow; no row where the footage is not here."""
    if reason := footage_project.why_not():
        print(reason)
        return []
    with tempfile.TemporaryDirectory() as folder:
        project = Project.with_files(Path(folder) / "project", [SHORT])
        for stage in ("ingest", "segment"):
            project.run(stage)
        long = Path(folder) / "long.mp4"
        loop(SHORT, long, LONG_S)
        with ThreadPoolExecutor(2) as pool:  # memory does not mind the company
            short_peaks, long_peaks = (
                list(pool.map(lambda stage: _peak_mib(stage, project, path, length_s), STAGES))  # noqa: B023
                for path, length_s in ((SHORT, length_of(SHORT)), (long, LONG_S))
            )
    made = []
    for stage, short_mib, long_mib in zip(STAGES, short_peaks, long_peaks, strict=True):
        against = f"{length_of(SHORT):.0f} s of the same footage ({short_mib:.0f} MiB); 720p, one worker of {stage}"
        made += [
            row(
                f"curation.{stage}_memory",
                [long_mib],
                against=against,
                better="lower",
                unit="MiB for 2 h",
                target=MEMORY_TARGET_MIB,
            ),
            row(f"curation.{stage}_memory_growth", [long_mib / short_mib], against=against, better="lower"),
        ]
    return [replace(each, target=GROWTH_TARGET) if each.unit == "ratio" else each for each in made]


def loop(source: Path, target: Path, length_s: float) -> None:
    """Write `source` again and again behind itself, packets as they are, until it lasts `length_s`."""
    with av.open(str(target), "w") as output:
        streams = None
        for turn in count():
            with av.open(str(source)) as container:
                inputs = [container.streams.video[0], container.streams.audio[0]]
                streams = streams or [output.add_stream_from_template(stream) for stream in inputs]
                shift_s = turn * (container.duration / av.time_base + GAP_S)
                if shift_s >= length_s:
                    return
                for packet in container.demux(inputs):
                    if packet.dts is None:
                        continue
                    shift = round(shift_s / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[inputs.index(packet.stream)]
                    output.mux(packet)


def length_of(path: Path) -> float:
    """Seconds, as the container has it."""
    with av.open(str(path)) as container:
        return container.duration / av.time_base


def windows_along(task: SourceTask, length_s: float) -> Iterator[object]:
    """The task's first windows moved to the start, the middle and the end of `length_s`."""
    window_s = task.geometry.duration_s
    for number, start_s in enumerate((0.0, length_s / 2, length_s - 2 * window_s)):
        yield replace(task.windows[0], window_id=f"{number:016}", start_s=start_s, end_s=start_s + window_s)


def peak_mib(stage: str, project: Project, path: Path, length_s: float) -> float:
    """Of a worker of the engine that does with `path`, the project's only source again and again, what `stage` does.

    Raises:
        RuntimeError: the worker could not do it.
    """
    source_id, params = sha256_file(path), project.params
    with tempfile.TemporaryDirectory() as parts:
        if stage == "segment":
            work: list[Any] = [peak_of_segment, Source(source_id, path, params.segment), segment_stage.PRELOAD]
        else:
            (task,) = source_tasks(params, project.footage, read_tables(project.data), Path(parts))
            windows = tuple(windows_along(task, length_s))
            work = [peak_of_cut, replace(task, path=path, source_id=source_id, windows=windows), cut_stage.PRELOAD]
        function, item, preload = work
        (result,) = run(function, [item], engine=Engine(), limits=PATIENT, preload=preload)
    if result.failed:
        raise RuntimeError(f"{stage}: {result.reason}")
    return float(result.value)


def _peak_mib(stage: str, project: Project, path: Path, length_s: float) -> float:
    """In a process of its own: the workers of one process share what they preload."""
    command = [sys.executable, "-m", "benchmarks.curation.long_source", stage, str(project.root), str(path)]
    return float(subprocess.run([*command, str(length_s)], check=True, stdout=subprocess.PIPE).stdout)


if __name__ == "__main__":
    stage, root, path, length_s = sys.argv[1:]
    print(peak_mib(stage, Project(Path(root)), Path(path), float(length_s)))
