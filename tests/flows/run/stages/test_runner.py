"""A stage's child process: its events and its end reach the flow, and nothing of it outlives the flow."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from flows.run.stages.plan import plan
from flows.run.stages.runner import StageResult, StageRunner, WorkerLost
from mova_core.errors import ContractBroken, MovaError, UsageError
from mova_core.json_events import Event, Log, Progress, Summary

SLEEPER = """
(trap '' TERM; exec sleep 1000) &
echo $! > stubborn
echo $$ > pid
echo going
exec sleep 1000
"""
FLOW = """
from flows.run.stages.runner import StageRunner
with StageRunner() as runner:
    runner.run_stage("cut", lambda said: print(said, flush=True))
"""
KILL_WORKER = f"test -e once || {{ touch once; {sys.executable} -c 'import os; os.kill(os.getpgrp(), 9)'; }}\n"


def ignore(said: Event | str) -> None:
    """Show nothing."""


def write_cut(project: Path, commands: str) -> None:
    (project / "cut.sh").write_text(f"{commands}\n")


def is_gone(pid_file: Path) -> bool:
    """Whether a process has ended, or does so now."""
    try:
        process = psutil.Process(int(pid_file.read_text()))
        psutil.wait_procs([process], timeout=1 if process.status() == psutil.STATUS_ZOMBIE else 15)
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_events_and_results_come_through(project: Path) -> None:
    said: list[Event | str] = []
    with StageRunner() as runner:
        first = runner.run_stage("ingest", said.append)
        again = runner.run_stage("ingest", said.append)
    assert first == StageResult(ran=True, summary="2 files", values={})
    assert not again.ran
    progress = [Progress("ingest", 1, 2), Progress("ingest", 2, 2)]
    assert said == [*progress, Log("warning", "b.mp4 is dark"), Summary("2 files")]


def test_a_line_without_end_and_strange_bytes_come_through() -> None:
    said: list[Event | str] = []
    with StageRunner() as runner:
        runner.run_command(["printf", r"one\rtwo\n\n{\377"], said.append)
    assert said == ["one", "two", "{\N{REPLACEMENT CHARACTER}"]


def test_stderr_is_shown_before_the_result(tmp_path: Path) -> None:
    said: list[Event | str] = []
    with StageRunner() as runner:
        runner.run_command(["sh", "-c", "for i in $(seq 2000); do echo $i >&2; done"], said.append)
    assert said == [str(number) for number in range(1, 2001)]


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])  # that DVC runs commands by; some say "Killed"
def test_why_a_stage_failed_is_told(checked_project: Path, failure: Callable[..., str], shell: str) -> None:
    without_a_word = r"^it ended without saying why.*its last line was 'last words'"
    cases: list[tuple[str, type[MovaError], str]] = [
        (failure("no room", 1), MovaError, "^no room$"),
        (failure("no such table", 2, "UsageError"), UsageError, "^no such table$"),
        (failure("broken", 3, "ContractBroken"), ContractBroken, "^broken$"),
        ("echo last words >&2; exit 1", WorkerLost, without_a_word),
        ("echo last words; kill -9 $$", WorkerLost, without_a_word),
        ("true", MovaError, r"^DVC: .*data/clips\.txt"),  # it made nothing
    ]
    with StageRunner({"SHELL": shell}) as runner:
        for commands, kind, message in cases:
            write_cut(checked_project, commands)
            with pytest.raises(MovaError, match=message) as raised:
                runner.run_stage("cut", ignore)
            assert type(raised.value) is kind


def test_the_stages_are_planned_where_dvc_is_loaded_already(checked_project: Path) -> None:
    with StageRunner() as runner:
        assert runner.plan("cut") == plan("cut")
        with pytest.raises(UsageError, match="no stage 'trian'"):
            runner.plan("trian")


def test_the_environment_reaches_the_stage_and_its_stdin_is_empty(checked_project: Path) -> None:
    write_cut(
        checked_project,
        'cat; echo "workers $MOVA_WORKERS events $MOVA_JSON_EVENTS"; cp data/sources.txt data/clips.txt\n',
    )
    said: list[Event | str] = []
    with StageRunner({"MOVA_WORKERS": "7"}) as runner:
        runner.run_stage("cut", said.append)
    assert said == ["workers 7 events 1"]


def test_a_lost_child_is_told_and_replaced(checked_project: Path) -> None:
    write_cut(checked_project, f"{KILL_WORKER}cp data/sources.txt data/clips.txt")
    with StageRunner() as runner:
        with pytest.raises(WorkerLost, match="cut is gone"):
            runner.run_stage("cut", ignore)
        assert runner.run_stage("cut", ignore).ran


def test_whoever_leaves_early_leaves_nothing_running(checked_project: Path) -> None:
    write_cut(checked_project, SLEEPER)

    def interrupt(said: Event | str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), StageRunner() as runner:
        runner.run_stage("cut", interrupt)
    assert is_gone(checked_project / "pid") and is_gone(checked_project / "stubborn")


def test_a_flow_killed_outright_takes_its_stage_along_and_a_rerun_works(checked_project: Path) -> None:
    write_cut(checked_project, SLEEPER)
    with subprocess.Popen([sys.executable, "-c", FLOW], stdout=subprocess.PIPE, text=True) as flow:
        assert flow.stdout is not None and flow.stdout.readline() == "going\n"
        flow.send_signal(signal.SIGKILL)
    assert is_gone(checked_project / "pid") and is_gone(checked_project / "stubborn")
    write_cut(checked_project, "cp data/sources.txt data/clips.txt")
    with StageRunner() as runner:
        assert runner.run_stage("cut", ignore).ran
