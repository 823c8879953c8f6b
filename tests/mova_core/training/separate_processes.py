"""Run by tests in a process of its own: imports once, then forks for every try, before torch has any threads.

python separate_processes.py kill SECTION STEP PLACE [STEP PLACE …]   a try each, killed there; then one to the end
python separate_processes.py together SECTION PORT [OUT …]             two processes train one run, then each trial
python separate_processes.py full SECTION PORT STEP                     the second one has no room for that checkpoint
"""

import errno
import os
import signal
import sys
from pathlib import Path

from mova_core.errors import DiskFull
from mova_core.params import Params
from mova_core.params.model import TrainParams
from mova_core.training import loop
from mova_core.training.checkpoints import writer
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES


def run_training(section: str, out: str | None = None) -> None:
    params = Params(train=TrainParams.model_validate_json(section))
    loop.train(PHASES["phase1"], params, Places(), None if out is None else Path(out))


def forked(function, *args) -> int:
    child = os.fork()
    if child == 0:
        function(*args)
        os._exit(0)
    return child


def killed(section: str, step: int, place: str) -> None:
    """Die as soon as the step's record is written, or in the middle of the next checkpoint after it.

    There, `files` is after the first of its files, `manifest` when only the folder's name is not yet right.
    """
    write, save_file, write_manifest = loop.Curves.write, writer.save_file, writer.write_manifest
    saving = steps_being_saved()

    def die_if(where, reached):
        if place == where and reached > step:
            os.kill(os.getpid(), signal.SIGKILL)

    def record_written(self, record):
        write(self, record)
        die_if("record", record["step"] + 1)

    def file_written(*args, **options):
        save_file(*args, **options)
        die_if("files", saving[-1])

    def manifest_written(*args):
        write_manifest(*args)
        die_if("manifest", saving[-1])

    loop.Curves.write, writer.save_file, writer.write_manifest = record_written, file_written, manifest_written
    run_training(section)


def steps_being_saved() -> list[int]:
    """Filled with the step of every checkpoint that this process begins to write."""
    write_data, steps = writer.CheckpointWriter.write_data, []

    def begun(self, plan, planner):
        steps.append(self._manifest.step)
        return write_data(self, plan, planner)

    writer.CheckpointWriter.write_data = begun
    return steps


def without_room(section: str, port: str, rank: int, step: int) -> None:
    """Write what is told of a disk that is full where the second process writes that checkpoint."""
    save_file, saving = writer.save_file, steps_being_saved()

    def full(tensors, path, **options):
        if rank == 1 and saving[-1] == step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        save_file(tensors, path, **options)

    writer.save_file = full
    try:
        one_of_two(section, port, rank, None)
    except DiskFull as error:
        Path(f"told-{rank}").write_text(str(error))


def one_of_two(section: str, port: str, rank: int, out: str | None) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    run_training(section, out)


def wait_for(children: list[int]) -> None:
    for child in children:
        assert os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    what, section, *rest = sys.argv[1:]
    if what == "kill":
        for step, place in zip(rest[::2], rest[1::2], strict=True):
            _, status = os.waitpid(forked(killed, section, int(step), place), 0)
            assert os.WIFSIGNALED(status), f"not killed at {step} {place}"
        wait_for([forked(run_training, section)])
    elif what == "full":
        wait_for([forked(without_room, section, rest[0], rank, int(rest[1])) for rank in range(2)])
    else:
        for out in (None, *rest[1:]):
            wait_for([forked(one_of_two, section, rest[0], rank, out) for rank in range(2)])
