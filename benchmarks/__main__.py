"""`python -m benchmarks [NAME …]`: run them all, or those named, and record what came out.

A benchmark of several parts has them run one by one as `curation.tools`.
"""

import importlib
import sys
from collections.abc import Callable

from benchmarks.measure import Row, record

BENCHMARKS = ("curation", "sampler", "training")


def main(names: list[str]) -> int:
    """Run the named benchmarks or parts (all without names); 2 for a name that is none."""
    asked: list[Callable[[], list[Row]]] = []
    for name in names or BENCHMARKS:
        benchmark, _, part = name.partition(".")
        if benchmark not in BENCHMARKS:
            print(f"benchmarks: {name!r} is none of {', '.join(BENCHMARKS)}", file=sys.stderr)
            return 2
        parts = parts_of(benchmark)
        if part and part not in parts:
            told = ", ".join(filter(None, parts)) or "none"
            print(f"benchmarks: {benchmark} has no part {part!r}, its parts are {told}", file=sys.stderr)
            return 2
        asked += [parts[part]] if part else parts.values()
    for run in asked:
        record(run())
    return 0


def parts_of(benchmark: str) -> dict[str, Callable[[], list[Row]]]:
    """Its parts by name; a benchmark in one piece is its own only part, without a name."""
    module = importlib.import_module(f"benchmarks.{benchmark}")
    return getattr(module, "PARTS", None) or {"": module.rows}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
