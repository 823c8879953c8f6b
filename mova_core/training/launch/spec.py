"""What is to be started, whatever starts it: the same command in every process, told apart by RANK and WORLD_SIZE."""

import os
from dataclasses import dataclass

RESTARTS = 3  # of the processes of a node; each goes on from the last checkpoint
PORT = 29500  # where the nodes find each other, unless the launcher has a better one


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """A training on several processes.

    Args:
        name: of the job; lower-case letters, digits and hyphens.
        command: of every process, such as `mova train phase1`.
        folder: the project's; the same path on every machine.
        nodes: machines.
        processes_per_node: on each.
        gpus: whether each process gets a GPU.
        image: container image that holds `mova`, of kubernetes.
    """

    name: str
    command: tuple[str, ...]
    folder: str
    nodes: int = 1
    processes_per_node: int = 1
    gpus: bool = False
    image: str = "mova-mlops"

    @property
    def processes(self) -> int:
        return self.nodes * self.processes_per_node


@dataclass(frozen=True, slots=True)
class Job:
    """How a cluster's own tools run a spec.

    Args:
        manifest: read from stdin by every command; empty where the command says all.
        run: commands, one after the other; the last one ends when the training does.
        cancel: ends it early.
    """

    manifest: str
    run: tuple[tuple[str, ...], ...]
    cancel: tuple[str, ...]


def is_started() -> bool:
    """Whether a launcher has started this process: then it trains, and starts nothing."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def torchrun(spec: LaunchSpec, *rendezvous: str) -> tuple[str, ...]:
    """The command that starts and restarts the processes of one node."""
    return (
        "torchrun",
        f"--nnodes={spec.nodes}",
        f"--nproc-per-node={spec.processes_per_node}",
        f"--max-restarts={RESTARTS}",
        *rendezvous,
        "--local-ranks-filter=0",  # one process of a node speaks
        "--no-python",
        *spec.command,
    )


# torchrun's agents otherwise keep a store that ends with one of them, so that its replacement finds none.
ENVIRONMENT = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}


def met_at(host: str, port: int | str = PORT, run_id: str = "mova") -> tuple[str, ...]:
    """torchrun's arguments for nodes that find each other at one of them."""
    return "--rdzv-backend=c10d", f"--rdzv-endpoint={host}:{port}", f"--rdzv-id={run_id}"
