"""docs/metrics.md, written from the catalogue: `python -m mova_core.evaluation.metrics_page docs/metrics.md`."""

import sys
from math import isinf
from pathlib import Path

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import MetricSpec, Need
from mova_core.storage.atomic import write_text

HEAD = """\
# Metrics

Every metric, one line each. This page is written from `mova_core/evaluation/catalogue.py`, which also decides what is
measured, judged and shown; a test fails when they differ. After a change of a metric write it anew:

```bash
python -m mova_core.evaluation.metrics_page docs/metrics.md
```

A metric's *version* is part of what it is: it is raised when the same clips give another value, and values of two
versions are never compared. What cannot be measured is *unavailable* with the reason, in one clip or in all; it is
never zero.
A metric that needs *choice* is measured of the files of `--videos` and `--suite`, and after a phase with a mova preset;
with preset nano only where `evaluate.metrics` names it. `mova doctor --metrics` says which can be measured here.
How a value is put together and what its interval means: [evaluation.md](evaluation.md).
"""

NEEDS = {
    Need.VIDEO: "video",
    Need.KNOWN_EVENTS: "synthetic footage",
    Need.VALIDATION_CLIPS: "validation clips",
    Need.REFERENCE: "reference clips",
    Need.PROMPTS: "prompts",
    Need.TRANSCRIPTS: "prompts with `speech`",
}


def page() -> str:
    """The whole page."""
    rows = [_row(spec) for spec in CATALOGUE.values()]
    table = [
        "| metric | version | better | range | what it is | source | needs |",
        "|---|---|---|---|---|---|---|",
        *rows,
    ]
    return HEAD + "\n" + "\n".join(table) + "\n"


def _row(spec: MetricSpec) -> str:
    low, high = spec.range
    limits = "any" if isinf(low) else f"{low:g} and more" if isinf(high) else f"{low:g} to {high:g}"
    unit = f" {spec.unit}" if spec.unit else ""
    needs = [NEEDS[need] for need in spec.needs]
    needs += [f"weights of `{spec.model}`"] if spec.model else []
    needs += [f"package `{package}`" for package in spec.packages]
    needs += ["choice"] if spec.chosen else []
    cells = (
        f"`{spec.name}`",
        str(spec.version),
        spec.better,
        f"{limits}{unit}",
        spec.meaning,
        spec.source,
        ", ".join(needs),
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), page())
