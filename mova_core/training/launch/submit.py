"""A cluster's own tools run a job: submitted, its log followed, ended with this process."""

import os
import shutil
import signal
import subprocess
from types import FrameType
from typing import Any, NoReturn

from mova_core.errors import MovaError, UsageError
from mova_core.training.launch.spec import Job


def run_job(job: Job) -> dict[str, Any]:
    """Run a job to its end; a SIGTERM or Ctrl-C on the way cancels it.

    Raises:
        UsageError: the tool is not installed here.
        MovaError: one of its commands failed; it has said why.
    """
    tool = job.run[0][0]
    if shutil.which(tool) is None:
        raise UsageError(f"{tool} is not installed here: run this where it is, or print the job with --dry-run")
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        for command in job.run:
            code = subprocess.run(command, input=job.manifest, text=True, check=False).returncode
            if code:
                raise MovaError(f"`{' '.join(command[:3])}` exited with {code}: the training did not end well")
    except (KeyboardInterrupt, SystemExit):
        subprocess.run(job.cancel, check=False)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    return {"text": f"the job has ended: {os.path.basename(tool)} says well"}


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
