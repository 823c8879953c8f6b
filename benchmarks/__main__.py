"""`python -m benchmarks [NAME …]`: run them all, or those named, and record what came out."""

import importlib
import sys

from benchmarks.measure import record

BENCHMARKS = ("curation", "sampler", "training")


def main(names: list[str]) -> int:
    """Run the named benchmarks (all without names); 2 for a name that is none."""
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"benchmarks: {unknown[0]!r} is none of {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        record(importlib.import_module(f"benchmarks.{name}").rows())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
