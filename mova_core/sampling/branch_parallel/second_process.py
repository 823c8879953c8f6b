"""A process beside this one that divides guidance branches with it, and ends with it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist

from mova_core.child_process import end_with_parent
from mova_core.errors import MovaError
from mova_core.sampling.branch_parallel.processes import BranchParallel, OtherProcessLost

PATIENCE = timedelta(days=1)  # with a process that decodes meanwhile: one that has died is noticed without it
ENDS_WITHIN_S = 10


@contextmanager
def second_process(work: Callable[..., object], *arguments: Any) -> Iterator[BranchParallel]:
    """Within, `work(parallel, *arguments)` runs in a process of its own.

    Args:
        work: a function of a module; it returns when it is told None.
        arguments: of it, such as can be pickled.

    Raises:
        MovaError: the second process has failed, with its error.
    """
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    context = get_context("spawn")
    with TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        words, speak = context.Pipe(duplex=False)
        threads = torch.get_num_threads()  # as many: their number may change the last bits
        process = context.Process(target=_second, args=(speak, meeting, threads, work, arguments), daemon=True)
        process.start()
        speak.close()
        try:
            if (failure := _next_word(words, process)) is not None:
                raise failure
            with _joined(meeting, rank=0) as parallel:
                yield parallel
                parallel.tell(None)
            process.join(ENDS_WITHIN_S)
        except OtherProcessLost as lost:
            raise (_next_word(words, process) if words.poll(ENDS_WITHIN_S) else None) or lost from None
        finally:
            process.kill()
            process.join()


def _second(
    speak: Connection, meeting: Path, threads: int, work: Callable[..., object], arguments: Sequence[Any]
) -> None:
    """The second process, from start to end: says None once it can be met, and an error if it has one."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to both, and the first one ends this one
    torch.set_num_threads(threads)
    try:
        speak.send(None)
        with _joined(meeting, rank=1) as parallel:
            work(parallel, *arguments)
    except MovaError as error:
        speak.send(error)
        sys.exit(1)
    except Exception as error:
        speak.send(MovaError(f"the second process of the guidance failed: {type(error).__name__}: {error}"))
        sys.exit(1)


def _next_word(words: Connection, process: BaseProcess) -> MovaError | None:
    """What the second process says: None that it can be met, or why it has ended."""
    try:
        word: MovaError | None = words.recv()
    except EOFError:
        process.join()
        code = process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        return MovaError(f"the second process of the guidance {how}")
    return word


@contextmanager
def _joined(meeting: Path, rank: int) -> Iterator[BranchParallel]:
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2, timeout=PATIENCE)
    group = dist.group.WORLD
    assert group is not None  # as long as a process group is there
    try:
        yield BranchParallel(group)
    finally:
        dist.destroy_process_group()
