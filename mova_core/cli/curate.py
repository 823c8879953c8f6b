"""`mova curate`: any folder of footage to clips with verdicts, outside DVC."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.cli.options import EngineName, Workers


def curate(
    footage: Annotated[Path, typer.Argument(help="A folder of footage.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the tables, the clips and the report.")],
    preset: Annotated[str, typer.Option(help="nano, mova-360p or mova-720p.")] = "mova-720p",
    params_file: Annotated[Path | None, typer.Option("--params", help="A params file instead of the defaults.")] = None,
    engine: EngineName = "local",
    workers: Workers = 0,
) -> dict[str, Any]:
    """Cut a folder of footage into clips and judge them: ingest, segment, cut, assess.

    Writes OUT/{sources,segments,windows,clips,verdicts,rejects}.parquet, the clips in OUT/clips/ and OUT/report.html.
    Every file ends in a table: as clips, or with the reason why not. Run again after a stop, it goes on.

    Example: mova curate ~/footage --out curated --preset mova-360p --workers 2
    """
    from mova_core.params import load_params, params_from

    params = load_params(params_file, preset) if params_file else params_from({"preset": preset}, where="--preset")

    from mova_core.curation.curate import curate as run_curation
    from mova_core.curation.engine import Engine
    from mova_core.curation.layout import DataFolder
    from mova_core.evaluation.report import write_report

    summary = run_curation(params, footage, out, Engine.choose(engine, workers))
    write_report(params, DataFolder(out), out / "report.html")
    lines = [f"{stage:<9} {values.pop('text', '')}" for stage, values in summary.items()]
    lines.append(f"{out}/{{sources,segments,windows,clips,verdicts,rejects}}.parquet · report {out}/report.html")
    return {**summary, "out": str(out), "text": "\n".join(lines)}
