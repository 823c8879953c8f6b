"""Which layouts a plan chooses from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mova_core.params.model import ParallelParams, TrainParams
from mova_core.training.strategy.layout import Layout, check_parallel

POWERS = tuple(2**power for power in range(11))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sizes are given; None leaves one open.

    Args:
        gpus: of all nodes.
        replicate: copies of the model.
        shard: parts of a copy.
        context: GPUs that share a clip's tokens.
        micro_batches: of a step; None: as many as clips.
        like: what is done with the parts; its sizes do not count.
    """

    gpus: int | None = None
    replicate: int | None = None
    shard: int | None = None
    context: int | None = None
    micro_batches: int | None = None
    like: Layout = Layout()  # noqa: RUF009 - frozen

    @classmethod
    def by(cls, params: TrainParams, gpus: int | None = None) -> "Wanted":
        """What section `train` asks for.

        Args:
            params: its layout is open where `parallel` is left at its defaults and `launch` starts one process.
            gpus: instead of as many as `launch` starts.

        Raises:
            UsageError: params of the layout rule each other out.
        """
        parallel, launch = params.parallel, params.launch
        started = launch.nodes * launch.processes_per_node
        if started == 1 and parallel == ParallelParams():
            return cls(gpus)
        check_parallel(params)
        sizes = parallel.replicate, parallel.shard, parallel.context
        like = Layout(backend=parallel.backend, reshard=parallel.reshard, cpu_offload=parallel.cpu_offload)
        return cls(gpus or (started if started > 1 else None), *sizes, params.micro_batches, like)

    def clips(self, batch: int) -> int:
        """Of a micro-batch."""
        return batch // (self.micro_batches or batch)

    def layouts(self, batch: int, heads: int) -> Iterator[Layout]:
        """Every layout of these sizes whose data ranks divide the micro-batches, with a head for each context GPU."""
        count = self.micro_batches or batch
        sizes = [size for size in range(1, self.gpus + 1) if self.gpus % size == 0] if self.gpus else POWERS
        for context in (self.context,) if self.context else sizes:
            for replicate in (self.replicate,) if self.replicate else sizes:
                rest = (self.gpus // (context * replicate),) if self.gpus else POWERS
                for shard in (self.shard,) if self.shard else rest:
                    layout = replace(self.like, replicate=replicate, shard=shard, context=context)
                    as_wanted = shard > 0 and self.gpus in (None, layout.processes) and not layout.leaves_whole
                    if as_wanted and context <= heads and count % layout.data_ranks == batch % count == 0:
                        yield layout
