"""`mova curate`: any footage to clips with verdicts, outside DVC; and what other limits would accept."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.options import EngineName, Workers

PRESET = "mova-720p"
PAGE = "what-if.html"
NAMED = 20  # changed clips told at the terminal; the page and --json have all


def curate(
    out: Annotated[Path, typer.Option("--out", help="Folder for the tables, the clips and the report.")],
    footage: Annotated[
        str | None,
        typer.Argument(
            help="A folder of footage, a .txt list of its files (one path a line), or s3://BUCKET/PREFIX.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="nano, mova-360p or mova-720p; without it that of --params, else mova-720p.")
    ] = None,
    params_file: Annotated[Path | None, typer.Option("--params", help="A params file instead of the defaults.")] = None,
    engine: EngineName = "local",
    workers: Workers = 0,
    what_if: Annotated[
        Path | None, typer.Option("--what-if", help="A params file whose limits to try on the clips in OUT.")
    ] = None,
) -> dict[str, Any]:
    """Cut footage into clips and judge them: ingest, segment, cut, assess.

    Writes OUT/{sources,segments,windows,near_duplicates,clips,verdicts,rejects}.parquet, the clips in OUT/clips/ and
    OUT/report.html.
    Every file ends in a table: as clips, or with the reason why not. Run again after a stop, it goes on.

    Keys and endpoint of a bucket come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL)
    or the files of the AWS tools.

    With --what-if FILE and no footage, it tells what the limits of FILE (section assess; what it leaves out stays)
    would accept of an earlier curation in OUT: from the stored measures, with nothing decoded and no table changed.
    Writes OUT/what-if.html. For tables under DVC: --out data --params params.yaml.

    Example: mova curate ~/footage --out curated --preset mova-360p --workers 2

    Example: mova curate s3://footage/2026 --out curated --preset mova-360p

    Example: mova curate --what-if stricter.yaml --out curated
    """
    from mova_core.errors import UsageError

    if what_if is not None:
        given = {"FOOTAGE": footage, "--preset": preset, "--workers": workers or None}
        if needless := [name for name, value in given.items() if value is not None] + ["--engine"] * (
            engine != "local"
        ):
            raise UsageError(f"--what-if decodes nothing, so {needless[0]} has no effect: leave it out")
        return _what_if(what_if, out, params_file)
    if footage is None:
        raise UsageError("no FOOTAGE is named: `mova curate FOOTAGE --out DIR`, or --what-if FILE for an earlier one")
    return _curate(footage, out, preset, params_file, engine, workers)


def _curate(
    footage: str, out: Path, preset: str | None, params_file: Path | None, engine: str, workers: int
) -> dict[str, Any]:
    from mova_core.params import load_params, params_from

    if params_file:
        params = load_params(params_file, preset)
    else:
        params = params_from({"preset": preset or PRESET}, where="--preset")

    from mova_core.curation.curate import curate as run_curation
    from mova_core.curation.engine.base import Engine
    from mova_core.places import DataFolder
    from mova_core.reporting.report import write_report

    summary = run_curation(params, footage, out, Engine.choose(engine, workers))
    write_report(params, DataFolder(out), out / "report.html")
    lines = [f"{stage:<9} {values.pop('text', '')}" for stage, values in summary.items()]
    lines.append(
        f"{out}/{{sources,segments,windows,near_duplicates,clips,verdicts,rejects}}.parquet · report {out}/report.html"
    )
    return {**summary, "out": str(out), "text": "\n".join(lines)}


def _what_if(limits: Path, out: Path, made_with: Path | None) -> dict[str, Any]:
    from mova_core.curation.assess.threshold_simulation import as_json, what_if
    from mova_core.places import DataFolder
    from mova_core.reporting.threshold_page import told, write_page

    answer = what_if(DataFolder(out), limits, made_with)
    write_page(answer, DataFolder(out), out / PAGE)
    lines = [*told(answer, NAMED), f"page: {out / PAGE}"]
    return {**as_json(answer), "out": str(out), "page": str(out / PAGE), "text": "\n".join(lines)}
