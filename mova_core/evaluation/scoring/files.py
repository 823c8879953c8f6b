"""The files of one evaluation of clips, in one folder.

metrics.json    each metric with its interval, n of N clips, and what was unavailable; written last
clips.jsonl     a line a clip: its file, what it was asked to be, what it adds to each metric; of a metric that is one
                ratio over clips less another, what it adds to both
against.jsonl   the same of the clips that they are compared with
values.json     metric -> value, for `dvc metrics`: those that could be measured
clips.csv       a row a clip with its value of each such metric, for `dvc plots`; an empty cell is unavailable
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mova_core.evaluation.measuring.rounding import DIGITS
from mova_core.evaluation.scoring.scored import Scored
from mova_core.registry.manifests import METRICS_FILE
from mova_core.storage.atomic import make_folder, write_text
from mova_core.storage.hashing import sha256_file

CLIPS_FILE, AGAINST_FILE = "clips.jsonl", "against.jsonl"
VALUES_FILE, TABLE_FILE = "values.json", "clips.csv"


def write_scores(
    out: Path, result: Mapping[str, Any], clips: Sequence[Scored], against: Sequence[Scored]
) -> dict[str, Any]:
    """Write them all.

    Args:
        out: the folder.
        result: what metrics.json holds.
        clips: what was measured of each.
        against: the same of those that they are compared with; [] removes an earlier evaluation's.

    Returns:
        What metrics.json holds: the result, and the sha256 of clips.jsonl, which is thereby part of what was measured.
    """
    make_folder(out)
    values = {name: metric["value"] for name, metric in result["metrics"].items() if metric["value"] is not None}
    write_text(out / CLIPS_FILE, _lines(clips))
    if against:
        write_text(out / AGAINST_FILE, _lines(against))
    else:
        (out / AGAINST_FILE).unlink(missing_ok=True)
    write_text(out / TABLE_FILE, _table(clips, list(values)))
    write_text(out / VALUES_FILE, json.dumps(values, indent=1) + "\n")
    whole = {**result, "clips_sha256": sha256_file(out / CLIPS_FILE)}
    write_metrics(out, whole)
    return whole


def write_metrics(out: Path, result: Mapping[str, Any]) -> None:
    """Write metrics.json alone."""
    write_text(out / METRICS_FILE, json.dumps(result, indent=1) + "\n")


def clip_value(numerator: float, denominator: float) -> float | None:
    """A clip's own value of a metric, from what it adds; None where there was nothing to measure in it."""
    return round(numerator / denominator, DIGITS) if denominator else None


def _lines(clips: Sequence[Scored]) -> str:
    return "".join(json.dumps(each.line(), sort_keys=True) + "\n" for each in clips)


def _table(clips: Sequence[Scored], metrics: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    lines = [clip.line() for clip in clips]
    of_clips = [name for name in metrics if any(name in line["metrics"] for line in lines)]
    writer.writerow(["clip", "set", *of_clips])
    for line in lines:
        values = (clip_value(*line["metrics"].get(name, (0.0, 0.0))) for name in of_clips)
        name = line["name"].encode("utf-8", "backslashreplace").decode()  # a file name may be no UTF-8
        writer.writerow([name, line["asked"].get("set"), *values])
    return text.getvalue()
