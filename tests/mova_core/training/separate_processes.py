"""Run by tests in a process of its own: imports once, then forks for every try, before torch has any threads.

python separate_processes.py kill SECTION STEP PLACE [STEP PLACE …]   a try each, killed there; then one to the end
python separate_processes.py together SECTION PORT                     two processes train one run
"""

import os
import signal
import sys

from mova_core.params import Params
from mova_core.params.model import TrainParams
from mova_core.training import loop
from mova_core.training.checkpoints import writer
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES


def run_training(section: str) -> None:
    loop.train(PHASES["phase1"], Params(train=TrainParams.model_validate_json(section)), Places())


def forked(function, *args) -> int:
    child = os.fork()
    if child == 0:
        function(*args)
        os._exit(0)
    return child


def killed(section: str, step: int, place: str) -> None:
    """Die as soon as the step's record is written, or in the middle of the next checkpoint after it."""
    write, save_file = loop.Curves.write, writer.save_file
    records = []

    def writing(self, record):
        write(self, record)
        records.append(record["step"])
        if place == "record" and record["step"] >= step:
            os.kill(os.getpid(), signal.SIGKILL)

    def saving(tensors, path, **options):
        save_file(tensors, path, **options)
        if place == "checkpoint" and records[-1] >= step:
            os.kill(os.getpid(), signal.SIGKILL)

    loop.Curves.write, writer.save_file = writing, saving
    run_training(section)


def one_of_two(section: str, port: str, rank: int) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    run_training(section)


if __name__ == "__main__":
    what, section, *rest = sys.argv[1:]
    if what == "kill":
        for step, place in zip(rest[::2], rest[1::2], strict=True):
            _, status = os.waitpid(forked(killed, section, int(step), place), 0)
            assert os.WIFSIGNALED(status), f"not killed at {step} {place}"
        children = [forked(run_training, section)]
    else:
        children = [forked(one_of_two, section, rest[0], rank) for rank in range(2)]
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
