"""The child process that asks DVC and runs its stages: a job of JSON a line of stdin, done one after another.

DVC costs about a second to import: paid once here, not once a stage. What a stage prints goes to stdout and stderr
untouched. When a job is done, a line of JSON (END and what `_do` returns) follows on both, so that whoever reads them
has read all that came before.

The process leads a group of its own with everything the stages start, and the group ends with it: when stdin closes
(the flow has finished, was cancelled, or was killed outright), the running command gets SIGTERM, then SIGKILL. DVC
itself is spared the SIGTERM, so that it never dies while writing dvc.lock.

Run by `flows.run.stages.runner`, as `python -m flows.run.stages.process`.
"""

import importlib
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows.run.stages import remote
from flows.run.stages.plan import plan
from flows.run.stages.unpushed import note_pushed, note_unpushed
from mova_core.errors import MovaError
from mova_core.json_events import Error, Log, Summary, as_line

GRACE_S = 10.0
END = '{"job_end":'  # how the line starts that ends a job


def main() -> None:
    """Do the jobs of stdin until it closes, then end the whole group."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    jobs = _jobs()
    importlib.import_module("dvc.repo")  # before the first job asks for it
    logging.getLogger("dvc").setLevel(logging.WARNING)  # the import has set another
    try:
        for job in jobs:
            line = f"\n{END} {json.dumps(_do(job))}}}\n"  # on a line of its own, whatever was printed last
            for stream in (sys.stdout, sys.stderr):
                stream.write(line)
                stream.flush()
    except BrokenPipeError:
        pass  # the flow is gone
    finally:
        os.killpg(0, signal.SIGKILL)


def _jobs() -> Iterator[dict[str, Any]]:
    """Jobs as they come in; from now on stdin of this process and its children is empty."""
    source = os.fdopen(os.dup(0), encoding="utf-8")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    waiting: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_listen, args=(source, waiting.put), daemon=True).start()
    while (line := waiting.get()) is not None:
        yield json.loads(line)


def _listen(source: Iterator[str], put: Callable[[str | None], None]) -> None:
    for line in source:
        put(line)
    put(None)
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_S)
    os.killpg(0, signal.SIGKILL)


def _do(job: dict[str, Any]) -> dict[str, bool]:
    """Do one job; whether there was anything to do, and whether it was completed.

    Args:
        job: {"command": [...]}, {"plan": until}, {"stage": name}, {"add": path}, {"push": stages that passed their
            gates} or {"pull": true}.
    """
    try:
        if "command" in job:
            return {"ran": True, "completed": subprocess.run(job["command"], check=False).returncode == 0}
        if "plan" in job:
            print(as_line(Summary("", {"stages": [asdict(stage) for stage in plan(job["plan"])]})))
            return {"ran": True, "completed": True}
        if "push" in job or "pull" in job:
            done = remote.push(job["push"], _tell) if "push" in job else remote.pull(_tell)
            print(as_line(Summary(done)))
            return {"ran": bool(done), "completed": True}
        return _ask_dvc(job)
    except (MovaError, OSError) as error:
        print(as_line(Error(str(error), getattr(error, "exit_code", 1), type(error).__name__)))
        return {"ran": True, "completed": False}


def _tell(sentence: str) -> None:
    print(as_line(Log("info", sentence)), flush=True)


def _ask_dvc(job: dict[str, Any]) -> dict[str, bool]:
    """`dvc repro --single-item STAGE`, or `dvc add PATH`; what it makes is noted as not pushed yet.

    Raises:
        MovaError: DVC itself has something to complain of; a stage that fails says so in its own words.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.stage.exceptions import StageCmdFailedError

    target = job["stage"] if "stage" in job else f"{job['add']}{remote.DVC_FILE}"
    is_new = note_unpushed(target)
    try:
        with Repo() as repo:
            done = _add(repo, Path(job["add"])) if "add" in job else bool(repo.reproduce(target, single_item=True))
        if is_new and not done:
            note_pushed([target])
        return {"ran": done, "completed": True}
    except DvcException as error:
        reasons = list(_reasons(error))
        if any(isinstance(reason, StageCmdFailedError) for reason in reasons):
            return {"ran": True, "completed": False}
        raise MovaError(f"DVC: {', '.join(str(reason) for reason in reasons)}") from None


def _add(repo: Any, path: Path) -> bool:
    """`dvc add PATH`; whether that changed what DVC knows of it."""
    file = path.with_name(f"{path.name}{remote.DVC_FILE}")
    before = file.read_bytes() if file.exists() else None
    repo.add([str(path)])
    return file.read_bytes() != before


def _reasons(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


if __name__ == "__main__":
    main()
