"""A caption for every accepted clip: its file's own one from a sidecar, else a template filled with what is known.

An own caption describes a whole file, so all clips of the file get it (kind `own`, its language not known). A template
names the scenes that the file's sidecar lists, or else what was measured.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from mova_core.curation.caption.templates import (
    SYNTHETIC_CLASSES,
    Facts,
    measured_caption,
    synthetic_caption,
)
from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.sidecars_read import check_sidecars
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import UsageError
from mova_core.params import Params
from mova_core.places import DataFolder

Row = Mapping[str, Any]

TEMPLATE_LANGUAGE = "en"
SEEN_SHARE = 0.05  # of the window: a scene that lasts less is a cut found a frame late, not named


def caption(params: Params, footage: Path, data: DataFolder) -> dict[str, Any]:
    """Write `captions`: a row for every accepted clip, in the order of `clips`.

    Args:
        params: all sections.
        footage: the folder, list or lock that `sources` was made from; sidecars are read from there.
        data: where the tables lie.

    Raises:
        UsageError: the footage or a table is missing, or the language is one that no template is written in.
        StaleError: a sidecar is not what it was when `ingest` read it.
    """
    if params.caption.language != TEMPLATE_LANGUAGE:
        raise UsageError(
            f"params caption.language is {params.caption.language!r}, template captions are written in"
            f" {TEMPLATE_LANGUAGE!r} only: set it to {TEMPLATE_LANGUAGE!r}"
        )
    windows = {row["window_id"]: row for row in read_table(data.table("windows"), "windows")}
    segments = {row["source_id"]: row for row in read_table(data.table("segments"), "segments")}
    verdicts = {row["clip_id"]: row for row in read_table(data.table("verdicts"), "verdicts")}
    sources = read_table(data.table("sources"), "sources")
    own_captions = {row["source_id"]: row["own_caption"] for row in sources if row["verdict"] == "accepted"}
    opened = Footage.open(footage)
    check_sidecars(data.table("sources"), opened, params.ingest.sidecar)
    scenes_of = _scene_reader(opened, sources)
    rows = []
    for clip in read_table(data.table("clips"), "clips"):
        verdict, window = verdicts[clip["clip_id"]], windows[clip["window_id"]]
        if verdict["verdict"] != "accepted":
            continue
        if own := own_captions[clip["source_id"]]:
            rows.append(_row(clip["clip_id"], merged=own, kind="own", language=None))
            continue
        classes = classes_seen(scenes_of(clip["source_id"]), window["start_s"], window["end_s"])
        if classes:
            text = synthetic_caption(classes, verdict["black_share"])
        else:
            text = measured_caption(_facts(clip, verdict, window, segments[clip["source_id"]]["cuts_s"]))
        rows.append(_row(clip["clip_id"], **asdict(text), kind=params.caption.kind, language=params.caption.language))
    inputs = {name: data.table(name) for name in ("verdicts", "clips", "windows", "segments", "sources")}
    write_table(data.table("captions"), "captions", rows, inputs)
    own = sum(row["kind"] == "own" for row in rows)
    told = f", {own} of them by their files' own captions" if own else ""
    return {"captions": len(rows), "own": own, "text": f"{len(rows)} clips captioned{told}"}


def classes_seen(scenes: Iterable[Mapping[str, Any]], start_s: float, end_s: float) -> list[str]:
    """Classes of synthetic footage seen in a window, in order, the same one only once in a row.

    Empty when any scene in the window is of no known class: then nothing is claimed about it.
    """
    seen: list[str] = []
    for scene in sorted(scenes, key=lambda scene: scene["start_s"]):
        start, end = max(scene["start_s"], start_s), min(scene["end_s"], end_s)
        if not (start < end and end - start >= SEEN_SHARE * (end_s - start_s)):
            continue
        name = str(scene.get("class"))
        if name not in SYNTHETIC_CLASSES:
            return []
        if seen[-1:] != [name]:
            seen.append(name)
    return seen


def _scene_reader(footage: Footage, sources: Iterable[Row]) -> Callable[[str], list[dict[str, Any]]]:
    """Scenes by source_id, each sidecar read once; of files of the same bytes the first that states any."""
    paths: dict[str, list[str]] = {}
    for row in sources:
        if row["verdict"] == "accepted" or row["reason_code"] == "duplicate":
            paths.setdefault(row["source_id"], []).append(row["path"])

    @cache
    def scenes(source_id: str) -> list[dict[str, Any]]:
        stated = (footage.sidecar(path).get("scenes") for path in paths[source_id])
        return next((some for some in stated if some), [])

    return scenes


def _facts(clip: Row, verdict: Row, window: Row, cuts_s: Sequence[float]) -> Facts:
    inside = [cut for cut in cuts_s if window["start_s"] < cut < window["end_s"]]
    return Facts(
        orientation=clip["orientation"],
        shots=len(inside) + 1,
        black_share=verdict["black_share"],
        motion=verdict["motion"],
        lufs=verdict["lufs"],
        speech_share=verdict["speech_share"],
    )


def _row(
    clip_id: str, *, merged: str, kind: str, language: str | None, visual: str | None = None, sound: str | None = None
) -> dict[str, Any]:
    return {
        "clip_id": clip_id,
        "visual": visual,
        "speech": None,  # neither kind has a transcript
        "sound": sound,
        "merged": merged,
        "kind": kind,
        "model": None,
        "language": language,
    }
