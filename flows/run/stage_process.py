"""The child process that runs DVC stages, one a line of stdin, and answers a line of JSON on a pipe of its own.

DVC costs about a second to import and to read its graph: paid once here, not once a stage. What the stages print goes
to stdout and stderr untouched. The process leads a group of its own with everything the stages start, and the group
ends with it: when stdin closes (the flow has finished, was cancelled, or was killed outright), the running command gets
SIGTERM, then SIGKILL. DVC itself is spared the SIGTERM, so that it never dies while writing dvc.lock.

Run by `flows.run.stage_runner`, as `python -m flows.run.stage_process ANSWER_FD`.
"""

import importlib
import json
import logging
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

GRACE_S = 10.0


def main(answer_fd: int) -> None:
    """Do the jobs of stdin until it closes, then end the whole group."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    jobs = _jobs()
    importlib.import_module("dvc.repo")  # before the first job asks for it
    try:
        with open(answer_fd, "w", encoding="utf-8") as answers:
            os.set_inheritable(answer_fd, False)
            for job in jobs:
                answers.write(json.dumps(_answer(job)) + "\n")
                answers.flush()
    except BrokenPipeError:
        pass  # the flow is gone, so is the reader of answers
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
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


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    if "command" in job:
        return {"ran": True, "exit_code": subprocess.run(job["command"], check=False).returncode, "error": None}
    return _ask_dvc(job)


def _ask_dvc(job: dict[str, Any]) -> dict[str, Any]:
    """Whether DVC had to do anything, the exit code of the stage's command, and DVC's own complaint if it has one."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    try:
        with Repo() as repo:
            done = repo.reproduce(job["stage"], single_item=True) if "stage" in job else repo.add([job["add"]])
            return {"ran": bool(done), "exit_code": 0, "error": None}
    except DvcException as error:
        reasons = list(_reasons(error))
        for reason in reasons:
            if ended := re.search(r"exited with (-?\d+)$", reason):  # DVC keeps the code in the message alone
                return {"ran": True, "exit_code": int(ended[1]), "error": None}
        return {"ran": True, "exit_code": 1, "error": f"DVC: {': '.join(reasons)}"}


def _reasons(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__


if __name__ == "__main__":
    main(int(sys.argv[1]))
