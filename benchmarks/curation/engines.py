"""What a second worker brings, and what Ray costs: the same work on the same footage, by the clock.

Both need a machine with two processors that does nothing else.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.curation import footage_project
from benchmarks.curation.footage_project import Project
from benchmarks.measure import Row, row
from benchmarks.spent import Spent, spent
from mova_core.curation.engine.worker import ONE_THREAD

REPEATS = 2
WORKERS = 2
SCALING_TARGET = 1.7
RAY_TARGET = 1.15  # Ray's time over that of the local engine
LEAST_WORK_S = 300.0  # seconds of processor of one run
STAGES = ("ingest", "segment", "cut")
ENGINES = ("ray", "local")


def workers() -> list[Row]:
    """One worker over two, all stages up to the clips, the start of each stage included."""
    if reason := _why_not():
        print(reason)
        return []
    with tempfile.TemporaryDirectory() as folder:
        project = Project.with_media(Path(folder) / "project")
        pairs = [(_all_stages(project, 1), _all_stages(project, WORKERS)) for _ in range(REPEATS)]
    ratios = [one.wall_s / two.wall_s for one, two in pairs]
    against = f"two workers; ingest, segment and cut of {pairs[0][0].cpu_s:.0f} CPU seconds, starts included"
    return [row("curation.one_worker_over_two", ratios, against=against, better="higher", target=SCALING_TARGET)]


def ray() -> list[Row]:
    """Ray over the local engine at two workers each."""
    if reason := _why_not():
        print(reason)
        return []
    with tempfile.TemporaryDirectory() as folder:
        project = Project.with_media(Path(folder) / "project")
        for stage in STAGES:
            once = project.run(stage)
        times = int(LEAST_WORK_S // once.cpu_s) + 1
        runs = [{name: _seconds(name, times, project, Path(folder)) for name in ENGINES} for _ in range(REPEATS)]
    against = f"the local engine, {WORKERS} workers each, {times * once.cpu_s:.0f} CPU seconds of cutting, starts apart"
    ratios = [run["ray"] / run["local"] for run in runs]
    return [row("curation.ray_over_local", ratios, against=against, better="lower", target=RAY_TARGET)]


def _why_not() -> str | None:
    processors = len(os.sched_getaffinity(0))
    if processors < WORKERS:
        return f"{processors} processor is here, so workers are not compared: it takes {WORKERS}"
    return footage_project.why_not()


def _all_stages(project: Project, workers: int) -> Spent:
    project.forget()
    return sum((project.run(stage, workers) for stage in STAGES), Spent())


def _seconds(engine: str, times: int, project: Project, folder: Path) -> float:
    """By the clock: Ray's own process lets nobody count the CPU seconds of its workers."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        out = Path(own) / "seconds.json"
        module = (sys.executable, "-m", "benchmarks.curation.engine_work")
        spent([*module, engine, str(WORKERS), str(times), project.root, out], env=ONE_THREAD)
        seconds: float = json.loads(out.read_text(encoding="utf-8"))
        return seconds
