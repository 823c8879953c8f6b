"""`mova evaluate --checkpoint REF --sweep NAME=VALUES`: options checked, then the sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mova_core.cli.model.evaluate_suite import SuiteOptions

if TYPE_CHECKING:
    from mova_core.params import Params

CLIPS = 16  # of each set, unless --limit says otherwise


def evaluate_sweep(
    options: SuiteOptions,
    words: Sequence[str],
    out: Path | None,
    data: Path,
    runtime: Mapping[str, Any],
    params: "Params",
) -> dict[str, Any]:
    """Sweep a suite, a nano model's own where none is named.

    Args:
        options: of the suite, as without a sweep.
        words: NAME=VALUE,VALUE each.
        out: folder of the sweep.
        data: of training.
        runtime: fields of `RuntimeParams`.
        params: what measures.

    Returns:
        What sweep.json holds, with `text`.

    Raises:
        UsageError, StaleError: see `run_sweep`.
    """
    from mova_core.errors import UsageError
    from mova_core.evaluation.catalogue import SYNTHETIC
    from mova_core.evaluation.sweeps.axes import parse_axes
    from mova_core.model.pretrained.index import FolderIndex

    axes = parse_axes(words)
    if options.checkpoint is None:
        raise UsageError("--sweep goes with --checkpoint REF, which generates at every point: give both")
    for name in ("shard", "rewrite_prompt"):
        if getattr(options, name):
            raise UsageError(f"--{name.replace('_', '-')} has no part in a sweep: leave one of the two out")
    options = replace(options, suite=options.suite or SYNTHETIC, limit=options.limit or CLIPS)
    asked = options.run(out, data, None, runtime)
    if options.suite == SYNTHETIC and not FolderIndex.read(asked.folder).has_nano_text:
        raise UsageError("--suite is missing: suite synthetic shows nothing of a model that is not of preset nano")

    from mova_core.evaluation.sweeps.run import run_sweep, write_sweep  # torch only from here on
    from mova_core.reporting.sweep_section import told, write_sweep_page

    sweep = run_sweep(asked, axes, params)
    page = write_sweep_page(sweep, asked.out)
    write_sweep(sweep, asked.out)
    return {**sweep.model_dump(mode="json"), "page": str(page), "text": told(sweep, page)}
