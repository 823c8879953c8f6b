"""Run benchmarks, print what came out, and record it in benchmarks/results.json.

Names are those of the benchmarks, or of one part of one: `python -m benchmarks curation.tools`. Without names all run.
The exit code is 1 when a target was missed (each miss is printed last) and 2 for a name that is none.
"""

import argparse
import importlib
import sys
from collections.abc import Callable

from benchmarks.measure import Row, is_missed, miss, record

BENCHMARKS = {  # module of each, which has either `rows` or, by name, `PARTS`
    "curation": "benchmarks.curation.parts",
    "sampler": "benchmarks.sampler.parts",
    "collapse": "benchmarks.sampler.collapse",
    "training": "benchmarks.training.parts",
    "conditions": "benchmarks.training.conditions",
    "evaluation": "benchmarks.evaluation.parts",
    "orchestration": "benchmarks.orchestration",
    "registry": "benchmarks.registry.parts",
}


def main(arguments: list[str]) -> int:
    """Run the named benchmarks or parts (all without names); the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="example: python -m benchmarks sampler curation.start",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}, or NAME.PART")
    asked: list[Callable[[], list[Row]]] = []
    for name in parser.parse_args(arguments).names or BENCHMARKS:
        benchmark, _, part = name.partition(".")
        if benchmark not in BENCHMARKS:
            parser.error(f"{name!r} is none of {', '.join(BENCHMARKS)}")
        parts = parts_of(benchmark)
        if part and part not in parts:
            parser.error(f"{benchmark} has no part {part!r}, its parts are {', '.join(filter(None, parts)) or 'none'}")
        asked += [parts[part]] if part else parts.values()
    missed: list[Row] = []
    for run in asked:
        rows = run()
        record(rows)
        missed += filter(is_missed, rows)
    for row in missed:
        print(f"missed: {miss(row)}", file=sys.stderr)
    return 1 if missed else 0


def parts_of(benchmark: str) -> dict[str, Callable[[], list[Row]]]:
    """Its parts by name; a benchmark in one piece is its own only part, without a name."""
    module = importlib.import_module(BENCHMARKS[benchmark])
    return getattr(module, "PARTS", None) or {"": module.rows}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
