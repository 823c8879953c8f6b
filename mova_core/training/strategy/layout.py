"""How training lies on processes, a GPU each; known without torch, so that `mova plan` plans what would be trained.

Three dimensions, innermost last: `replicate` groups hold copies of the weights and share the batch; the processes of a
group hold a part of the weights each; of them, `shard` parts share the batch and `context` processes share the tokens
of one clip. Weights are cut over shard x context processes (FSDP2, with HSDP where replicate > 1, and Ulysses), or
by DeepSpeed over all of them.
"""

from dataclasses import asdict, dataclass
from typing import NamedTuple

from mova_core.errors import UsageError
from mova_core.params.model import Backend, ParallelParams, TrainParams
from mova_core.training.strategy.deepspeed_config import STAGES

WEIGHTS_IN_PARTS = 3  # stage of ZeRO
GRADIENTS_IN_PARTS = 2


class Parts(NamedTuple):
    """In how many parts each kind of number is held; the moving average as the weights."""

    weights: int
    gradients: int
    moments: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of the three dimensions, and what is done with the parts.

    Args:
        replicate: copies of the model.
        shard: parts of a copy that compute clips of their own.
        context: processes that divide the tokens of a clip.
        backend: torch, or the stage of DeepSpeed's ZeRO.
        reshard: whether gathered weights are let go between forward and backward.
        cpu_offload: whether weights, gradients and moments wait on the processor.
    """

    replicate: int = 1
    shard: int = 1
    context: int = 1
    backend: Backend = "torch"
    reshard: bool = True
    cpu_offload: bool = False

    @classmethod
    def of(cls, params: ParallelParams, processes: int) -> "Layout":
        """The layout that params ask for.

        Raises:
            UsageError: the processes do not fill it.
        """
        parts = params.shard * params.context
        replicate = params.replicate or max(1, processes // parts)
        if replicate * parts != processes:
            raise UsageError(
                f"train.parallel asks for {replicate} x {params.shard} x {params.context} processes (replicate, shard, "
                f"context), {processes} were started: change it, or start {replicate * parts} (mova train PHASE "
                "--launcher, or torchrun)"
            )
        return cls(**params.model_dump() | {"replicate": replicate})

    @property
    def processes(self) -> int:
        return self.replicate * self.shard * self.context

    @property
    def data_ranks(self) -> int:
        """Processes, or groups that share a clip, that compute different clips."""
        return self.replicate * self.shard

    @property
    def shared_by(self) -> int:
        """Processes that hold one copy of what is in parts."""
        return self.processes if self.backend in STAGES else self.shard * self.context

    @property
    def parts(self) -> Parts:
        """Of weights, gradients and moments."""
        stage = STAGES.get(self.backend, WEIGHTS_IN_PARTS)
        held = [self.shared_by if stage >= least else 1 for least in (WEIGHTS_IN_PARTS, GRADIENTS_IN_PARTS, 1)]
        return Parts(*held)

    @property
    def leaves_whole(self) -> bool:
        """Whether DeepSpeed is asked to divide, and there is nothing to divide over."""
        return self.backend in STAGES and self.processes == 1

    def data_rank(self, rank: int) -> int:
        """Which of the data ranks a process belongs to."""
        return rank // self.context

    def __str__(self) -> str:
        """As params say it, but for what is the default beside the sizes."""
        default, sizes = asdict(Layout()), ("replicate", "shard", "context")
        said = {name: value for name, value in asdict(self).items() if name in sizes or value != default[name]}
        return "{" + ", ".join(f"{name}: {str(value).lower()}" for name, value in said.items()) + "}"


def check_layout(params: TrainParams, processes: int) -> Layout:
    """The layout of section `train` on so many processes.

    Raises:
        UsageError: the processes do not fill it; params that rule each other out, or leave nothing to divide.
    """
    check_parallel(params)
    layout = Layout.of(params.parallel, processes)
    if layout.leaves_whole:
        raise UsageError(
            f"train.parallel.backend is {layout.backend} in one process, which leaves nothing to divide: start several "
            "(train.launch.processes_per_node), or set backend to torch"
        )
    return layout


def check_parallel(params: TrainParams) -> None:
    """UsageError where params of the layout rule each other out."""
    parallel = params.parallel
    in_parts, zero = parallel.shard * parallel.context > 1, parallel.backend in STAGES
    if zero and (in_parts or parallel.cpu_offload):
        raise UsageError(
            f"train.parallel.backend is {parallel.backend} with shard {parallel.shard}, context {parallel.context}, "
            f"cpu_offload {str(parallel.cpu_offload).lower()}: DeepSpeed divides over all processes by itself; set "
            "them to 1, 1 and false, or backend to torch"
        )
    if parallel.backend == "zero3" and params.activation_checkpointing == "selective":
        raise UsageError(
            "train.activation_checkpointing is selective with backend zero3, whose linear layers change the matrix "
            "products that are to be kept: set it to full or none, or backend to torch and shard to the processes"
        )
    if parallel.cpu_offload and not in_parts:
        raise UsageError(
            "train.parallel.cpu_offload is true with shard 1 and context 1: only weights held in parts can wait on the "
            "processor; set shard to 2 or more"
        )


def check_micro_batches(micro_batches: int, batch: int, ranks: int) -> None:
    """UsageError unless the data ranks divide the micro-batches, and these the batch."""
    if micro_batches % ranks:
        raise UsageError(
            f"train.micro_batches is {micro_batches}, {ranks} data ranks train: expected a multiple of {ranks}, "
            "because the number decides the last bits of the weights; change it, or start another number of processes"
        )
    if batch % micro_batches:
        raise UsageError(
            f"a batch of {batch} clips does not divide into {micro_batches} micro-batches: change the phase's batch, "
            "or train.micro_batches"
        )
