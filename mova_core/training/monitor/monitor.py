"""Watches one run in its first process: figures every few steps, on the screen and in TensorBoard's files.

All comes from records that the loop has on the processor anyway, so nothing here waits for a device.
"""

from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mova_core.json_events import Progress
from mova_core.training.monitor.device import memory_bytes, peak_flops
from mova_core.training.monitor.display import Display
from mova_core.training.monitor.event_files import EventFiles
from mova_core.training.monitor.figures import Meter, Record
from mova_core.training.monitor.profile import StepProfiler
from mova_core.training.monitor.watched import Watched

if TYPE_CHECKING:
    from mova_core.training.monitor.samples import SampleClips


class Monitor(AbstractContextManager["Monitor"]):
    """Of one run.

    Args:
        watched: the run.
        folder: of the run.
        records: of the curves, those of the steps done before.
        device: of this process.
    """

    def __init__(self, watched: Watched, folder: Path, records: Iterable[Record], device: torch.device) -> None:
        params, work, records = watched.params.train, watched.work, list(records)
        self._every, self._label = params.monitor.log_every, f"train@{work.phase}"
        self._steps, self._timed = work.steps, 0
        before = len(records) % self._every if self._every else 0
        self._records: deque[Record] = deque(records[len(records) - before :])
        peak = partial(peak_flops, device, params)
        self._meter = Meter(work, work.steps, peak, watched.waited_s, partial(memory_bytes, device))
        with ExitStack() as opened:
            self._display = opened.enter_context(Display())
            self._files = opened.enter_context(EventFiles(folder, len(records)))
            self._profiler = None
            if watched.profile:
                self._profiler = opened.enter_context(StepProfiler(watched.profile, folder, device.type))
            self._opened = opened.pop_all()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._opened.close()

    def note(self, record: Record) -> None:
        """Take in the record of a step, as the curves hold it."""
        done, figures = record["step"] + 1, {}  # of most steps there are none
        if self._every:
            self._records.append(record)
            self._timed += 1
            if done % self._every == 0 or done == self._steps:
                figures = self._figures(done)
        if self._profiler is not None:
            self._profiler.step()
        self._display.show(Progress(self._label, done, self._steps, figures))

    def _figures(self, done: int) -> dict[str, Any]:
        figures = self._meter.figures(self._records, self._timed)
        validation = {each["step"] + 1: each["validation"] for each in self._records if each.get("validation")}
        self._files.write(done, figures, validation)
        self._records.clear()
        self._timed = 0
        return asdict(figures)


def open_samples(
    watched: Watched, average: nn.Module, device: torch.device, run: Path, run_id: str
) -> "SampleClips | None":
    """What makes clips of the averaged weights while a run trains, in every process; None where none are asked for."""
    if not watched.params.train.monitor.samples.every or not watched.phase.joint:
        return None
    from mova_core.training.monitor.samples import SampleClips  # takes most of a second

    return SampleClips(watched, average, device, run, run_id)
