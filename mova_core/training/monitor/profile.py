"""`mova train --profile N`: what N steps spend their time on, as a trace and as a table of operators.

The trace opens in chrome://tracing or ui.perfetto.dev. The threads of a step's micro-batches and their backward passes
are in it. Recording changes no weight.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from torch._C._profiler import _ExperimentalConfig
from torch.profiler import ProfilerActivity, profile, schedule

from mova_core.errors import UsageError
from mova_core.places import PROFILE
from mova_core.storage.atomic import atomic_path, write_text

WAIT, WARM_UP = 2, 1  # steps before: the first ones allocate memory, the profiler's own first step is slow
TRACE_FILE, TABLE_FILE = "trace.json", "operators.txt"
OPERATORS_SHOWN, NAME_WIDTH = 15, 40


def check_steps_to_profile(count: int, left: int, run: Path) -> None:
    """UsageError unless a run has so many steps left."""
    if count + WAIT + WARM_UP > left:
        raise UsageError(
            f"--profile asks for {count} steps after {WAIT + WARM_UP} to warm up, {run} has {left} left: expected "
            f"{max(0, left - WAIT - WARM_UP)} at most; a trial of its own (--out) has them all"
        )


class StepProfiler(AbstractContextManager["StepProfiler"]):
    """Records some steps of a run, once.

    Args:
        count: of the steps.
        run: the run's folder.
        device: `cpu` or `cuda`.
    """

    def __init__(self, count: int, run: Path, device: str) -> None:
        self._folder, self._device = run / PROFILE, device
        activities: Iterable[ProfilerActivity] = [ProfilerActivity.CPU]
        if device == "cuda":
            activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
        self._profile = profile(
            activities=activities,
            schedule=schedule(wait=WAIT, warmup=WARM_UP, active=count, repeat=1),
            on_trace_ready=self._write,
            experimental_config=_ExperimentalConfig(profile_all_threads=True),  # else this thread's alone
        )

    def __enter__(self) -> "StepProfiler":
        self._profile.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._profile.__exit__(kind, error, at)

    def step(self) -> None:
        """A step is done."""
        self._profile.step()

    def _write(self, recorded: Any) -> None:
        with atomic_path(self._folder / TRACE_FILE) as temporary:
            recorded.export_chrome_trace(str(temporary))
        by = "self_device_time_total" if self._device == "cuda" else "self_cpu_time_total"
        table = recorded.key_averages().table(sort_by=by, row_limit=OPERATORS_SHOWN, max_name_column_width=NAME_WIDTH)
        write_text(self._folder / TABLE_FILE, table)


def profile_summary(run: Path) -> dict[str, str]:
    """Of the profile that lies in a run's folder: `trace`, its path, and `operators`, the table."""
    folder = run / PROFILE
    return {"trace": str(folder / TRACE_FILE), "operators": (folder / TABLE_FILE).read_text(encoding="utf-8")}
