"""How GPUs are laid out, and which layouts a number of GPUs allows.

Three dimensions, innermost last: `replicate` groups hold copies of the weights and share the batch; the GPUs of a
group hold a part of the weights each; of them, `shard` parts share the batch and `context` GPUs share the tokens of
one clip. Weights are cut over shard x context GPUs (FSDP2, with HSDP where replicate > 1, and Ulysses).
"""

from collections.abc import Iterator
from dataclasses import dataclass

POWERS = tuple(2**power for power in range(11))


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of the three dimensions."""

    replicate: int = 1
    shard: int = 1
    context: int = 1

    @property
    def gpus(self) -> int:
        return self.replicate * self.shard * self.context

    @property
    def weight_parts(self) -> int:
        """GPUs that hold the weights once between them."""
        return self.shard * self.context

    @property
    def data_ranks(self) -> int:
        """Groups that compute different clips."""
        return self.replicate * self.shard

    def __str__(self) -> str:
        return f"--replicate {self.replicate} --shard {self.shard} --context {self.context}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sizes are given; None leaves one open."""

    gpus: int | None = None
    replicate: int | None = None
    shard: int | None = None
    context: int | None = None

    def layouts(self, batch: int, heads: int) -> Iterator[Layout]:
        """Every layout of these sizes whose data ranks divide the batch, and whose context GPUs have a head each."""
        sizes = [size for size in range(1, self.gpus + 1) if self.gpus % size == 0] if self.gpus else POWERS
        for context in (self.context,) if self.context else sizes:
            for replicate in (self.replicate,) if self.replicate else sizes:
                rest = (self.gpus // (context * replicate),) if self.gpus else POWERS
                for shard in (self.shard,) if self.shard else rest:
                    layout = Layout(replicate, shard, context)
                    as_wanted = shard > 0 and self.gpus in (None, layout.gpus)
                    if as_wanted and context <= heads and batch % layout.data_ranks == 0:
                        yield layout
