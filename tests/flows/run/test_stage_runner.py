"""A stage's child process: its lines and its end reach the flow, and nothing of it outlives the flow."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from flows.run.stage_runner import Line, StageResult, StageRunner, WorkerLost

SLEEPER = """
(trap '' TERM; exec sleep 1000) &
echo $! > stubborn
echo $$ > pid
echo going
exec sleep 1000
"""
FLOW = """
from flows.run.stage_runner import StageRunner
with StageRunner() as runner:
    runner.run_stage("cut", lambda line: print(line.text, flush=True))
"""
KILL_WORKER = f"test -e once || {{ touch once; {sys.executable} -c 'import os; os.kill(os.getpgrp(), 9)'; }}\n"


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


def test_lines_and_answers_come_through(project: Path) -> None:
    lines: list[Line] = []
    with StageRunner() as runner:
        first = runner.run_stage("ingest", lines.append)
        again = runner.run_stage("ingest", lines.append)
    assert first == StageResult(ran=True, exit_code=0, error=None)
    assert again == StageResult(ran=False, exit_code=0, error=None)
    assert [line.text for line in lines if line.channel == "stdout"] == ["2 files"]
    assert [line.text for line in lines if line.channel == "stderr"] == ["ingest 1/2", "ingest 2/2"]


def test_a_line_without_end_and_strange_bytes_come_through(project: Path) -> None:
    lines: list[Line] = []
    with StageRunner() as runner:
        runner.run_command(["printf", r"one\rtwo\n\n\377"], lines.append)
    assert lines == [Line("stdout", "one"), Line("stdout", "two"), Line("stdout", "\N{REPLACEMENT CHARACTER}")]


def test_the_exit_code_is_the_commands_own(checked_project: Path) -> None:
    with StageRunner() as runner:
        for command, expected in (("exit 3", {3}), ("exit 2", {2}), ("kill -9 $$", {-9, 128 + 9})):
            write_cut(checked_project, command)
            assert runner.run_stage("cut", lambda _: None).exit_code in expected


def test_what_dvc_itself_complains_of_is_told(checked_project: Path) -> None:
    write_cut(checked_project, "true")
    with StageRunner() as runner:
        answer = runner.run_stage("cut", lambda _: None)
    assert answer.exit_code == 1
    assert answer.error is not None and "data/clips.txt" in answer.error


def test_the_environment_reaches_the_stage_and_its_stdin_is_empty(checked_project: Path) -> None:
    write_cut(checked_project, 'cat; echo "workers $MOVA_WORKERS"; cp data/sources.txt data/clips.txt\n')
    lines: list[Line] = []
    with StageRunner({"MOVA_WORKERS": "7"}) as runner:
        assert runner.run_stage("cut", lines.append).exit_code == 0
    assert lines == [Line("stdout", "workers 7")]


def test_a_lost_child_is_told_and_replaced(checked_project: Path) -> None:
    write_cut(checked_project, f"{KILL_WORKER}cp data/sources.txt data/clips.txt")
    with StageRunner() as runner:
        with pytest.raises(WorkerLost, match="cut is gone"):
            runner.run_stage("cut", lambda _: None)
        assert runner.run_stage("cut", lambda _: None) == StageResult(ran=True, exit_code=0, error=None)


def test_whoever_leaves_early_leaves_nothing_running(checked_project: Path) -> None:
    write_cut(checked_project, SLEEPER)

    def interrupt(line: Line) -> None:
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
        assert runner.run_stage("cut", lambda _: None) == StageResult(ran=True, exit_code=0, error=None)
