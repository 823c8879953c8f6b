"""Curation of any folder outside DVC: ingest … assess, tables and clips as plain files in one folder."""

import shutil
from pathlib import Path
from typing import Any

from mova_core.curation.assess.measure_groups import measuring
from mova_core.curation.assess.stage import assess
from mova_core.curation.cut.stage import cut
from mova_core.curation.engine.base import Engine
from mova_core.curation.ingest.lock import lock_footage
from mova_core.curation.ingest.stage import ingest
from mova_core.curation.recorded_params import MADE_WITH, write_made_with
from mova_core.curation.segment.stage import segment
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import UsageError
from mova_core.params import Params
from mova_core.places import SOURCES_LOCK, DataFolder
from mova_core.storage.atomic import make_folder
from mova_core.storage.object_store.base import is_bucket

STAGES = ("ingest", "segment", "cut", "assess")


def curate(params: Params, source: str, out: Path, engine: Engine) -> dict[str, Any]:
    """Fill `out` with the tables sources, segments, windows, near_duplicates, clips, verdicts and rejects, the clips'
    files and params.yaml.

    A rerun takes over what a run before it finished, in `out/.result_cache`. What a bucket holds now is written down
    first, in `out/sources.lock`, so that all stages see the same objects.

    Args:
        params: all sections; `ingest.footage` is not asked.
        source: a folder, a list (`.txt`), a lock, or `s3://bucket/prefix`.
        out: where everything goes.
        engine: where files are looked at.

    Raises:
        UsageError: the footage is missing or empty, lies inside `out` or the other way round, `out` cannot be written
            to, or params ask for a measure that cannot be taken here.
    """
    footage = out / SOURCES_LOCK.name if is_bucket(source) else Path(source)
    inside, outside = footage.resolve(), out.resolve()
    if inside.is_dir() and (inside.is_relative_to(outside) or outside.is_relative_to(inside)):
        raise UsageError(f"--out {out} and the footage {footage} lie inside each other: choose a separate folder")
    measuring(params)  # what cannot be measured is refused now, not after an hour of cutting
    make_folder(out)
    if is_bucket(source):
        lock_footage(source, footage)
    data, result_cache = DataFolder(out), out / ".result_cache"
    (out / MADE_WITH).unlink(missing_ok=True)  # until the tables are all made with these
    summaries = {
        "ingest": ingest(params, footage, data, engine, result_cache),
        "segment": segment(params, footage, data, engine, result_cache),
        "cut": cut(params, footage, data, engine, result_cache, as_files=True),
        "assess": assess(params, data, engine, result_cache),
    }
    rows = [row for stage in STAGES for row in read_table(data.rejects(stage), "rejects")]
    write_table(data.table("rejects"), "rejects", rows)
    shutil.rmtree(data.rejects("ingest").parent)
    write_made_with(params, out)
    return summaries
