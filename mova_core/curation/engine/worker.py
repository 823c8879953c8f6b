"""What happens inside a worker: one item tried under limits, every ending turned into a `TaskResult`."""

import logging
import os
import pickle
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pebble import CONSTS

from mova_core.child_process import end_with_parent
from mova_core.errors import DiskFull, MediaError, MovaError, StaleError
from mova_core.params import Limits

log = logging.getLogger(__name__)

ANSWER_MB = 16  # MiB, the largest value an item may have: rows about a file; what is larger is written by its worker
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ONE_THREAD = dict.fromkeys(THREAD_VARIABLES, "1")
"""Environment that workers start in: parallelism comes from workers, and one thread gives the same bytes everywhere."""

STOPS: dict[str, type[MovaError]] = {"disk_full": DiskFull, "stale": StaleError}
"""What is no fault of an item, by reason code: the run must stop."""

LOCK_S = 10.0
"""A worker killed while it holds its pool's lock holds it for ever; those that wait longer end, and are replaced."""


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What became of one item: a value, or a reason why there is none."""

    value: Any = None
    reason_code: str | None = None
    reason: str | None = None

    @property
    def failed(self) -> bool:
        return self.reason_code is not None

    @property
    def ended_its_worker(self) -> bool:
        """It crashed, or ate the memory. Once may be the fault of a full machine, twice is its own."""
        return self.reason_code in ("worker_died", "memory_limit")

    def check(self) -> None:
        """Raise what stops the run, if this is that."""
        if self.reason_code in STOPS:
            raise STOPS[self.reason_code](self.reason)

    def second(self) -> "TaskResult":
        """This as the answer to a second try, after which there is no other."""
        return replace(self, reason=f"{self.reason}; tried twice") if self.ended_its_worker else self

    @classmethod
    def over_time(cls, seconds: float) -> "TaskResult":
        """The worker was stopped at the time limit."""
        where = "params limits.seconds_per_file and seconds_per_minute, or seconds in section engine"
        return cls(None, "time_limit", f"took more than {seconds:g} s ({where})")

    @classmethod
    def over_memory(cls, limits: Limits) -> "TaskResult":
        """The worker ran into the memory limit."""
        where = "params limits.memory_mb, or memory_mb in section engine"
        return cls(None, "memory_limit", f"needed more than {limits.memory_mb} MiB ({where})")

    @classmethod
    def died(cls, how: str) -> "TaskResult":
        """The worker process ended without an answer."""
        return cls(None, "worker_died", f"its worker process died ({how})")


@dataclass(frozen=True, slots=True)
class LimitedCall:
    """A function with its limits and its number of threads, to be called in a worker."""

    function: Callable[[Any], Any]
    limits: Limits
    threads: int = 1

    def seconds_for(self, item: Any) -> float:
        """How long an item may take: longer, the longer its footage lasts (`duration_s`, if it has that)."""
        minutes = getattr(item, "duration_s", 0.0) / 60
        return self.limits.seconds_per_file + self.limits.seconds_per_minute * minutes

    def __call__(self, item: Any) -> TaskResult:
        try:
            value = self.function(item)
            size = len(pickle.dumps(value))
        except MediaError as error:
            return TaskResult(None, error.code, error.reason)
        except tuple(STOPS.values()) as error:
            code = next(code for code, kind in STOPS.items() if isinstance(error, kind))
            return TaskResult(None, code, str(error))
        except MemoryError:
            return TaskResult.over_memory(self.limits)
        except Exception as error:  # the worker's edge: one bad item must not stop the others
            log.exception("unexpected error on %r", item)
            return TaskResult(None, "unexpected_error", f"{type(error).__name__}: {' '.join(str(error).split())}")
        if size > ANSWER_MB * 2**20:
            told = f"what was found in it has {size / 2**20:.1f} MiB, expected {ANSWER_MB} at most"
            return TaskResult(None, "answer_too_large", told)
        return TaskResult(value)


def call_pickled(pickled: bytes) -> TaskResult:
    """Try an item that a Ray task hands on pickled, so that what the step imports is imported here, and Ray is not."""
    call, item = pickle.loads(pickled)
    result: TaskResult = call(item)
    return result


def prepare_worker(limits: Limits, threads: int) -> None:
    """Bound this process's memory and threads, and let it die with its parent."""
    CONSTS.channel_lock_timeout = LOCK_S
    size = limits.memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (size, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(threads)
    end_with_parent()
