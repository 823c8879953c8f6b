"""A part of a suite: the first clips of each set, or the share of one process of several."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mova_core.errors import UsageError
from mova_core.evaluation.suites.item import SuiteItem

SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` equal shares.

    Args:
        number: 1 to `count`.
        count: of all.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, word: str) -> "Shard":
        """`I/N` of a command line; UsageError for anything else."""
        found = SHARD.fullmatch(word)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UsageError(f"--shard is {word!r}, expected I/N with I from 1 to N, such as 1/4")
        return cls(int(found[1]), int(found[2]))

    def of(self, items: Sequence[SuiteItem]) -> tuple[SuiteItem, ...]:
        """Every `count`-th item: shares differ by one item at most, and each has some of every set."""
        return tuple(items[self.number - 1 :: self.count])


def first_of_each_set(items: Sequence[SuiteItem], limit: int) -> tuple[SuiteItem, ...]:
    """At most the first `limit` items of each set, in their order."""
    taken, seen = [], Counter[str | None]()
    for item in items:
        seen[item.asked.set] += 1
        if seen[item.asked.set] <= limit:
            taken.append(item)
    return tuple(taken)
