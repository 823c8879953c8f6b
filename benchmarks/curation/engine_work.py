"""`python -m benchmarks.curation.engine_work ENGINE WORKERS TIMES PROJECT OUT`: a project cut so many times over.

What an engine needs to start is set apart: every worker is first given something trivial to do, and OUT tells how long
the rest took, by the clock.
"""

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.curation.footage_project import Project
from mova_core.curation.cut.source_clips import SourceTask, cut_source
from mova_core.curation.cut.stage import PRELOAD, read_tables, source_tasks
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run

WARM_UP_S = 1.0  # long enough that no worker takes two of them


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Nothing but time, while the other workers start."""


def work(item: SourceTask | WarmUp) -> None:
    """One item of a worker."""
    if isinstance(item, SourceTask):
        cut_source(item)
        return
    end = time.monotonic() + WARM_UP_S
    while time.monotonic() < end:
        pass


def main(engine: str, workers: int, times: int, project: Project, out: Path) -> None:
    """Do the work and write how long it took."""
    params = project.params
    parts = out.parent / f"{out.stem}-parts"
    tables = read_tables(project.data)
    tasks = [
        replace(task, parts_folder=parts / str(number))
        for number in range(times)
        for task in source_tasks(params, project.footage, tables, parts)
    ]
    for task in tasks:
        task.parts_folder.mkdir(parents=True, exist_ok=True)
    chosen = Engine.choose(engine, workers)
    task_results = run(work, [*[WarmUp()] * workers, *tasks], engine=chosen, limits=params.limits, preload=PRELOAD)
    for _ in range(workers):
        next(task_results)
    start = time.perf_counter()
    failed = [task_result for task_result in task_results if task_result.failed]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(tasks)} sources failed, the first: {failed[0].reason}")
    out.write_text(json.dumps(time.perf_counter() - start), encoding="utf-8")


if __name__ == "__main__":
    from benchmarks.curation import engine_work  # by its name: workers cannot find what `__main__` defines

    name, workers, times, root, out = sys.argv[1:]
    engine_work.main(name, int(workers), int(times), Project(Path(root)), Path(out))
