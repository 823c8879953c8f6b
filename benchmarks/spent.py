"""What a command costs: seconds of processor and the most memory, of it and of every process that it leaves behind.

Seconds of processor are robust to what else runs on the machine, seconds of a clock are not. A command is run under a
small process that adopts what it orphans (a fork server's workers), so nothing that it started goes uncounted; Ray is
the exception, whose own process drops the counts of its workers. Linux only.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile

PR_SET_CHILD_SUBREAPER = 36  # Linux prctl(2)


@dataclass(frozen=True, slots=True)
class Spent:
    """Of one command, or of several one after another.

    Args:
        cpu_s: seconds of processor, user and system.
        wall_s: seconds until the command itself ended.
        peak_mib: the most memory that one of its processes held.
    """

    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mib: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s, max(self.peak_mib, other.peak_mib))


def spent(command: Sequence[str | Path], folder: Path | None = None, env: Mapping[str, str] | None = None) -> Spent:
    """Run a command, in `folder` if given, with more environment if given.

    Raises:
        RuntimeError: it failed; the message ends in what it said last.
    """
    with TemporaryFile() as said:
        run = subprocess.run(
            [sys.executable, "-S", __file__, *map(str, command)],
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=said,
        )
        if run.returncode:
            said.seek(0)
            last = said.read().decode(errors="replace").strip()[-2000:]
            raise RuntimeError(f"{' '.join(map(str, command))} ended with {run.returncode}: {last}")
    return Spent(**json.loads(run.stdout))


def spent_by_all(commands: Sequence[Sequence[str | Path]], env: Mapping[str, str] | None = None) -> Spent:
    """Run commands one after another."""
    return sum((spent(command, env=env) for command in commands), Spent())


def _adopt_and_run(command: Sequence[str]) -> int:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    start = time.perf_counter()
    code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode
    wall_s = time.perf_counter() - start
    while True:
        try:
            os.wait()  # orphans that were handed to this process
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps(asdict(Spent(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss / 1024))))
    return code


if __name__ == "__main__":
    sys.exit(_adopt_and_run(sys.argv[1:]))
